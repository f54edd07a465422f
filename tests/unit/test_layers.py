"""Who may import whom: the map of the tree, held."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "audit_lib",
    "audit_rules",
    "audit_ops",
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
    "lambda/forwarder": {"forwarder", "audit_rules"},
    "infra/audit_infra": {"audit_infra", "audit_rules"},
    "audit_ops": {"audit_ops", "audit_rules", "forwarder"},  # which previews are worded by
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
        "_logger": {
            "_arguments", "_configuration", "_context", "_exceptions", "_output", "_proof", "_record",
        },
        "capture": {"_context", "_exceptions", "_logger", "_record"},
        "__init__": {
            "_arguments", "_configuration", "_context", "_exceptions", "_logger", "_output", "_proof",
            "_record",
        },
        "__main__": {"_proof"},
    },
}  # fmt: skip
# Rooms whose files import what they are for, and which nothing else imports.
WITH_EXTRAS = {"adapters", "capture", "destinations", "testing"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def imports_between(package: Path) -> dict[str, set[str]]:
    """Return each file of a package → the files of it that it imports.

    Imports inside functions and under `if TYPE_CHECKING` count. `from .room import name` is an import
    of `room/name.py` where there is such a file, else of `room/__init__.py`; that Python runs the
    `__init__.py` of each folder above does not count.
    """
    files = {
        (package.name, *path.relative_to(package).with_suffix("").parts): path
        for path in package.rglob("*.py")
    }

    def file_of(module: tuple[str, ...]) -> tuple[str, ...] | None:
        return next((each for each in (module, (*module, "__init__")) if each in files), None)

    def modules(node: ast.AST, here: tuple[str, ...]) -> list[tuple[str, ...] | None]:
        if isinstance(node, ast.Import):
            return [file_of(tuple(alias.name.split("."))) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            above = here[: -node.level] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            return [file_of((*base, alias.name)) or file_of(base) for alias in node.names]
        return []

    def named(module: tuple[str, ...]) -> str:
        return "/".join(module[1:])

    return {
        named(module): {
            named(each)
            for node in ast.walk(ast.parse(path.read_text()))
            for each in modules(node, module)
            if each is not None
        }
        for module, path in files.items()
    }


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Return the files of one import circle, each imported by the next; none, an empty list."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_of_a_package_imports_the_rooms_below_it(package: str) -> None:
    rooms = ROOMS[package]
    for file, others in imports_between(ROOT / package).items():
        room = file.partition("/")[0]
        used = {other.partition("/")[0] for other in others} - {room}
        assert used <= rooms[room], file
    below: set[str] = set()
    for room, allowed in rooms.items():
        assert allowed <= below, f"{room} stands below what it may import"
        below.add(room)


@pytest.mark.parametrize("package", ROOMS)
def test_no_files_of_a_package_import_each_other_in_a_circle(package: str) -> None:
    assert circle(imports_between(ROOT / package)) == []


def test_a_circle_is_found_wherever_the_import_stands(tmp_path: Path) -> None:
    files = {
        "__init__": "from ._a import x",
        "_a": "def f():\n    from .room import b",
        "room/__init__": "",
        "room/b": "if TYPE_CHECKING:\n    from shop._c import y",
        "_c": "import json\nfrom collections import abc",
    }
    package = tmp_path / "shop"
    (package / "room").mkdir(parents=True)
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    assert imports_between(package) == {
        "__init__": {"_a"}, "_a": {"room/b"}, "room/__init__": set(), "room/b": {"_c"}, "_c": set()
    }  # fmt: skip
    assert circle(imports_between(package)) == []
    (package / "_c.py").write_text("import shop._a")
    assert set(circle(imports_between(package))) == {"_a", "room/b", "_c"}


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_what_the_map_allows(room: str) -> None:
    top = ROOT / room
    files = [top] if top.is_file() else sorted(top.rglob("*.py"))
    assert files
    own = {room} if room in OURS else set()
    for path in files:
        assert (imported(path) & OURS) - own <= ALLOWED[room], path


@pytest.mark.parametrize(("room", "besides"), [("audit_lib", {"orjson"}), ("audit_rules", set())])
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
    wanted = set().union(*map(imported, (ROOT / "audit_ops").rglob("*.py"))) - known
    assert {
        {"yaml": "pyyaml"}.get(name, name)
        for name in wanted
        if not name.startswith("mypy_boto3_")  # for the type checker alone
    } <= brought
