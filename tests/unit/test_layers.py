"""Who may import whom: the map of the tree, held."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "audit_lib",
    "audit_rules",
    "audit_ops",
    "local_cloud",
    "infra",
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
    "infra": {"infra", "audit_rules"},
    "local_cloud": {"audit_rules"},  # its patterns: test_circles holds it to them
    "audit_ops": {
        "audit_ops",
        "local_cloud",
        "audit_rules",
        "forwarder",
    },  # which previews are worded by
    "app.py": {"infra", "audit_rules"},
    "examples": {"audit_lib", "examples"},
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


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
        if path.parent.name in {"adapters", "destinations"} or path.name in {
            "testing.py",
            "_coverage.py",
        }:
            continue  # each imports what it is for, and nobody imports it
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
