"""The JSON Schema of `audit.toml`, for editors: what the reader asks for, written down while it asks.

The reader is run on a table that has everything and notes each question. So the schema cannot say anything
else than the reader does; what only the reader knows (an id that is there twice) is not in it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from audit_rules._reading.checks import Check
from audit_rules._reading.problems import Problems
from audit_rules._reading.table import Table
from audit_rules.channels import channel_types

__all__ = ["SchemaTable", "resolved"]

ANY: Final = "*"
"""The name of each member of a table whose keys are names."""

_SAID: Final = {
    "audit.name": "Prefix of every AWS name. Another one later starts a new, empty trail.",
    "audit.time_zone": "The time zone of notifications, such as Europe/Madrid.",
    "audit.retention_days": "For how many days records are kept; CloudWatch offers certain numbers.",
    "audit.examples": "Whether each rule has to have examples.",
    "sources.log_groups": "The log groups that applications write to.",
    **{
        f"channels.*.{key}": meaning
        for each in channel_types().values()
        for key, meaning in each.KEYS.items()
    },
    "actions.*.sentence": "How people read it: {actor} changed {record}.",
    "actions.*.on_failure": "What audit_lib does when it cannot write a record of it.",
    "rules.pattern": "A CloudWatch filter pattern; or write when.",
    "rules.when": "One of each list has to be there, all lists together.",
    "rules.when.changed": "Fields that changed, dotted where they are nested.",
    "rules.threshold": "How many records within window_minutes make the alarm ring.",
    "rules.materiality": "Tell only of a number that moved far.",
    "rules.message": "Said in the place of the action's sentence: {actor} moved {record}.",
    "rules.delivery": "When people are told: with the alarm, or when the record comes (urgent).",
    "rules.quiet_hours": "Tell afterwards what comes between, like 22:00-07:00 in the trail's time zone.",
    "rules.labels": "Words for fields, record types and values.",
    "rules.examples": "Records that the rule has to match, and such that it must not.",
    "rules.examples.record": "The record, as dotted keys: record.event.action.",
    "rules.runbook": "What to do: an https:// address.",
}


class _Everything(tuple[str, ...]):
    """The names of a table that has every key."""

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


class SchemaTable(Table):
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

    def table(self, key: str, *, required: bool = False) -> Table:
        child = self._tables.get(key)
        if child is None:
            child = self._tables[key] = SchemaTable(self._child(key))
            self._note(key, _Later(child), required=required)
        return child

    def tables(self, key: str, label: str) -> list[Table]:  # noqa: ARG002 - as a table has it
        child = SchemaTable(self._child(key))
        self._note(key, {"type": "array", "items": _Later(child)}, required=False)
        return [child]

    def variants(self, key: str, presets: Iterable[Mapping[str, str]]) -> Iterator[Table]:
        """Give a table for each form that one of the name may have."""
        forms = [SchemaTable(self._child(key), preset) for preset in presets]
        self._note(key, {"anyOf": [_Later(form) for form in forms]}, required=False)
        yield from forms

    def ask(self, keys: Collection[str]) -> None:
        self._optional.update(keys)
        for key in keys:
            items = {"type": "string", "minLength": 1}
            self._note(key, {"type": "array", "minItems": 1, "items": items})

    def names(self) -> tuple[str, ...]:
        return _Everything((ANY,))

    def finish(self) -> None: ...

    def tell(self, key: str, sentence: str) -> None: ...

    def _child(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _note(self, key: str, node: Any, *, required: bool = True) -> None:
        said = _SAID.get(self._child(key))
        self._properties[key] = _Described(said, node) if said else node
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
