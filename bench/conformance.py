"""Counts the documentation's examples that a matcher gets right: ours, a peer, and matching everything.

`aws-json-term-matcher` supports the JSON form only; a rejected pattern counts as "does not match". The
table is that of `docs/patterns.md`.
"""

import json
import runpy
from collections.abc import Callable  # noqa: TC003 - a benchmark
from pathlib import Path

import aws_json_term_matcher.matcher

from audit_rules import FilterPattern


def peer(pattern: str, message: str) -> bool:
    try:
        return bool(aws_json_term_matcher.matcher.match(json.loads(message), pattern))
    except Exception:  # noqa: BLE001 - any error counts as no match
        return False


def main() -> None:
    root = Path(__file__).parents[1]
    examples = runpy.run_path(str(root / "tests/unit/audit_rules/documented.py"))["EXAMPLES"]
    ways: dict[str, Callable[[str, str], bool]] = {
        "matches everything": lambda _, __: True,
        "aws-json-term-matcher": peer,
        "ours": lambda pattern, message: FilterPattern(pattern).matches(message),
    }
    forms = {"{": "JSON", "[": "space-delimited"}
    rows: dict[str, list[tuple[str, str, bool]]] = {"JSON": [], "space-delimited": [], "terms": []}
    for example in examples:
        rows[forms.get(example[0][0], "terms")].append(example)
    print("| matcher |", " | ".join(f"{name} ({len(each)})" for name, each in rows.items()), "|")
    print("| --- |", " --- |" * len(rows))
    for name, way in ways.items():
        right = [sum(way(p, m) is e for p, m, e in each) for each in rows.values()]
        print(f"| {name} |", " | ".join(map(str, right)), "|")


if __name__ == "__main__":
    main()
