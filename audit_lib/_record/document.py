"""From a `LogRecord` to the document of one audit record: Elastic Common Schema, as a dict.

The model is the document of Elastic's `ecs-logging` (https://github.com/elastic/ecs-logging), of
which it keeps every field but `log.original`, the message a second time.
"""

import os
import sys
import traceback
from collections.abc import Mapping
from functools import lru_cache
from logging import LogRecord, getLevelName
from threading import current_thread, get_ident
from time import gmtime, strftime, time
from typing import Any, Final

from .ecs import related
from .leaves import class_name
from .masking import Masking, Withheld
from .notes import add_notes, event_last
from .plain import plain, text_of

__all__ = [
    "ECS_VERSION",
    "PAYLOAD",
    "Payload",
    "document_here",
    "document_of",
    "merged",
    "message_arguments",
    "payload_of",
    "process_fields",
    "timestamp",
]

ECS_VERSION: Final = "9.0.0"

PAYLOAD: Final = "_audit"
"""The one attribute of a `LogRecord` that carries what an audit logger adds to it."""


class Payload:
    """What an audit logger adds to a `LogRecord`. Nothing shows it, and no pickle holds secrets."""

    __slots__ = ("extra", "fields", "named", "withheld")

    def __init__(
        self,
        fields: dict[str, Any],
        extra: dict[str, Any],
        withheld: Withheld,
        named: dict[str, list[str]] | None = None,
    ) -> None:
        self.fields = fields
        self.extra = extra
        self.withheld = withheld
        self.named = named
        """Who is related, where that is known; None where the document has to be looked at."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.fields, self.extra, self.withheld.notes)


def _unpickled(fields: dict[str, Any], extra: dict[str, Any], notes: dict[str, str]) -> Payload:
    payload = Payload(fields, extra, Withheld())
    payload.withheld.notes.update(notes)
    payload.withheld.gives_away = True  # what there is to say of its texts stayed behind
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


def document_of(record: LogRecord, payload: Payload) -> dict[str, Any]:
    """Return the record's fields as plain JSON values. Never raises because of a value in it."""
    message, ill_formed = _message(record.msg, record.args)
    log = {
        "logger": record.name,
        "origin": _origin(record.lineno, record.filename, record.funcName),
    }
    process = {
        "pid": record.process,
        "name": record.processName,
        "thread": {"id": record.thread, "name": record.threadName},
    }
    document = _head(record.created, record.levelname.lower(), message, log, process)
    if error := _error(record):
        document["error"] = error
    return _whole(document, payload, ill_formed)


def payload_of(record: LogRecord, masking: Masking) -> Payload:
    """Return what an audit logger added to a record; for any other record, its masked `extra`."""
    payload = getattr(record, PAYLOAD, None)
    if isinstance(payload, Payload):
        return payload
    extra = {name: value for name, value in record.__dict__.items() if name not in _ATTRIBUTES}
    withheld = Withheld()
    if extra:
        extra = masking.covered(plain(extra), (), withheld)
    withheld.gives_away = True  # nobody has looked at its texts
    return Payload({}, extra, withheld)


# fmt: off
_ATTRIBUTES: Final = frozenset({
    "args", "asctime", "created", "exc_info", "exc_text", "filename", "funcName", "levelname",
    "levelno", "lineno", "message", "module", "msecs", "msg", "name", "pathname", "process",
    "processName", "relativeCreated", "stack_info", "taskName", "thread", "threadName",
})
# fmt: on


def document_here(  # noqa: PLR0913, PLR0917 - what a `LogRecord` would be made of
    name: str, level: int, msg: object, args: tuple[object, ...], payload: Payload, depth: int
) -> dict[str, Any]:
    """Return what `document_of` gives of a `LogRecord` made here: `depth` frames above the caller."""
    try:
        frame = sys._getframe(depth + 1)  # noqa: SLF001 - as `logging` does it
    except ValueError:  # a `stacklevel` of more frames than there are: the outermost
        frame = sys._getframe()  # noqa: SLF001
        while frame.f_back is not None:
            frame = frame.f_back
    code = frame.f_code
    place = (name, id(code), frame.f_lineno)
    known = _PLACES.get(place)
    if known is None:
        if len(_PLACES) >= _MOST_PLACES:  # code that is made without end
            _PLACES.clear()
        file = os.path.basename(code.co_filename)  # noqa: PTH119 - as `logging` does it
        log = {"logger": name, "origin": _origin(frame.f_lineno, file, code.co_name)}
        known = _PLACES[place] = (log, code)  # while it is kept, no other code has its id
    message, ill_formed = _message(msg, message_arguments(args) if args else args)
    document = _head(time(), _level(level), message, known[0], _process())
    return _whole(document, payload, ill_formed)


