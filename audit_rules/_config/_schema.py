"""The JSON Schema of `audit.toml`, for editors: what the reader asks for, written down while it asks.

The reader is run on a table that has everything and notes each question. So the schema cannot say anything
else than the reader does; what only the reader knows (an id that is there twice) is not in it.
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
"""The name of each member of a table whose keys are names."""

_MEANINGS: Final = {
    "audit": "The trail.",
    "audit.name": "Prefix of every AWS name. Another one later starts a new, empty trail.",
    "audit.time_zone": "The time zone of notifications, such as Europe/Madrid.",
    "audit.retention_days": "For how many days records are kept; CloudWatch offers certain numbers.",
    "audit.examples": "Whether each rule has to have examples.",
    "sources": "Where audit records come from.",
    "sources.log_groups": "The log groups that applications write to.",
    "channels": "How people are notified.",
    "channels.*.type": "The type of the channel; it decides which other keys there are.",
    "actions": "What can happen, by ECS event.action.",
    "actions.*.sentence": "How people read it: {actor} changed {record}.",
    "actions.*.category": "ECS event.category of its records.",
    "actions.*.type": "ECS event.type of its records, of those that ECS allows with the category.",
    "actions.*.severity": "How urgent it is where no rule says otherwise.",
    "actions.*.on_failure": "What audit_lib does when it cannot write a record of it.",
    "rules": "Which records people are notified of.",
    "rules.id": "Names the rule in AWS, in notifications and in commands.",
    "rules.title": "The heading of its notifications.",
    "rules.description": "What its readers should know.",
    "rules.owner": "Who agreed to the rule.",
    "rules.severity": "How urgent its records are.",
    "rules.channels": "The names of the channels that are notified.",
    "rules.pattern": "A CloudWatch filter pattern; or write when.",
    "rules.when": "At least one value of each list has to match; all lists have to match.",
    "rules.when.record_types": "Values of changes.record_type.",
    "rules.when.actions": "Values of event.action.",
    "rules.when.outcomes": "Values of event.outcome: success, failure, unknown.",
    "rules.when.actors": "Values of user.id.",
    "rules.when.changed": "Fields that changed, dotted where they are nested.",
    "rules.when.networks": "source.ip is in one of these networks.",
    "rules.when.outside_networks": "source.ip is in none of these networks.",
    "rules.threshold": "How many records within window_minutes set the alarm off.",
    "rules.window_minutes": "The period of the alarm.",
    "rules.materiality": "Notify only of a number that changed by more than this.",
    "rules.materiality.field": "The number, dotted where it is nested.",
    "rules.materiality.by": "The smallest difference that matters.",
    "rules.materiality.percent": "The same as a part of the value before.",
    "rules.message": "Used instead of the action's sentence: {actor} moved {record}.",
    "rules.delivery": "When people are notified: with the alarm, or when the record arrives (urgent).",
    "rules.quiet_hours": "Notify after these hours of what came in them, like 22:00-07:00 in the trail's time zone.",
    "rules.labels": "Words for fields, record types and values.",
    "rules.examples": "Records that the rule has to match, and records that it must not match.",
    "rules.examples.name": "What the example shows.",
    "rules.examples.matches": "Whether the rule has to match it.",
    "rules.examples.record": "The record, as dotted keys: record.event.action.",
    "rules.runbook": "What to do: an https:// address.",
}


def _meaning(place: str) -> str | None:
    """Return what a key means; each type of channel knows its own keys."""
    of_channel = place.removeprefix("channels.*.")
    own = [each.KEYS[of_channel] for each in channel_types().values() if of_channel in each.KEYS]
    return _MEANINGS.get(place) or (own[0] if own and place != of_channel else None)


class _Everything(tuple[str, ...]):
    """The names of a table that has every key."""

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


class SchemaTable(TableReader):
    """A table that has every key, and notes what is asked of it."""

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
        """What was asked so far."""
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
        self._note(key, node, required=default is None)
        return preset or ""

    def texts(self, key: str, check: Check, *, most: int | None = None) -> tuple[str, ...]:
        node = {"type": "array", "minItems": 1, "items": {"type": "string", **_of(check)}}
        self._note(key, {**node, "uniqueItems": True, **({"maxItems": most} if most else {})})
        return ()

    def integer(self, key: str, low: int, high: int, *, default: int) -> int:
        node = {"type": "integer", "minimum": low, "maximum": high, "default": default}
        self._note(key, node, required=False)
        return default

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        self._note(key, {"type": "boolean"}, required=default is None)
        return bool(default)

    def positive(self, key: str) -> Decimal | None:
        self._note(key, {"type": "number", "exclusiveMinimum": 0}, required=False)
        return None

    def record(self, key: str) -> Mapping[str, object]:
        self._note(key, {"type": "object"})
        return {}

    def table(self, key: str, *, required: bool = False) -> TableReader:
        child = self._tables.get(key)
        if child is None:
            child = self._tables[key] = SchemaTable(self._child(key))
            self._note(key, _Later(child), required=required)
        return child

    def tables(self, key: str, label: str) -> list[TableReader]:  # noqa: ARG002 - as a table has it
        child = SchemaTable(self._child(key))
        self._note(key, {"type": "array", "items": _Later(child)}, required=False)
        return [child]

    def variants(self, key: str, presets: Iterable[Mapping[str, str]]) -> Iterator[TableReader]:
        """Give a table for each form that one of the name may have."""
        forms = [SchemaTable(self._child(key), preset) for preset in presets]
        self._note(key, {"anyOf": [_Later(form) for form in forms]}, required=False)
        yield from forms

    def allow(self, keys: Collection[str]) -> None:
        self._optional.update(keys)
        for key in keys:
            items = {"type": "string", "minLength": 1}
            self._note(key, {"type": "array", "minItems": 1, "items": items})

    def names(self) -> tuple[str, ...]:
        return _Everything((ANY,))

    def finish(self) -> None: ...

    def add_problem(self, key: str, sentence: str) -> None: ...

    def _child(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _note(self, key: str, node: Any, *, required: bool = True) -> None:
        meaning = _meaning(self._child(key))
        self._properties[key] = _Described(meaning, node) if meaning else node
        if required and key not in {ANY, *self._optional, *self._required}:
            self._required.append(key)


class _Later:
    """A table whose questions come later."""

    def __init__(self, table: SchemaTable) -> None:
        self.table = table


class _Described:
    def __init__(self, text: str, node: Any) -> None:
        self.text = text
        self.node = node


def resolved(node: Any) -> Any:
    """Give a node with all that was asked of its tables."""
    match node:
        case _Later():
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
