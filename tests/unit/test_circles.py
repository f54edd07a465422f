"""No file imports one that imports it, in however many steps; and the embedded cloud stands alone."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from audit_rules import RETENTION_DAYS

ROOT = Path(__file__).parents[2]


def modules_of(package: Path) -> dict[str, Path]:
    """Return the files of a package by the names of their modules, sub-packages included."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imported_names(module: str, path: Path) -> Iterator[str]:
    """Return what a file imports anywhere: at its top, for the type checker, within functions.

    `from a import b` gives `a.b`: `a` has to be found from it where `b` is not a module.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def arrows(package: Path) -> dict[str, set[str]]:
    """Return which modules of a package each of its modules imports."""
    modules = modules_of(package)

    def module_of(name: str) -> str:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return name

    return {
        module: {module_of(name) for name in imported_names(module, path)} - {"", module}
        for module, path in modules.items()
    }


def circle_in(package: Path) -> list[str]:
    """Return the modules of a circle, the first one again at the end; empty if there is none."""
    try:
        TopologicalSorter(arrows(package)).prepare()
    except CycleError as error:
        return [str(module) for module in error.args[1]]
    return []


@pytest.mark.parametrize("package", ["local_cloud"])
def test_no_file_of_a_package_imports_one_that_imports_it(package: str) -> None:
    assert circle_in(ROOT / package) == []


@pytest.mark.parametrize(
    "code",
    [
        "import p.b",
        "from p import b",
        "from p.b import x",
        "from . import b",
        "from .b import x",
        "if TYPE_CHECKING:\n    from p.b import x",
        "def f():\n    from p.b import x",
    ],
)
def test_every_way_to_import_counts(tmp_path: Path, code: str) -> None:
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(code)
    (package / "b.py").write_text("x = 1")
    assert arrows(package)["p.a"] == {"p.b"}
    assert circle_in(package) == []
    (package / "b.py").write_text("from p.a import y")
    assert set(circle_in(package)) == {"p.a", "p.b"}


def test_a_circle_through_a_sub_package_counts(tmp_path: Path) -> None:
    package = tmp_path / "p"
    (package / "c").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "c" / "__init__.py").write_text("from .d import x")
    (package / "c" / "d.py").write_text("from ..a import x")
    (package / "a.py").write_text("from .c import x")
    assert set(circle_in(package)) == {"p.a", "p.c", "p.c.d"}


def test_the_embedded_cloud_imports_of_ours_the_patterns_alone() -> None:
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file()}
    ours |= {path.name for path in (ROOT / "lambda").iterdir() if path.is_dir()}
    assert {"audit_ops", "audit_rules", "forwarder", "local_cloud"} <= ours
    for module, path in modules_of(ROOT / "local_cloud").items():
        for name in imported_names(module, path):
            room = name.partition(".")[0]
            known = room == "local_cloud" or name.startswith("audit_rules.patterns.")
            assert known or room not in ours, (path, name)


def test_both_tables_of_retentions_are_the_same() -> None:
    """The embedded cloud may not import the rules' table, so it has one of its own."""
    from local_cloud.services.log_limits import RETENTION_DAYS as OF_THE_CLOUD

    assert OF_THE_CLOUD == RETENTION_DAYS
