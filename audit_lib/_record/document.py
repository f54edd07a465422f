"""Builds the document of an audit record in the Elastic Common Schema (ECS), for the handlers.

It is built from a `LogRecord`, or faster from the frame of the caller. It has the fields of Elastic's
`ecs-logging` (https://github.com/elastic/ecs-logging) except `log.original`, which repeats the message.
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
from .head import ECS_OBJECTS, RESERVED, head_of
from .interrupts import from_signal_handler
from .leaves import class_name
from .masking import Masking
from .plain import plain, text_of
from .processes import on_copy
from .secrets import Redactions

__all__ = [
    "PAYLOAD",
    "Payload",
    "distrust",
    "document_from_frame",
    "document_of",
    "merged",
    "payload_of",
    "process_fields",
    "timestamp",
]

PAYLOAD: Final = "_audit"
"""The attribute of a `LogRecord` that contains what an audit logger adds to it."""


_DEFAULT_MASKING: Final = Masking()


class Payload:
    """What an audit logger adds to a `LogRecord`: its fields, `extra`, and what was masked in them.

    It does not define a `repr`, which could show secrets, and a pickle does not contain the list of
    secrets: all texts of an unpickled payload are searched for known forms instead.
    """

    __slots__ = ("extra", "fields", "masking", "redactions", "related")

    def __init__(
        self,
        fields: dict[str, Any],
        extra: dict[str, Any],
        redactions: Redactions,
        related: dict[str, list[str]] | None = None,
        masking: Masking = _DEFAULT_MASKING,
    ) -> None:
        self.masking = masking
        self.fields = fields
        self.extra = extra
        self.redactions = redactions
        self.related = related
        """ECS `related` if it is known; None if it has to be collected from the document."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.fields, self.extra, self.redactions.notes)


def _unpickled(fields: dict[str, Any], extra: dict[str, Any], notes: dict[str, str]) -> Payload:
    payload = Payload(fields, extra, Redactions())
    payload.redactions.notes.update(notes)
    payload.redactions.has_secret = True  # its secrets are not in the pickle: search all texts
    return payload


def document_of(record: LogRecord, payload: Payload) -> dict[str, Any]:
    """Return the ECS document of a record as JSON values, whatever values the record has."""
    message, unformatted = _message(record.msg, record.args)
    log = {
        "logger": record.name,
        "origin": _origin(record.lineno, record.filename, record.funcName),
    }
    process = {
        "pid": record.process,
        "name": record.processName,
        "thread": {"id": record.thread, "name": record.threadName},
    }
    document = head_of(timestamp(record.created), record.levelname.lower(), message, log, process)
    if error := _error(record):
        document["error"] = error
    return _completed(document, payload, unformatted)


def payload_of(record: LogRecord, masking: Masking) -> Payload:
    """Return the payload of an audit record; for any other record, a payload of its `extra`, masked."""
    payload = getattr(record, PAYLOAD, None)
    if isinstance(payload, Payload):
        return payload
    extra = {name: value for name, value in record.__dict__.items() if name not in _ATTRIBUTES}
    redactions = Redactions()
    if extra:
        extra = masking.masked(plain(extra), (), redactions)
    return Payload({"event": {"kind": "event"}}, extra, redactions, None, masking)


def distrust(record: LogRecord) -> None:
    """Have all of an audit record searched for secrets: code of the application may have changed it."""
    payload = getattr(record, PAYLOAD, None)
    if isinstance(payload, Payload):
        payload.redactions.distrust(payload.fields)


# fmt: off
_ATTRIBUTES: Final = frozenset({
    "args", "asctime", "created", "exc_info", "exc_text", "filename", "funcName", "levelname",
    "levelno", "lineno", "message", "module", "msecs", "msg", "name", "pathname", "process",
    "processName", "relativeCreated", "stack_info", "taskName", "thread", "threadName",
})
# fmt: on


def document_from_frame(  # noqa: PLR0913, PLR0917 - what a `LogRecord` would be made of
    name: str, level: int, msg: object, args: tuple[object, ...], payload: Payload, depth: int
) -> dict[str, Any]:
    """Return the document of a record without an exception or a stack, without creating a `LogRecord`.

    Args:
        name: name of the logger.
        level: level of the record.
        msg: the message.
        args: its arguments.
        payload: what the audit logger adds.
        depth: the number of frames from the caller up to the origin of the record; if the stack has
            fewer, the outermost frame is used.
    """
    try:
        frame = sys._getframe(depth + 1)  # noqa: SLF001 - as `logging` does it
    except ValueError:  # `stacklevel` exceeds the stack: use the outermost frame
        frame = sys._getframe()  # noqa: SLF001
        while frame.f_back is not None:
            frame = frame.f_back
    code = frame.f_code
    place = (name, id(code), frame.f_lineno)
    cached = _PLACES.get(place)
    if cached is None:
        if len(_PLACES) >= _MAX_PLACES:  # an application that keeps generating code
            _PLACES.clear()
        file = os.path.basename(code.co_filename)  # noqa: PTH119 - as `logging` does it
        log = {"logger": name, "origin": _origin(frame.f_lineno, file, code.co_name)}
        cached = _PLACES[place] = (log, code)  # keeping the code object keeps its id unique
    message, unformatted = _message(msg, _message_arguments(args) if args else args)
    at = timestamp(time())
    document = head_of(at, getLevelName(level).lower(), message, cached[0], _process())
    return _completed(document, payload, unformatted)


_PLACES: Final[dict[tuple[str, int, int], tuple[dict[str, Any], Any]]] = {}
_PROCESSES: Final[dict[tuple[int, str], dict[str, Any]]] = {}
_MAX_PLACES: Final = 4096
on_copy(_PROCESSES.clear)


