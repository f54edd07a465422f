"""Captures the audit records of a test or a block, and checks them. It does not need pytest."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from audit_lib._output.handler import AuditFormatter
from audit_lib._record.document import PAYLOAD
from audit_lib._record.ecs import ecs_violations

__all__ = ["AuditRecords", "capture", "captured", "ecs_problems", "received"]

# Short names of the fields that tests need most.
_SHORT = {
    "action": "event.action",
    "outcome": "event.outcome",
    "reason": "event.reason",
    "category": "event.category",
    "type": "event.type",
    "record_type": "changes.record_type",
    "record_id": "changes.record_id",
    "before": "changes.before",
    "after": "changes.after",
    "fields": "changes.fields",
    "user": "user",
    "target": "user.target",
    "logger": "log.logger",
    "level": "log.level",
}
_MISSING = "(missing)"


class AuditRecords:
    """The audit records of a test or a block: a sequence of ECS documents, in the order of writing."""

    def __init__(self) -> None:
        self._documents: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __getitem__(self, at: int) -> dict[str, Any]:
        return self._documents[at]

    def clear(self) -> None:
        """Remove all records that were captured so far."""
        self._documents.clear()

    def add(self, document: dict[str, Any]) -> None:
        """Append the document of a record."""
        self._documents.append(document)

    def _fail(self, text: str) -> NoReturn:
        raise AssertionError(text)

    def all(
        self, where: Mapping[str, Any] | None = None, **expected: Any
    ) -> Sequence[dict[str, Any]]:
        """Return the records that match all conditions; without conditions, all records.

        Args:
            where: dotted paths of fields (`source.ip`) → the expected values.
            expected: the same by short names: `action`, `outcome`, `reason`, `category`, `type`,
                `record_type`, `record_id`, `before`, `after`, `fields`, `user`, `target`, `logger` and
                `level`; any other name is a field of the document, such as `message`. An object has to
                contain the expected members, and may contain more; any other value has to be equal.

        Returns:
            The documents, in their order.
        """
        wanted = _wanted(where, expected)
        return [document for document in self._documents if not _differences(document, wanted)]

    def one(self, where: Mapping[str, Any] | None = None, **expected: Any) -> dict[str, Any]:
        """Return the only record that matches.

        Args:
            where: as in `all`.
            expected: as in `all`.

        Raises:
            AssertionError: no record or more than one matches; the text lists all records and, if none
                matches, how each of them differs. With the fixture, it is a failure of pytest instead.
        """
        __tracebackhide__ = True
        found = self.all(where, **expected)
        if len(found) != 1:
            self._fail(self._failure_text(len(found), _wanted(where, expected)))
        return found[0]

    def none(self, where: Mapping[str, Any] | None = None, **expected: Any) -> None:
        """Check that no record matches. Without arguments, no record may exist.

        Args:
            where: as in `all`.
            expected: as in `all`.

        Raises:
            AssertionError: a record matches. With the fixture, it is a failure of pytest instead.
        """
        __tracebackhide__ = True
        if found := self.all(where, **expected):
            lines = "\n".join(f"  {_line(document)}" for document in found)
            self._fail(f"expected no such audit record, found:\n{lines}")

    def _failure_text(self, found: int, wanted: Mapping[str, Any]) -> str:
        conditions = ", ".join(f"{path} = {value!r}" for path, value in wanted.items()) or "any"
        lines = [f"expected one audit record, found {found or 'none'}, with {conditions}"]
        if not self._documents:
            return f"{lines[0]}\nno audit records were written"
        lines.append("audit records:")
        for document in self._documents:
            lines.append(f"  {_line(document)}")
            if not found:
                lines += [
                    f"      {path}: expected {value!r}, found {actual!r}"
                    for path, value, actual in _differences(document, wanted)
                ]
        return "\n".join(lines)


def _wanted(where: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> dict[str, Any]:
    return {**{_SHORT.get(name, name): value for name, value in expected.items()}, **(where or {})}


def _differences(
    document: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    found = ((path, value, _at(document, path)) for path, value in wanted.items())
    return [(path, value, actual) for path, value, actual in found if not _holds(actual, value)]


def _at(document: Mapping[str, Any], path: str) -> Any:
    if path in document:  # `log.level` is one name
        return document[path]
    value: Any = document
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _holds(actual: Any, value: Any) -> bool:
    if isinstance(value, Mapping) and isinstance(actual, Mapping):
        return all(name in actual and _holds(actual[name], value[name]) for name in value)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(actual, bool) is not isinstance(value, bool):
        return False
    return bool(actual == value)


def _line(document: Mapping[str, Any]) -> str:
    changes = document.get("changes", {})
    about = " ".join(str(changes[name]) for name in ("record_type", "record_id") if name in changes)
    action = document.get("event", {}).get("action", document.get("log.level"))
    return f"{action}: {document.get('message')!r}" + (f" ({about})" if about else "")


def ecs_problems(document: Mapping[str, Any]) -> list[str]:
    """Return the problems of a document: values that ECS does not allow, and wrong arguments.

    It checks `event.category`, `event.type` and `event.outcome`, and adds the problems that the
    audit logger found (`labels.audit_problem`).

    Args:
        document: the document of a record.

    Returns:
        A text for each problem; an empty list if there are none.
    """
    event = document.get("event", {})
    category, types = event.get("category", []), event.get("type", [])
    problems = [
        f"event.{name}: found {value!r}; ECS has an array"
        for name, value in (("category", category), ("type", types))
        if not isinstance(value, list)
    ]
    if not problems:
        problems += ecs_violations(tuple(category), tuple(types), event.get("outcome", "unknown"))
    reported = _at(document, "labels.audit_problem")
    if reported != _MISSING and reported not in problems:
        problems.append(str(reported))
    return problems


@contextmanager
def capture() -> Iterator[AuditRecords]:
    """Capture the audit records of a block, without pytest.

    with capture() as records:
        change_phone(user=7)
    records.one(action="user-updated", record_id="7")

    The records of all loggers and threads are captured, and also written to their destinations.

    Yields:
        The records: a collection that grows while the block runs and remains after it.
    """
    with captured(AuditRecords()) as records:
        yield records


@contextmanager
def captured(records: AuditRecords) -> Iterator[AuditRecords]:
    """Append the audit records of the block to `records`, and yield it."""
    formatter = AuditFormatter()
    with received(lambda record: records.add(json.loads(formatter.format(record)))):
        yield records


class _RecordingHandler(logging.Handler):
    """Passes audit records to a function and ignores other log records."""

    records: list[logging.LogRecord] = []  # noqa: RUF012 - audit loggers recognise a test tool by it

    def __init__(self, receive: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._receive = receive

    def emit(self, record: logging.LogRecord) -> None:
        if hasattr(record, PAYLOAD):
            self._receive(record)


@contextmanager
def received(receive: Callable[[logging.LogRecord], None]) -> Iterator[None]:
    """Call a function with the `LogRecord` of each audit record of the block, from any thread."""
    receiver = _RecordingHandler(receive)
    logging.getLogger().addHandler(receiver)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(receiver)