_PLACES: Final[dict[tuple[str, int, int], tuple[dict[str, Any], Any]]] = {}
_PROCESSES: Final[dict[tuple[int, str], dict[str, Any]]] = {}
_MOST_PLACES: Final = 4096
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_PROCESSES.clear)


@lru_cache(maxsize=64)
def _level(level: int) -> str:
    return getLevelName(level).lower()


def _process() -> dict[str, Any]:
    thread = current_thread()
    place = get_ident(), thread.name
    known = _PROCESSES.get(place)
    if known is None:
        if len(_PROCESSES) >= _MOST_PLACES:  # threads that are made without end
            _PROCESSES.clear()
        thread_fields = {"id": place[0], "name": place[1]}
        known = _PROCESSES[place] = {**process_fields(), "thread": thread_fields}
    return known


def process_fields() -> dict[str, Any]:
    """Return the ECS `process` of this process, without the thread."""
    multiprocessing: Any = sys.modules.get("multiprocessing")
    name = multiprocessing.current_process().name if multiprocessing else "MainProcess"
    return {"pid": os.getpid(), "name": name}


def _origin(line: int, file: str, function: str | None) -> dict[str, Any]:
    return {"file": {"line": line, "name": file}, "function": function}


def _head(
    created: float, level: str, message: str, log: dict[str, Any], process: dict[str, Any]
) -> dict[str, Any]:
    return {
        "@timestamp": timestamp(created),
        "log.level": level,
        "message": message,
        "ecs.version": ECS_VERSION,
        "log": log,
        "process": process,
    }


def _whole(document: dict[str, Any], payload: Payload, ill_formed: Any) -> dict[str, Any]:
    """Add what the audit logger and the caller say."""
    document.update(payload.fields)
    if payload.extra or ill_formed is not None:
        kept_apart = _add(document, payload.extra)
        if ill_formed is not None:
            kept_apart["arguments"] = ill_formed
            payload.withheld.gives_away = True  # nobody has looked at them
        if kept_apart:
            document["extra"] = _beside(document.get("extra", {}), kept_apart)
    named = related(document) if payload.named is None else payload.named
    if named:
        _add_related(document, named)
    if payload.withheld.notes:
        add_notes(document, payload.withheld.notes)
    return event_last(document)


def _add_related(document: dict[str, Any], named: dict[str, list[str]]) -> None:
    """Beside what the caller gave as related, where that is a list as ECS has it."""
    present = document.get("related")
    if present is None:
        document["related"] = named
    elif isinstance(present, dict):
        document["related"] = present = present.copy()
        for kind, values in named.items():
            own = present.get(kind, [])
            if isinstance(own, list):
                present[kind] = own + [value for value in values if value not in own]


def timestamp(created: float) -> str:
    """Return a time, in seconds since 1970, as ECS has it: UTC, to the millisecond."""
    second = int(created)
    return _to_the_second(second) + _MILLISECONDS[int((created - second) * 1000)]


_MILLISECONDS: Final = tuple(f".{number:03}Z" for number in range(1000))


@lru_cache(maxsize=8)
def _to_the_second(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def message_arguments(args: tuple[object, ...]) -> Any:
    """Return what `%` takes: a single mapping itself (`"%(a)s"`), as `LogRecord` does."""
    try:
        if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            return args[0]
    except Exception:  # noqa: BLE001, S110 - a mapping whose `__len__` raises
        pass
    return args


def _message(msg: object, args: Any) -> tuple[str, Any]:
    """Return the message as `logging` does, and the arguments that could not be put into it."""
    if type(msg) is str and not args and msg.isascii():  # as nearly all are
        return msg, None
    try:
        text = msg if type(msg) is str else str(msg)
        return text_of(text % args if args else text), None
    except Exception:  # noqa: BLE001 - `"%d items" % "three"`, and whatever a __str__ raises
        return text_of(msg), plain(args)


def _error(record: LogRecord) -> dict[str, Any]:
    error: dict[str, Any] = {}
    if record.exc_info and record.exc_info[1] is not None:
        kind, value, trace = record.exc_info
        error["type"] = class_name(kind)
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


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both objects as one: members of `above` win, objects on both sides are merged."""
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            result[name] = merged(under, value)
        else:
            result[name] = value
    return result