def _process() -> dict[str, Any]:
    thread = current_thread()
    place = get_ident(), thread.name
    cached = _PROCESSES.get(place)
    if cached is None:
        if len(_PROCESSES) >= _MAX_PLACES:  # an application that keeps starting threads
            _PROCESSES.clear()
        thread_fields = {"id": place[0], "name": place[1]}
        cached = _PROCESSES[place] = {**process_fields(), "thread": thread_fields}
    return cached


def process_fields() -> dict[str, Any]:
    """Return ECS `process` for this process, without the thread."""
    multiprocessing: Any = sys.modules.get("multiprocessing")
    name = multiprocessing.current_process().name if multiprocessing else "MainProcess"
    return {"pid": os.getpid(), "name": name}


def _origin(line: int, file: str, function: str | None) -> dict[str, Any]:
    return {"file": {"line": line, "name": file}, "function": function}


def _completed(document: dict[str, Any], payload: Payload, unformatted: Any) -> dict[str, Any]:
    """Add the payload and `related` to a document, in place, and return it.

    `event` comes first and `changes` last: CloudWatch Logs Insights reads the first 200 fields of a record.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html

    Members of `extra` that cannot be merged, and arguments that do not fit the message, are added to
    the object `extra`.
    """
    document.update(payload.fields)
    if payload.extra or unformatted is not None:
        rejected = _add(document, payload.extra)
        if unformatted is not None:
            arguments = {"arguments": unformatted}
            rejected |= payload.masking.masked(arguments, ("extra",), payload.redactions)
        if rejected:
            document["extra"] = _with_extra(document.get("extra", {}), rejected)
    found = related(document) if payload.related is None else payload.related
    if found:
        _add_related(document, found)
    if "changes" in document:
        document["changes"] = document.pop("changes")
    return document


def _add_related(document: dict[str, Any], found: dict[str, list[str]]) -> None:
    """Add values to `related`, after those of the caller; a caller's value that is not a list is kept."""
    present = document.get("related")
    if present is None:
        document["related"] = found
    elif isinstance(present, dict):
        document["related"] = present = present.copy()
        for kind, values in found.items():
            own = present.get(kind, [])
            if isinstance(own, list):
                present[kind] = own + [value for value in values if value not in own]


def timestamp(created: float) -> str:
    """Return a time in seconds since 1970 as ISO 8601: UTC, cut to milliseconds, with a `Z`."""
    second = int(created)
    return _to_the_second(second) + _MILLISECONDS[int((created - second) * 1000)]


_MILLISECONDS: Final = tuple(f".{number:03}Z" for number in range(1000))


@lru_cache(maxsize=8)
def _to_the_second(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def _message_arguments(args: tuple[object, ...]) -> Any:
    """Return the operand of `%`, as `LogRecord` does: a single non-empty mapping itself, else the tuple."""
    try:
        if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            return args[0]
    except Exception as error:
        if from_signal_handler(error):
            raise
        # A mapping whose `__len__` raises.
    return args


def _message(msg: object, args: Any) -> tuple[str, Any]:
    """Return the message as `logging` does, and the arguments if they do not fit its format."""
    if type(msg) is str and not args and msg.isascii():  # the common case
        return msg, None
    try:
        text = msg if type(msg) is str else str(msg)
        return text_of(text % args if args else text), None
    except Exception as error:
        if from_signal_handler(error):
            raise
        return text_of(msg), plain(args)  # `"%d items" % "three"`, or a __str__ that raises


def _error(record: LogRecord) -> dict[str, Any]:
    error: dict[str, Any] = {}
    if record.exc_info and record.exc_info[1] is not None:
        kind, value, trace = record.exc_info
        error["type"] = class_name(kind)
        try:
            error["message"] = text_of(str(value))
            error["stack_trace"] = "".join(traceback.format_exception(kind, value, trace))
        except Exception as failure:
            if from_signal_handler(failure):
                raise
            # An exception whose own `__str__` raises.
            error["message"] = f"<unreadable: {text_of(failure)}>"
    elif record.exc_text:
        error["stack_trace"] = record.exc_text
    if record.stack_info:
        error["stack_trace"] = error.get("stack_trace", "") + record.stack_info
    return error


def _add(document: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Merge the caller's `extra` into the document; return the fields that are reserved or do not fit."""
    rejected: dict[str, Any] = {}
    for name, value in extra.items():
        path = name.split(".")
        if len(path) > 1 and path[0] in ECS_OBJECTS and all(path):
            key, inner = path[0], value
            for part in reversed(path[1:]):
                inner = {part: inner}
        else:
            key, inner = name, value
        if key == "event" and isinstance(inner, dict) and "id" in inner:
            # Readers detect duplicates and gaps by it, so the caller cannot set it.
            rejected["event.id"] = inner["id"]
            inner = {member: inner[member] for member in inner if member != "id"}
        if key in RESERVED or not _fits(document.get(key), inner):
            rejected[name] = value
        elif isinstance(inner, dict):
            document[key] = merged(document.get(key, {}), inner)
        else:
            document[key] = inner
    return rejected


def _with_extra(present: Any, rejected: dict[str, Any]) -> dict[str, Any]:
    return merged(present if isinstance(present, dict) else {"extra": present}, rejected)


def _fits(present: Any, value: Any) -> bool:
    """Return whether `value` can be merged into `present` without losing an object.

    A text, a number or a list may replace another one, such as `event.action`. An object cannot
    replace them, nor they an object.
    """
    if not isinstance(present, dict):
        return present is None or not isinstance(value, dict)
    return isinstance(value, dict) and all(
        _fits(present.get(name), inner) for name, inner in value.items()
    )


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both objects merged recursively; where both have a value, that of `above` wins."""
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            result[name] = merged(under, value)
        else:
            result[name] = value
    return result
