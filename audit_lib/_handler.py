"""Where audit records leave the process: one line of JSON each, on standard output."""

import logging
import os
import sys
import weakref
from typing import Any, Final, TextIO

from ._configuration import Settings, settings
from ._document import PAYLOAD, Payload, document_of
from ._encoding import encode
from ._exceptions import RecordLostError
from ._masking import Withheld, gives_away, scrubbed
from ._notes import add_notes, event_last
from ._size import fitted
from ._stream import Outlet, standard_output

__all__ = ["AuditFormatter", "AuditHandler"]


class AuditFormatter(logging.Formatter):
    """Formats any `LogRecord` as one line of ECS JSON. Never raises because of a value in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without its end."""
        return _body(document_of(record), _withheld(record), settings()).decode("ascii")


class AuditHandler(logging.Handler):
    """Writes each record as one line, which is in the kernel when `emit` returns.

    Without a stream it is `sys.stdout` as it is at that moment (a redirected one, pytest's). What
    is done with a record that cannot be written there is `configure`'s `on_failure`; nothing else
    keeps one back, no level, no filter, no `logging.raiseExceptions`.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self.stream = stream
        self._outlet = Outlet()
        self._waiting: list[tuple[bytes, object]] = []
        self._busy = False
        self.setFormatter(AuditFormatter())
        _HANDLERS.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record; a filter may replace it, and cannot keep it back."""
        passed: Any = self.filter(record)
        self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record.

        Raises:
            RecordLostError: nothing took it, or its failure policy is to raise.
        """
        if type(self.formatter) is AuditFormatter:
            document = document_of(record)
            body = _body(document, _withheld(record), settings())
            action = document.get("event", {}).get("action")
        else:
            body, action = ascii_line(self.format(record)), None
        self._deliver(body + b"\n", action)

    def _deliver(self, line: bytes, action: object) -> None:
        with self.lock or _NO_LOCK:
            self._waiting.append((line, action))
            if self._busy:  # a signal handler's record: the one that it interrupted comes first
                return
            self._busy = True
            try:
                while self._waiting:
                    self._put(*self._waiting.pop(0))
            finally:
                self._busy = False

    def _put(self, line: bytes, action: object) -> None:
        now = settings()
        try:
            if now.spool is not None and now.spool.waiting:
                now.spool.replay(lambda kept: self._write(kept, now))
            self._write(line, now)
        except Exception as error:  # noqa: BLE001 - closed, full, a broken pipe, or None
            self._rescue(line, now, now.failure_policy(action), error)

    def _write(self, line: bytes, now: Settings) -> None:
        stream = standard_output() if self.stream is None else self.stream
        self._outlet.write(stream, line, fsync=now.fsync)

    def _rescue(self, line: bytes, now: Settings, policy: str, error: Exception) -> None:
        """Bring a record that its stream did not take to where its policy says."""
        note = f"audit_lib: the record below could not be written to its stream: {error!r}"
        text = f"{note}\n{line.decode('ascii')}"
        if policy == "raise":
            raise RecordLostError(text) from error
        if policy == "spool" and now.spool is not None:
            try:
                now.spool.append(line)
            except OSError as failure:
                text = f"{note}; nor to {now.spool.path}: {failure!r}\n{line.decode('ascii')}"
            else:
                return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - whatever it was, this was the last place
            raise RecordLostError(text) from error

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Raise what `emit` raised: an audit record is never dropped in silence."""
        raise  # noqa: PLE0704 - logging calls this inside `except`


def _withheld(record: logging.LogRecord) -> Withheld:
    payload = getattr(record, PAYLOAD, None)
    return payload.withheld if isinstance(payload, Payload) else Withheld()


def _body(document: dict[str, Any], withheld: Withheld, now: Settings) -> bytes:
    body = encode(document)
    if gives_away(body, withheld.seen):
        scrubbing = Withheld()
        scrubbing.seen = withheld.seen
        document = scrubbed(document, scrubbing)
        if scrubbing.notes:
            add_notes(document, scrubbing.notes)
            body = encode(event_last(document))
    longest = now.max_bytes - 1  # the line's end
    return body if len(body) <= longest else fitted(document, longest)


def ascii_line(text: str) -> bytes:
    """Give another formatter's text as one line."""
    return text.encode("ascii", "backslashreplace").replace(b"\r", b"\\r").replace(b"\n", b"\\n")


class _NoLock:
    """In the place of the lock that `logging.Handler` says it may not have."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def _begin_child() -> None:
    """Forget what another thread was about to do when this process was forked from its own."""
    for handler in _HANDLERS:
        handler._busy = False  # noqa: SLF001 - this module's own
        handler._waiting.clear()  # noqa: SLF001


_NO_LOCK: Final = _NoLock()
_HANDLERS: Final[weakref.WeakSet[AuditHandler]] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)

DEFAULT_HANDLER: Final = AuditHandler()
"""The one handler that all audit loggers of the process share."""
