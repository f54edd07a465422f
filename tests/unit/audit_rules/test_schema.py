"""The JSON Schema of `audit.toml` says what the reader says."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from audit_rules import ConfigError, json_schema, parse_config
from audit_rules._config._schema import _MEANINGS
from audit_rules._when import WHEN

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "audit.toml").read_text()
SCHEMA = json_schema()


def complaints(text: str) -> list[str]:
    Draft202012Validator.check_schema(SCHEMA)
    found = Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(text))
    return [f"{'.'.join(map(str, each.absolute_path))}: {each.message}" for each in found]


def test_the_file_for_editors_is_true() -> None:
    written = json.loads((ROOT / "audit.schema.json").read_text())
    assert written == SCHEMA, "run: audit rules schema > audit.schema.json"
    assert TEXT.startswith("#:schema ./audit.schema.json\n")


def test_our_own_file_is_valid() -> None:
    assert complaints(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('severity = "critical"', 'severity = "urgent"', "rules.1.severity"),
        ("retention_days = 3653", "retention_days = 0", "audit.retention_days"),
        ("retention_days =", "retention =", "audit"),
        ('owner = "Finance"\n', "", "rules.2"),
        ('type = "slack"', 'type = "pager"', "channels.security-slack"),
        ('category = ["authentication"]', 'category = ["login"]', "actions.login.category.0"),
        ("threshold = 3", 'threshold = "3"', "rules.4.threshold"),
        ("matches = true", "matches = 1", "rules.0.examples.0.matches"),
        ('id = "large-refund"', 'id = "Large refund"', "rules.3.id"),
    ],
)
def test_what_the_reader_refuses_an_editor_marks(old: str, new: str, place: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    with pytest.raises(ConfigError):
        parse_config(text)
    assert [each.split(": ")[0] for each in complaints(text)] == [place]


def keys(node: Any, path: str = "") -> dict[str, Any]:
    """Return all nodes of a schema by their dotted paths."""
    found = {path: node} if path else {}
    for name, inner in node.get("properties", {}).items():
        found |= keys(inner, f"{path}.{name}" if path else name)
    others = node.get("additionalProperties")
    if isinstance(others, dict):
        found |= keys(others, f"{path}.*")
    for inner in [*node.get("anyOf", ()), *([node["items"]] if "items" in node else [])]:
        found |= keys(inner, path)
    return found


def test_all_that_a_rule_may_say_is_in_it() -> None:
    found = keys(SCHEMA)
    assert {f"rules.when.{name}" for name in (*WHEN, "networks", "outside_networks")} <= set(found)
    assert {"rules.materiality.by", "rules.examples.record", "channels.*.recipients"} <= set(found)
    rule = SCHEMA["properties"]["rules"]["items"]
    assert set(rule["required"]) == {"id", "title", "owner", "severity", "channels"}
    assert "required" not in rule["properties"]["when"]
    assert set(_MEANINGS) <= set(found)
