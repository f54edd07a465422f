"""Defines the arguments that the methods of `AuditLogger` share, and checks their values.

A wrong argument never prevents a record. An argument that does not exist is written as a label; a value
of a wrong type is converted, replaced or left out. `labels.audit_problem` describes both, and
`report_problems` reports them to the developer.
"""

import logging
import os
import sys
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Required, TypedDict

from ._exceptions import AuditUsageWarning
from ._record.encoding import HIDDEN, json_text
from ._record.interrupts import Suppressed, from_signal_handler
from ._record.leaves import class_name
from ._record.masking import Masking, Redactions
from ._record.plain import plain, text_of
from ._record.secrets import has_secret, scrubbed

__all__ = [
    "AuditArguments",
    "EventArguments",
    "RecordArguments",
    "checked_exception",
    "checked_flag",
    "checked_level",
    "checked_names",
    "checked_stacklevel",
    "checked_text",
    "labels_of",
    "named_fields",
    "report_problems",
    "short_text",
]

_MAX_FRAMES: Final = 1_000_000
_MAX_PLACES: Final = 4096
_MIN_SIMILARITY: Final = 0.75  # with less, `urgent` would be near `target`
_MAX_SHOWN_LENGTH: Final = 80


class AuditArguments(TypedDict, total=False):
    """The arguments that all `record_…` methods, `track` and `event` of `AuditLogger` accept.

    Attributes:
        target: the affected person: ECS `user.target`, such as `{"id": …, "name": …}`.
        outcome: ECS `event.outcome`. Default: `success`; `unknown` if an argument does not exist.
        reason: ECS `event.reason`: why it was done, or why it failed.
        idempotency_key: a key of what was done, such as the id of a message or of a request: the same
            each time when a retry, a redelivery or a replay does it again. It is written as
            `labels.idempotency_key`, and people are notified once for each key, action and rule.
        extra: additional fields, of ECS (`{"event.reference": …}`) or your own.
        exc_info: as in `logging`: an exception, or True for the one that is being handled.
        stack_info: as in `logging`: whether the stack is written.
        stacklevel: as in `logging`: 1, the default, is the caller of the method.
    """

    target: Any
    outcome: Literal["success", "failure", "unknown"]
    reason: str | None
    idempotency_key: str | None
    extra: Mapping[str, Any] | None
    exc_info: Any
    stack_info: bool
    stacklevel: int


class _RecordArguments(AuditArguments, total=False):
    """The arguments of the `record_…` methods and `track`: `AuditArguments`, `record_id` and `action`.

    Attributes:
        record_id: the id of the record: `changes.record_id`.
        action: ECS `event.action`. Default: `<record_type>-` and `created`, `updated`, `deleted` or
            `accessed`.
    """

    record_id: object
    action: str | None


class _EventArguments(AuditArguments, total=False):
    """The arguments of `event`: `AuditArguments`, `action`, `category`, `type` and `level`.

    Attributes:
        action: ECS `event.action`: what happened, such as `login` or `report-exported`.
        category: ECS `event.category`, one or several, such as `authentication`. The catalogue has
            priority.
        type: ECS `event.type`, one or several that ECS allows for the category, such as `start`. The
            catalogue has priority.
        level: as in `logging`. Default: `INFO`. An event is written at any level, also below INFO.
    """

    action: Required[str]
    category: str | Sequence[str]
    type: str | Sequence[str]
    level: int


if TYPE_CHECKING:
    # Closed (PEP 728), or ty accepts any other argument: https://github.com/astral-sh/ty/issues/4212
    class RecordArguments(_RecordArguments, total=False, closed=True): ...

    class EventArguments(_EventArguments, total=False, closed=True): ...

else:  # `typing` has `closed` from Python 3.15
    RecordArguments, EventArguments = _RecordArguments, _EventArguments
    for _each in (RecordArguments, EventArguments):
        _each.__name__ = _each.__qualname__ = _each.__name__.removeprefix("_")


