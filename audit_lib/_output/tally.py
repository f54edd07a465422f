"""Counts the records of this process that a destination did not accept, for `audit_lib.health`."""

from threading import RLock
from typing import Any, Final, Literal, TypedDict
from weakref import WeakSet

from audit_lib._record.processes import on_copy

__all__ = ["LastFailure", "tally"]

Instead = Literal["spooled", "to_stderr", "raised"]

_TIME: Final = b'{"@timestamp":"'


class LastFailure(TypedDict):
    """The last failure of a destination to accept records.

    Attributes:
        destination: the name of the destination, such as `its stream` or `DynamoDB table audit`.
        error: the class and the text of the error.
        instead: what happened to the records: `spooled`, `to_stderr` or `raised` (`RecordLostError`);
            `retried` if the call is being made again.
    """

    destination: str
    error: str
    instead: Instead | Literal["retried"]


class Tally:
    """The last accepted record, and the counts of those that were not accepted, of this process."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, as in a copy of the process."""
        self._lock = RLock()
        self._last = b""
        self.failing: WeakSet[Any] = WeakSet()
        """The handlers whose last record was not accepted by their destination."""
        self.counts: dict[Instead, int] = {"spooled": 0, "to_stderr": 0, "raised": 0}
        self.last_failure: LastFailure | None = None

    def accepted(self, body: bytes, handler: Any) -> None:
        """Note the record that the destination of a handler accepted last."""
        self._last = body
        if self.failing:
            self.failing.discard(handler)

    def retried(self, handler: Any, destination: str, error: BaseException) -> None:
        """Note the error of a call that a handler makes again; its records wait."""
        self.failing.add(handler)
        self._note(destination, error, "retried")

    def failed(self, instead: Instead, count: int, destination: str, error: BaseException) -> None:
        """Count records that a destination did not accept, and note what happened to them instead."""
        with self._lock:
            self.counts[instead] += count
        self._note(destination, error, instead)

    def _note(
        self, destination: str, error: BaseException, instead: Instead | Literal["retried"]
    ) -> None:
        text = f"{type(error).__name__}: {error}"
        self.last_failure = LastFailure(destination=destination, error=text, instead=instead)

    @property
    def last_written(self) -> str | None:
        """The `@timestamp` of the record that was accepted last; None if there is none, or it has none."""
        if not self._last.startswith(_TIME):
            return None
        return self._last[len(_TIME) :].partition(b'"')[0].decode()


tally: Final = Tally()
on_copy(tally.clear)
