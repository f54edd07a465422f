"""From a `LogRecord` to the document of one audit record: Elastic Common Schema, as a dict.

The model is the document of Elastic's `ecs-logging` (https://github.com/elastic/ecs-logging), of
which it keeps every field but `log.original`, the message a second time.
"""

import traceback
from datetime import UTC, datetime
from functools import lru_cache
from logging import LogRecord
from typing import Any, Final

from ._context import merged
from ._ecs import related
from ._masking import Withheld
from ._notes import add_notes, event_last
from ._plain import plain, text_of

__all__ = ["ECS_VERSION", "PAYLOAD", "Payload", "document_of"]

ECS_VERSION: Final = "9.0.0"

PAYLOAD: Final = "_audit"
"""The one attribute of a `LogRecord` that carries what an audit logger adds to it."""


class Payload:
    """What an audit logger adds to a `LogRecord`. Nothing shows it, and no pickle holds secrets."""

    __slots__ = ("extra", "fields", "withheld")

    def __init__(
        self, fields: dict[str, Any], extra: dict[str, Any], withheld: Withheld | None = None
    ) -> None:
        self.fields = fields
        self.extra = extra
        self.withheld = withheld or Withheld()

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.fields, self.extra, self.withheld.notes)


def _unpickled(fields: dict[str, Any], extra: dict[str, Any], notes: dict[str, str]) -> Payload:
    payload = Payload(fields, extra)
    payload.withheld.notes.update(notes)
    return payload


# What a caller's own field can never replace: where a record comes from, and which one it is.
_OWN: Final = frozenset({"@timestamp", "message", "ecs", "log", "process", "chain", "hash"})
_OWN_OF_EVENT: Final = ("id", "sequence")
# Dotted names below these are ECS fields (`event.action`); all others are just names with a dot.
# fmt: off
_ECS_OBJECTS: Final = frozenset({
    "agent", "client", "cloud", "container", "data_stream", "destination", "device", "dns", "ecs",
    "email", "error", "event", "faas", "file", "group", "host", "http", "labels", "log", "network",
    "observer", "orchestrator", "organization", "package", "process", "registry", "related", "rule",
    "server", "service", "session", "source", "span", "threat", "tls", "trace", "transaction",
    "url", "user", "user_agent", "vulnerability",
})
# fmt: on


def document_of(record: LogRecord) -> dict[str, Any]:
    """Give the record's fields as plain JSON values. Never raises because of a value in it."""
    message, ill_formed = _message(record)
    second, fraction = divmod(record.created, 1)
    document: dict[str, Any] = {
        "@timestamp": f"{_to_the_second(second)}.{int(fraction * 1000):03}Z",
        "log.level": record.levelname.lower(),
        "message": message,
        "ecs.version": ECS_VERSION,
        "log": {
            "logger": record.name,
            "origin": {
                "file": {"line": record.lineno, "name": record.filename},
                "function": record.funcName,
            },
        },
        "process": {
            "pid": record.process,
            "name": record.processName,
            "thread": {"id": record.thread, "name": record.threadName},
        },
    }
    if error := _error(record):
        document["error"] = error
    payload: Payload = getattr(record, PAYLOAD, _NOTHING)
    document.update(payload.fields)
    kept_apart = _add(document, payload.extra)
    if ill_formed:
        kept_apart["arguments"] = ill_formed
    if kept_apart:
        document["extra"] = _beside(document.get("extra", {}), kept_apart)
    if named := related(document):
        _add_related(document, named)
    if payload.withheld.notes:
        add_notes(document, payload.withheld.notes)
    return event_last(document)


_NOTHING: Final = Payload({}, {})


def _add_related(document: dict[str, Any], named: dict[str, list[str]]) -> None:
    """Beside what the caller gave as related, where that is a list as ECS has it."""
    present = document.setdefault("related", {})
    if isinstance(present, dict):
        for kind, values in named.items():
            own = present.get(kind, [])
            if isinstance(own, list):
                present[kind] = own + [value for value in values if value not in own]


@lru_cache(maxsize=8)
def _to_the_second(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


def _message(record: LogRecord) -> tuple[str, Any]:
    """Give the message, and the arguments that could not be put into it."""
    try:
        return text_of(record.getMessage()), None
    except Exception:  # noqa: BLE001 - `"%d items" % "three"`, and whatever a __str__ raises
        return text_of(record.msg), plain(record.args)


def _error(record: LogRecord) -> dict[str, Any]:
    error: dict[str, Any] = {}
    if record.exc_info and record.exc_info[1] is not None:
        kind, value, trace = record.exc_info
        error["type"] = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
        try:
            error["message"] = text_of(str(value))
            error["stack_trace"] = "".join(traceback.format_exception(kind, value, trace))
        except Exception as failure:  # noqa: BLE001 - an exception whose own __str__ raises
            error["message"] = f"<unreadable: {text_of(failure)}>"
    elif record.exc_text:
        error["stack_trace"] = record.exc_text
    if record.stack_info:
        error["stack_trace"] = error.get("stack_trace", "") + record.stack_info
    return error


def _add(document: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Merge the caller's own fields into the document; give those that it has no room for."""
    kept_apart: dict[str, Any] = {}
    for name, value in extra.items():
        path = name.split(".")
        if len(path) > 1 and path[0] in _ECS_OBJECTS and all(path):
            key, inner = path[0], value
            for part in reversed(path[1:]):
                inner = {part: inner}
        else:
            key, inner = name, value
        if key == "event" and isinstance(inner, dict):
            # Readers tell duplicates and gaps by them, so they are never the caller's.
            for own in _OWN_OF_EVENT:
                if own in inner:
                    kept_apart[f"event.{own}"] = inner[own]
                    inner = {member: inner[member] for member in inner if member != own}
        if key in _OWN or not _fits(document.get(key), inner):
            kept_apart[name] = value
        elif isinstance(inner, dict):
            document[key] = merged(document.get(key, {}), inner)
        else:
            document[key] = inner
    return kept_apart


def _beside(present: Any, kept_apart: dict[str, Any]) -> dict[str, Any]:
    return merged(present if isinstance(present, dict) else {"extra": present}, kept_apart)


def _fits(present: Any, value: Any) -> bool:
    """Whether nothing of `present` gets lost when `value` is merged into it.

    A text, a number or a list takes the place of another one, as `event.action` does; an object
    never does, and nothing takes an object's place.
    """
    if not isinstance(present, dict):
        return present is None or not isinstance(value, dict)
    return isinstance(value, dict) and all(
        _fits(present.get(name), inner) for name, inner in value.items()
    )
