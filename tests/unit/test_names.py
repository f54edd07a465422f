"""A class name of `audit_lib` has one meaning in the whole tree."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("audit_lib", "audit_rules", "audit_ops", "local_cloud", "lambda", "infra")
# One class a framework, with the same role.
SAME_ROLE = {"AuditMiddleware"}
# Public in `audit_lib.adapters.request`; the embedded cloud's is renamed with its room.
KNOWN = {"Request"}


def test_a_class_name_of_the_library_is_used_once() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places[node.name.lstrip("_")].add(f"{path.relative_to(ROOT)}")
    twice = {
        name: sorted(files)
        for name, files in places.items()
        if len(files) > 1 and any(file.startswith("audit_lib/") for file in files)
    }
    assert twice.keys() - SAME_ROLE - KNOWN == set(), twice
