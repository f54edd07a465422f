"""Builds a filter pattern from `when`, the simple form of a rule's condition."""

from collections.abc import Iterable, Mapping
from typing import Final

from .patterns import FilterPattern, Property, quoted

__all__ = ["WHEN", "pattern_of"]

WHEN: Final[Mapping[str, str]] = {
    "record_types": "$.changes.record_type",
    "actions": "$.event.action",
    "outcomes": "$.event.outcome",
    "changed": "$.changes.fields",
    "actors": "$.user.id",
}
"""The keys of `when`, each a list of values, and the selector of the field that must have one of them."""


def pattern_of(when: Mapping[str, Iterable[str]]) -> FilterPattern:
    """Return the filter pattern for which every list of `when` has at least one value that matches.

    A `*` at the beginning or the end of a value stands for any text. `changed` names fields of the
    record, with dotted paths for nested fields and without `*`. Keys that are not in `WHEN` are ignored;
    without any values, the pattern is empty and matches all records.

    Raises:
        FilterPatternError: the pattern is longer than 1,024 characters, or the name of a field has a `'`.
    """
    conditions = []
    for name, selector in WHEN.items():
        if texts := when.get(name):
            each = [
                f'{selector}{_steps(text)} = "*"'
                if name == "changed"
                else f"{selector} = {quoted(text)}"
                for text in texts
            ]
            conditions.append(each)
    alone = len(conditions) == 1
    joined = [
        " || ".join(each) if len(each) == 1 or alone else f"({' || '.join(each)})"
        for each in conditions
    ]
    return FilterPattern(f"{{ {' && '.join(joined)} }}" if joined else "")


def _steps(path: str) -> str:
    return "".join(str(Property(name)) for name in path.split("."))
