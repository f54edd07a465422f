"""The import graph of the project's files, read from the sources.

Imports inside functions and under `if TYPE_CHECKING` count. `from .package import name` is an import of
`package/name.py` if that file exists, else of `package/__init__.py`. The `__init__.py` files of parent
packages, which Python also runs, do not count.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE_ROOTS = (ROOT / "infra", ROOT / "lambda", ROOT / "docs", ROOT)
FOLDERS = ("audit_lib", "audit_rules", "audit_ops", "local_cloud", "infra", "lambda", "examples", "bench",
           "docs", "tests")  # fmt: skip


def imported_names(path: Path, roots: Iterable[Path] = SOURCE_ROOTS) -> Iterator[str]:
    """Yield the dotted names that a file imports; `from a import b` is `a.b`."""
    module = _module_name(path, roots)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imports(files: Iterable[Path], roots: Iterable[Path] = SOURCE_ROOTS) -> dict[Path, set[Path]]:
    """Return for each file the files among them that it imports.

    Args:
        files: Python files below the source roots.
        roots: the source roots; a nested one comes before its parent.
    """
    names = {path: _module_name(path, roots) for path in files}
    modules = {name: path for path, name in names.items()}

    def file_of(name: str) -> Path | None:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return modules.get(name)

    return {
        path: {found for each in imported_names(path, roots) if (found := file_of(each))} - {path}
        for path in names
    }


def discovered(files: Iterable[Path]) -> dict[Path, set[Path]]:
    """Return each package that lists its own folder → the files that it finds there."""
    return {
        path: set(path.parent.glob("[!_]*.py"))
        for path in files
        if path.name == "__init__.py" and "iter_modules(__path__)" in path.read_text()
    }


def _module_name(path: Path, roots: Iterable[Path]) -> str:
    root = next(root for root in roots if path.is_relative_to(root))
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circle(graph: Mapping[Path, set[Path]]) -> list[Path]:
    """Return the files of an import cycle, each imported by the next, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def dependents(graph: Mapping[Path, set[Path]], changed: Iterable[Path]) -> set[Path]:
    """Return the changed files, and those that import them directly or indirectly."""
    found = set(changed)
    while more := {path for path, others in graph.items() if others & found} - found:
        found |= more
    return found


def project_files() -> list[Path]:
    """Return the Python files of the project."""
    return [ROOT / "app.py", *(path for name in FOLDERS for path in (ROOT / name).rglob("*.py"))]
