"""Derives the JSON Schema of `audit.toml`, for editors, from the code that reads the file.

The code runs on a `SchemaTable`, which accepts every key and stores the type and the check of each read. So
keys and types cannot differ between the two. A check without a schema (a duplicate id) is only in the code.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from audit_rules._reading.checks import Check
from audit_rules._reading.problems import Problems
from audit_rules._reading.table import TableReader
from audit_rules.channels import channel_types

__all__ = ["SchemaTable", "resolved"]

ANY: Final = "*"
"""The key that stands for each key of a table whose keys are names."""

_MEANINGS: Final = {
    "audit": "The trail.",
    "audit.name": "Prefix of every AWS name. Changing it later starts a new, empty trail.",
    "audit.time_zone": "Time zone of notifications, such as Europe/Madrid.",
    "audit.retention_days": "Number of days that records are kept; one of the values that CloudWatch offers.",
    "audit.examples": "Whether each rule must have examples.",
    "sources": "Where audit records come from.",
    "sources.log_groups": "Log groups that applications write to.",
    "channels": "How people are notified.",
    "channels.*.type": "Type of the channel; it determines the other keys.",
    "actions": "The actions that can happen, by ECS event.action.",
    "actions.*.sentence": "Sentence shown for the action: {actor} changed {record}.",
    "actions.*.fields": "Dotted paths of your own fields in its records, such as export.rows, for sentences.",
    "actions.*.category": "ECS event.category of its records.",
    "actions.*.type": "ECS event.type of its records; one that ECS allows with the category.",
    "actions.*.severity": "How urgent the action is, for readers of the catalogue; each rule has its own severity.",
    "actions.*.on_failure": "What audit_lib does when it cannot write a record of the action.",
    "rules": "Which records cause notifications.",
    "rules.id": "Name of the rule in AWS, in notifications and in commands.",
    "rules.title": "Heading of its notifications.",
    "rules.description": "What recipients should know.",
    "rules.owner": "The person or team that agreed to the rule.",
    "rules.severity": "Severity of its records.",
    "rules.channels": "Names of the channels that are notified.",
    "rules.pattern": "A CloudWatch filter pattern; alternatively, use when.",
    "rules.when": "All lists must match; a list matches if at least one of its values does.",
    "rules.when.record_types": "Values of changes.record_type.",
    "rules.when.actions": "Values of event.action.",
    "rules.when.outcomes": "Values of event.outcome: success, failure, unknown.",
    "rules.when.actors": "Values of user.id.",
    "rules.when.changed": "Fields that changed; dotted paths for nested fields.",
    "rules.when.kinds": "creation, change, deletion; changed without kinds and full actions means change.",
    "rules.when.networks": "source.ip is in one of these networks.",
    "rules.when.outside_networks": "source.ip is not in any of these networks.",
    "rules.threshold": "Number of records within window_minutes that put the alarm into ALARM.",
    "rules.window_minutes": "Period of the alarm, in minutes.",
    "rules.materiality": "Notify only if a number changed by more than this.",
    "rules.materiality.field": "The field with the number; a dotted path for a nested field.",
    "rules.materiality.by": "The difference that must be exceeded.",
    "rules.materiality.percent": "The difference that must be exceeded, in percent of the value before.",
    "rules.message": "Sentence to use instead of the action's: {actor} moved {record}.",
    "rules.quiet_hours": "Hours whose notifications are sent afterwards, such as 22:00-07:00 in the trail's time zone.",
    "labels": "Display names of fields, record types and values, for all rules.",
    "rules.labels": "Display names that replace those of [labels] for this rule.",
    "rules.examples": "Records that the rule must match, and records that it must not match.",
    "rules.examples.name": "What the example shows.",
    "rules.examples.matches": "Whether the rule must match the record.",
    "rules.examples.record": "The record, with dotted keys: record.event.action.",
    "rules.runbook": "An https:// URL that explains what to do.",
}


def _meaning(place: str, channel_type: str | None) -> str | None:
    """Return the description of a key, for a channel from its type, or None."""
    if channel_type is not None and place not in _MEANINGS:
        return channel_types()[channel_type].KEYS.get(place.rpartition(".")[2])
    return _MEANINGS.get(place)


class _Everything(tuple[str, ...]):
    """The keys of a table that contains every key."""

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


class SchemaTable(TableReader):
    """A `TableReader` that behaves as if it contained every key, and builds the schema of what is read."""

    def __init__(self, path: str = "", preset: Mapping[str, str] | None = None) -> None:
        super().__init__(Problems(), path, {})
        self._path = path
        self._preset = preset or {}
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._optional: set[str] = set()
        self._tables: dict[str, SchemaTable] = {}

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the keys that were read so far."""
        members = dict(self._properties)
        others = members.pop(ANY, False)
        schema: dict[str, Any] = {"type": "object"}
        if members:
            schema["properties"] = members
        if self._required:
            schema["required"] = sorted(self._required)
        return {**schema, "additionalProperties": others}

    def text(self, key: str, check: Check, *, default: str | None = None) -> str:
        preset = self._preset.get(key)
        node = {"const": preset} if preset else {"type": "string", **_of(check)}
        if default and default.strip():
            node["default"] = default
        self._add(key, node, required=default is None)
        return preset or ""

    def texts(self, key: str, check: Check, *, max_items: int | None = None) -> tuple[str, ...]:
        node = {"type": "array", "minItems": 1, "items": {"type": "string", **_of(check)}}
        self._add(
            key, {**node, "uniqueItems": True, **({"maxItems": max_items} if max_items else {})}
        )
        return ()

    def integer(self, key: str, low: int, high: int, *, default: int) -> int:
        node = {"type": "integer", "minimum": low, "maximum": high, "default": default}
        self._add(key, node, required=False)
        return default

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        self._add(key, {"type": "boolean"}, required=default is None)
        return bool(default)

    def positive(self, key: str) -> Decimal | None:
        self._add(key, {"type": "number", "exclusiveMinimum": 0}, required=False)
        return None

    def record(self, key: str) -> Mapping[str, object]:
        self._add(key, {"type": "object"})
        return {}

    def table(self, key: str, *, required: bool = False) -> TableReader:
        child = self._tables.get(key)
        if child is None:
            child = self._tables[key] = SchemaTable(self._child(key))
            self._add(key, _Deferred(child), required=required)
        return child

    def tables(self, key: str, label: str) -> list[TableReader]:  # noqa: ARG002 - signature of TableReader
        child = SchemaTable(self._child(key))
        self._add(key, {"type": "array", "items": _Deferred(child)}, required=False)
        return [child]

    def variants(self, key: str, presets: Iterable[Mapping[str, str]]) -> Iterator[TableReader]:
        """Yield a table for each of the presets, which fix some values (the `type` of a channel)."""
        forms = [SchemaTable(self._child(key), preset) for preset in presets]
        self._add(key, {"anyOf": [_Deferred(form) for form in forms]}, required=False)
        yield from forms

    def allow(self, keys: Collection[str]) -> None:
        self._optional.update(keys)
        for key in keys:
            items = {"type": "string", "minLength": 1}
            self._add(key, {"type": "array", "minItems": 1, "items": items})

    def names(self) -> tuple[str, ...]:
        return _Everything((ANY,))

    def finish(self) -> None: ...

    def add_problem(self, key: str, sentence: str) -> None: ...

    def _child(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _add(self, key: str, node: Any, *, required: bool = True) -> None:
        meaning = _meaning(self._child(key), self._preset.get("type"))
        self._properties[key] = _Described(meaning, node) if meaning else node
        if required and key not in {ANY, *self._optional, *self._required}:
            self._required.append(key)


class _Deferred:
    """A table whose schema is not complete yet."""

    def __init__(self, table: SchemaTable) -> None:
        self.table = table


class _Described:
    def __init__(self, text: str, node: Any) -> None:
        self.text = text
        self.node = node


def resolved(node: Any) -> Any:
    """Return a schema in which each table is replaced with its own schema, to be called after all reads."""
    match node:
        case _Deferred():
            return resolved(node.table.schema)
        case _Described():
            return {"description": node.text, **resolved(node.node)}
        case dict():
            return {name: resolved(inner) for name, inner in node.items()}
        case list():
            return [resolved(inner) for inner in node]
    return node


def _of(check: Check) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(check, "schema", {})
    return {} if ANY in found.get("enum", ()) or found.get("enum") == [] else found
