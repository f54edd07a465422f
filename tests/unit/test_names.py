"""Names and docstrings follow the house rules: a class name has one meaning, a docstring is plain."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.imports import ROOT, project_files

PRODUCT = ("audit_lib", "audit_rules", "audit_ops", "local_cloud", "infra", "lambda")

ALLOWED = {
    "AuditMiddleware": "the same verb in each adapter (asgi, wsgi)",
}


def classes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            yield node.name


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, text


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_a_class_name_has_one_meaning() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in project_files():
        if place(path).partition("/")[0] in PRODUCT:
            for name in classes(path):
                found[name].append(place(path))
    repeated = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert {name: paths for name, paths in repeated.items() if name not in ALLOWED} == {}
    assert set(ALLOWED) <= set(repeated), "remove the names that are not repeated"


def test_no_docstring_begins_with_give() -> None:
    found = [
        f"{place(path)}:{line}"
        for path in project_files()
        for line, text in docstrings(path)
        if text.startswith("Give")
    ]
    assert found == []
