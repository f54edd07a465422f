"""Who may import whom: the map of the tree, held."""

import re
from pathlib import Path

import pytest

from tests.imports import circle, dependents, imported_names, imports

ROOT = Path(__file__).parents[2]
OURS = {
    "audit_lib",
    "audit_rules",
    "audit_ops",
    "local_cloud",
    "audit_infra",
    "router",
    "forwarder",
    "examples",
    "tests",
}
ALLOWED = {
    "audit_lib": set(),
    "audit_rules": set(),
    "lambda/router": {"router"},
    "lambda/forwarder": {"forwarder", "audit_rules", "audit_lib"},
    "infra/audit_infra": {"audit_infra", "audit_rules"},
    "local_cloud": {"audit_rules"},  # its patterns alone
    "audit_ops": {"audit_ops", "local_cloud", "audit_rules", "forwarder"},  # forwarder: previews
    "app.py": {"audit_infra", "audit_rules"},
    "examples": {"audit_lib", "examples"},
}
# Package → its rooms, from the bottom to the top, and the rooms that each may import. A room is a
# folder of the package, or a file beside them.
ROOMS: dict[str, dict[str, set[str]]] = {
    "audit_lib": {
        "_exceptions": set(),
        "_record": set(),
        "_proof": {"_record"},
        "_configuration": {"_exceptions", "_record"},
        "_output": {"_configuration", "_exceptions", "_proof", "_record"},
        "_context": {"_configuration", "_record"},
        "_arguments": {"_exceptions", "_record"},
        "adapters": {"_context", "_output", "_record"},
        "destinations": {"_configuration", "_exceptions", "_output", "_proof", "_record"},
        "testing": {"_output", "_record"},
        "_content": {"_arguments", "_configuration", "_context", "_record"},
        "_logger": {
            "_arguments", "_configuration", "_content", "_exceptions", "_output", "_proof", "_record",
        },
        "_health": {"_configuration", "_output"},
        "capture": {"_context", "_exceptions", "_logger", "_record"},
        "__init__": {
            "_arguments", "_configuration", "_context", "_exceptions", "_health", "_logger", "_output",
            "_proof", "_record",
        },
        "__main__": {"_proof"},
    },
}  # fmt: skip
# Rooms whose files import what they are for, and which nothing else imports.
WITH_EXTRAS = {"adapters", "capture", "destinations", "testing"}


def imported(path: Path) -> set[str]:
    """Return the packages that a file imports from, its own included."""
    return {name.partition(".")[0] for name in imported_names(path)}


def imports_of(package: Path) -> dict[str, set[str]]:
    graph = imports(sorted(package.rglob("*.py")), (package.parent,))

    def named(path: Path) -> str:
        return path.relative_to(package).with_suffix("").as_posix()

    return {named(path): set(map(named, others)) for path, others in graph.items()}


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_of_a_package_imports_the_rooms_below_it(package: str) -> None:
    rooms = ROOMS[package]
    for file, others in imports_of(ROOT / package).items():
        room = file.partition("/")[0]
        used = {other.partition("/")[0] for other in others} - {room}
        assert used <= rooms[room], file
    below: set[str] = set()
    for room, allowed in rooms.items():
        assert allowed <= below, f"{room} stands below what it may import"
        below.add(room)


@pytest.mark.parametrize("package", [each for each in ALLOWED if (ROOT / each).is_dir()])
def test_no_files_of_a_package_import_each_other_in_a_circle(package: str) -> None:
    assert circle(imports(sorted((ROOT / package).rglob("*.py")))) == []


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
def test_a_circle_is_found_however_the_import_is_written(tmp_path: Path, code: str) -> None:
    files = {"__init__": "", "a": code, "b": "x = 1", "room/__init__": "from .d import x",
             "room/d": "import json"}  # fmt: skip
    package = tmp_path / "p"
    (package / "room").mkdir(parents=True)
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    expected = {
        "__init__": set(),
        "a": {"b"},
        "b": set(),
        "room/__init__": {"room/d"},
        "room/d": set(),
    }
    assert imports_of(package) == expected
    graph = imports(package.rglob("*.py"), (tmp_path,))
    assert circle(graph) == []
    assert dependents(graph, [package / "b.py"]) == {package / "b.py", package / "a.py"}
    (package / "b.py").write_text("from p.room import y")
    (package / "room/d.py").write_text("from ..a import z")
    found = {path.stem for path in circle(imports(package.rglob("*.py"), (tmp_path,)))}
    assert found == {"a", "b", "d", "__init__"}


def test_the_embedded_cloud_imports_of_ours_the_patterns_alone() -> None:
    for path in (ROOT / "local_cloud").rglob("*.py"):
        for name in imported_names(path):
            ours = name.partition(".")[0] in OURS - {"local_cloud"}
            assert not ours or name.startswith("audit_rules.patterns."), (path, name)


def test_both_tables_of_retentions_are_the_same() -> None:
    """The embedded cloud may not import the rules' table, so it has one of its own."""
    from audit_rules import RETENTION_DAYS
    from local_cloud.services.log_limits import RETENTION_DAYS as OF_THE_CLOUD

    assert OF_THE_CLOUD == RETENTION_DAYS


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_what_the_map_allows(room: str) -> None:
    top = ROOT / room
    files = [top] if top.is_file() else sorted(top.rglob("*.py"))
    assert files
    own = {room} if room in OURS else set()
    for path in files:
        assert (imported(path) & OURS) - own <= ALLOWED[room], path


@pytest.mark.parametrize(
    ("room", "besides"),
    [
        ("audit_lib", {"orjson", "snapshot_restore_py"}),  # each where it is installed
        ("audit_rules", set()),
    ],
)
def test_the_libraries_need_next_to_nothing(room: str, besides: set[str]) -> None:
    import sys

    for path in (ROOT / room).rglob("*.py"):
        if path.relative_to(ROOT / room).parts[0] in WITH_EXTRAS:
            continue
        assert imported(path) <= set(sys.stdlib_module_names) | {room} | besides, path


def test_the_extra_brings_what_the_command_imports() -> None:
    import sys
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    brought = {re.split(r"[^A-Za-z0-9_-]", each)[0].replace("-", "_") for each in extras["ops"]}
    known = sys.stdlib_module_names | OURS | {"orjson", "pytest"}
    known |= {"botocore", "werkzeug"}  # of boto3 and of moto[server]
    files = [path for room in ("audit_ops", "local_cloud") for path in (ROOT / room).rglob("*.py")]
    wanted = set().union(*map(imported, files)) - known
    assert {
        {"yaml": "pyyaml"}.get(name, name)
        for name in wanted
        if not name.startswith("mypy_boto3_")  # for the type checker alone
    } <= brought


def test_the_tests_of_the_wheel_need_nothing_that_is_not_in_it() -> None:
    """`tests/e2e/test_wheel.py` runs them where the checkout is out of reach."""
    tests = [
        path
        for folder in ("unit/audit_lib", "unit/audit_rules", "unit/local_cloud")
        for path in (ROOT / "tests" / folder).rglob("*.py")
    ]
    outside = {"forwarder", "router", "audit_infra", "examples"}
    assert {path.name: names for path in tests if (names := imported(path) & outside)} == {}