def labels_of(
    unknown: Mapping[str, Any], known: Iterable[str], masking: Masking, redactions: Redactions
) -> tuple[dict[str, Any], list[str]]:
    """Return ECS `labels` for arguments that do not exist, masked, and a problem for each argument.

    A label is a text, a number or a boolean; any other value is written as JSON. A value that a `Drop`
    rule covers has no label. https://www.elastic.co/docs/reference/ecs/ecs-base#field-labels

    Args:
        unknown: the arguments by name.
        known: the names of existing arguments; a similar one is suggested in the problem.
        masking: the masking rules.
        redactions: the redactions of the record, to which those of the values are added.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only needed for a mistake

    names = [name for name in known if not name.startswith("_")]
    labels: dict[str, Any] = {}
    problems = []
    for name, value in unknown.items():
        *above, last = name.split(".")
        masked = masking.masked({last: plain(value)}, ("labels", *above), redactions)
        if last in masked:  # else its rule drops it
            item = masked[last]
            kept = item if isinstance(item, str | int | float) else _json_of(item, redactions)
            labels["audit_problem (argument)" if name == "audit_problem" else name] = kept
        close = get_close_matches(name, names, n=1, cutoff=_MIN_SIMILARITY)
        hint = f"did you mean {close[0]}?" if close else "own fields go in extra"
        problem = f"{name}: no such argument; {hint}"
        # `password: no` has the form of a password in a text, and would be hidden.
        problems.append(f"no such argument {name}; {hint}" if has_secret(problem) else problem)
    return labels, problems


def _json_of(value: Any, redactions: Redactions) -> str:
    """Return the JSON of a value, its secrets masked: a secret that JSON escapes is not found later."""
    return json_text(scrubbed({"value": value}, redactions.for_search())["value"])


def named_fields(extra: object, problems: list[str]) -> dict[str, Any]:
    """Return the fields of `extra` as JSON values.

    A value that is not an object becomes one field `extra`, and its problem is added to `problems`.
    """
    as_plain = plain(extra)
    if isinstance(as_plain, dict):
        return as_plain
    problems.append(f"extra: found {class_name(type(extra))}; write a mapping")
    return {"extra": as_plain}


def _is_text(value: object) -> bool:
    """Return whether a value is a text, or a member of an enumeration of texts."""
    kind = type(value)
    return issubclass(kind, str) or (
        issubclass(kind, Enum) and issubclass(type(getattr(value, "_value_", None)), str)
    )


def checked_text(value: object, field: str, problems: list[str], masking: Masking) -> str:
    """Return a value as text, masked; if it is not a text, add a problem to `problems`."""
    if _is_text(value):
        return text_of(value)
    problems.append(f"{field}: found {short_text(value)}; write a text")
    masked = masking.text(value, tuple(field.split(".")), Redactions())
    return HIDDEN if masked is None else masked


def checked_names(value: object, field: str, problems: list[str]) -> tuple[str, ...]:
    """Return the texts of `category` or `type`, which is one text or a collection of texts.

    Any other value or element is left out, and its problem is added to `problems`.
    """
    if type(value) is tuple and not value:
        return value
    if _is_text(value):
        return (text_of(value),)
    items: tuple[object, ...] = ()
    kind, read = type(value), False
    with Suppressed():  # a value or its class may raise anything
        if issubclass(kind, Collection) and not issubclass(kind, bytes | bytearray | Mapping):
            items, read = tuple(value), True  # type: ignore[arg-type] # a Collection
    wrong = [each for each in items if not _is_text(each)] if read else [value]
    problems += [f"{field}: found {short_text(each)}; write a text or several" for each in wrong]
    return tuple(text_of(each) for each in items if _is_text(each))


def checked_level(level: object, problems: list[str]) -> int:
    """Return a level as a number; INFO if the value is neither a number nor the name of a level.

    For a value that is not a number (a name, a boolean), a problem is added to `problems`.
    """
    if issubclass(type(level), int) and type(level) is not bool:
        return int.__index__(level)  # type: ignore[arg-type] # an int's subclass
    problems.append(f"level: found {short_text(level)}; write a number such as logging.INFO")
    named = logging.getLevelNamesMapping().get(text_of(level).upper())
    return logging.INFO if named is None else named


def checked_stacklevel(stacklevel: object, problems: list[str]) -> int:
    """Return a number of frames from 1 to 1,000,000, the nearest to `stacklevel`.

    A value that is not an integer counts as 1, and its problem is added to `problems`.
    """
    if issubclass(type(stacklevel), int):
        return min(max(int.__index__(stacklevel), 1), _MAX_FRAMES)  # type: ignore[arg-type] # an int
    problems.append(f"stacklevel: found {short_text(stacklevel)}; write a number")
    return 1


def checked_flag(value: object) -> bool:
    """Return the truth value of an object; True if `bool` of it raises, as for a NumPy array."""
    try:
        return bool(value)
    except Exception as error:
        if from_signal_handler(error):
            raise
        return True  # such as NumPy's ValueError


def checked_exception(exc_info: Any, problems: list[str]) -> Any:
    """Return `exc_info` as a tuple of class, exception and traceback, or None without an exception.

    For any other true value, the exception that is being handled is returned; one that is not a number
    or a boolean is added to `problems`.
    """
    kind = type(exc_info)
    if issubclass(kind, BaseException):
        return kind, exc_info, BaseException.__dict__["__traceback__"].__get__(exc_info)
    if kind is tuple and len(exc_info) == 3:
        _, error, trace = exc_info
        if error is None:
            return None
        if issubclass(type(error), BaseException) and isinstance(trace, TracebackType | None):
            return type(error), error, trace
    if not checked_flag(exc_info):
        return None
    if not issubclass(kind, int):
        problems.append(f"exc_info: found {short_text(exc_info)}; write True or an exception")
    present = sys.exc_info()
    return None if present[1] is None else present


def short_text(value: object) -> str:
    """Return a value as a text for a message, cut to 80 characters and `…`.

    A text is quoted; of an object with fields, which may be sensitive, the name of its class is returned.
    """
    kind = type(value)
    if value is None or kind is bool:
        return str(value)
    text = text_of(value)
    found = repr(text) if issubclass(kind, str) else class_name(kind) if "{" in text else text
    return found if len(found) <= _MAX_SHOWN_LENGTH else f"{found[:_MAX_SHOWN_LENGTH]}…"


_PLACES: Final[set[tuple[str, int]]] = set()


def report_problems(problems: Iterable[str], redactions: Redactions, stacklevel: int) -> None:
    """Report the problems of a record, which is written, to the developer.

    The ordinary logger `audit_lib` writes one WARNING for each call site (file and line), and again
    after it has remembered 4,096 of them. In development, an
    `AuditUsageWarning` is issued too: in a test of pytest, or if a filter covers it (`-W`, `-X dev`,
    `warnings.simplefilter`, `pytest.warns`). Python's default filters do not.

    Args:
        problems: the texts of the problems.
        redactions: the redactions of the record, whose secrets are masked in the texts.
        stacklevel: 1 is the caller of this function.

    Raises:
        AuditUsageWarning: a filter makes an error of it.
    """
    text = str(scrubbed({"text": "; ".join(problems)}, redactions.for_search())["text"])
    frame = sys._getframe(0)  # noqa: SLF001 - as `logging` does it
    for _ in range(stacklevel):
        frame = frame.f_back or frame
    place = frame.f_code.co_filename, frame.f_lineno
    if place not in _PLACES:
        if len(_PLACES) >= _MAX_PLACES:  # an application that keeps generating code
            _PLACES.clear()
        _PLACES.add(place)
        with Suppressed():  # a handler of the application may raise
            logging.getLogger("audit_lib").warning(
                "%s:%d: %s", *place, text, stacklevel=stacklevel + 1
            )
    in_development = "PYTEST_CURRENT_TEST" in os.environ or any(
        issubclass(AuditUsageWarning, entry[2]) for entry in warnings.filters
    )
    if in_development:
        warnings.warn(text, AuditUsageWarning, stacklevel=stacklevel + 1)
