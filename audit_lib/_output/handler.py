"""Where audit records leave the process: one line of JSON each, on standard output."""

import atexit
import logging
import os
import sys
import weakref
from contextlib import suppress
from typing import Any, Final, TextIO

from audit_lib._configuration import Config, get_config
from audit_lib._exceptions import RecordLostError
from audit_lib._proof.chain import TAIL_BYTES, HashChain
from audit_lib._record.document import document_of, payload_of
from audit_lib._record.encoding import encode
from audit_lib._record.masking import Withheld, scrubbed
from audit_lib._record.notes import add_notes, event_last
from audit_lib._record.size import fitted

from .spool import Spool, spool_at
from .stream import Outlet, TornWriteError, standard_output

__all__ = ["AuditFileHandler", "AuditFormatter", "AuditHandler", "flush_all"]


class AuditFormatter(logging.Formatter):
    """Formats any `LogRecord` as one line of ECS JSON. Never raises because of a value in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        config = get_config()
        payload = payload_of(record, config.masking)
        document = document_of(record, payload)
        return _body(document, payload.withheld, config, config.max_bytes).decode("ascii")


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
        self._chain: HashChain | None = None
        self._chain_stream: Any = None
        self._link = ""
        self._ending = False
        self.setFormatter(AuditFormatter())
        _HANDLERS.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record; a filter may replace it, and cannot keep it back, not by failing."""
        self.emit(filtered(self, record))
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record.

        Raises:
            RecordLostError: nothing took it, or its failure policy is to raise.
        """
        if type(self.formatter) is AuditFormatter:
            config = get_config()
            payload = payload_of(record, config.masking)
            self.write(document_of(record, payload), payload.withheld, config)
        else:
            self._deliver(ascii_line(self.format(record)), None)

    def write(self, document: dict[str, Any], withheld: Withheld, config: Config) -> None:
        """Write a document, as `emit` does a record."""
        event = document.setdefault("event", {"kind": "event"})  # the proof's place is its end
        self._deliver(_body(document, withheld, config, self._longest(config)), event.get("action"))

    def seal(self) -> None:
        """End the chain, where one is open: done by itself when the process ends."""
        with self.lock or _NO_LOCK:
            self._ending = True
            if self._busy:
                return
            with suppress(Exception):  # left behind by an interrupt
                self._write_waiting()
            if self._chain is not None:
                with suppress(Exception):  # a chain without a seal is what a crash leaves, too
                    self._outlet.write(self._chain_stream, self._chain.sealing())
                self._chain = None

    def _longest(self, config: Config) -> int:
        """Return the longest line that its destination takes."""
        return config.max_bytes

    def _deliver(self, body: bytes, action: object) -> None:
        with self.lock or _NO_LOCK:
            self._waiting.append((body, action))
            # A signal handler's record waits: the one that it interrupted comes first.
            if not self._busy:
                self._write_waiting()

    def _write_waiting(self) -> None:
        """Write what waits, all of it, and only then say that some of it was lost."""
        self._busy = True
        lost: RecordLostError | None = None
        try:
            while self._waiting:
                try:
                    self._put(*self._waiting.pop(0))
                except RecordLostError as error:
                    lost = lost or error
        finally:
            self._busy = False
        if lost is not None:
            raise lost

    def _put(self, body: bytes, action: object) -> None:
        config = get_config()
        try:
            if config.spool is not None and (spool := spool_at(config.spool)).waiting:
                spool.replay(lambda lines: self._write(lines[0][:-1], config))
            self._write(body, config)
        except Exception as error:  # noqa: BLE001 - closed, full, a broken pipe, or None
            kept = None if config.spool is None else spool_at(config.spool)
            self._rescue(body + b"\n", kept, config.failure_policy(action), error)

    @property
    def place(self) -> str:
        """What the records go to, for people."""
        return "its stream"

    def _target(self) -> Any:
        """Return the stream of this moment."""
        return standard_output() if self.stream is None else self.stream

    def _write(self, body: bytes, config: Config) -> None:
        stream, outlet, fsync = self._target(), self._outlet, config.fsync
        if not config.chain or body[-2:] != b"}}" or not outlet.reaches_kernel(stream):
            outlet.write(stream, body + b"\n", fsync=fsync)
            return
        chain = self._chain
        if chain is None or stream is not self._chain_stream:
            self._leave_chain()
            chain, self._chain_stream = HashChain(), stream
            line = chain.opening(self._link, body) + chain.link(body)
        else:
            line = chain.link(body)
        if self._ending:
            line += chain.sealing()
        try:
            outlet.write(stream, line, fsync=fsync)
        except TornWriteError:
            self._leave_chain()
            raise
        except Exception:  # nothing was written
            chain.forget()
            raise
        except BaseException:  # interrupted: nobody knows
            self._leave_chain()
            raise
        chain.keep()
        self._link = ""
        self._chain = None if self._ending else chain

    def _leave_chain(self) -> None:
        """Begin another chain with the next line; it will say where this one stood."""
        self._begin_chain("follows")

    def _begin_chain(self, why: str) -> None:
        if self._chain is not None and self._chain.sequence >= 0:
            self._link = f"{why}:{self._chain.place}"
        self._chain = None

    def begin_child(self) -> None:
        """Forget what the process that this one was forked from, or another thread of it, is at."""
        self._busy = False
        self._waiting.clear()
        self._ending = False
        self._begin_chain("parent")

    def _rescue(self, lines: bytes, spool: Spool | None, policy: str, error: BaseException) -> None:
        """Bring what its destination did not take to where its policy says."""
        note = f"audit_lib: the record below could not be written to {self.place}: {error!r}"
        text = f"{note}\n{lines.decode('ascii')}"
        if policy == "raise":
            raise RecordLostError(text) from error
        if policy == "spool" and spool is not None:
            try:
                spool.append(lines)
            except OSError as failure:
                text = f"{note}; nor to {spool.path}: {failure!r}\n{lines.decode('ascii')}"
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


class AuditFileHandler(AuditHandler):
    """Writes to a file that something else may rotate, such as logrotate, and others may write to.

    When the file was renamed or is gone, the next record goes to a new one of that name; the chain
    goes on in it. Do not have it copied and truncated: what is written in between is lost.
    """

    def __init__(self, filename: str | os.PathLike[str]) -> None:
        """Open nothing yet.

        Args:
            filename: made when the first record is written, readable by its owner alone.
        """
        super().__init__()
        self.filename = os.path.abspath(filename)  # noqa: PTH100 - the process may change its folder

    def _target(self) -> Any:
        if self.stream is not None:
            if self._is_there(self.stream):
                return self.stream
            self.stream.close()
        descriptor = os.open(self.filename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        stream = os.fdopen(descriptor, "w", encoding="utf-8")
        if self._chain is not None and self._chain_stream is self.stream:
            self._chain_stream = stream
        self.stream = stream
        return stream

    def _is_there(self, stream: TextIO) -> bool:
        try:
            return os.path.samestat(os.stat(self.filename), os.fstat(stream.fileno()))  # noqa: PTH116
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Seal the chain and close the file; another record opens it again."""
        self.seal()
        with self.lock or _NO_LOCK:
            if self.stream is not None:
                self.stream.close()
                self.stream = None
        super().close()


def _body(document: dict[str, Any], withheld: Withheld, config: Config, longest: int) -> bytes:
    body = encode(document)
    if withheld.gives_away or "error" in document or withheld.shows(document["message"]):
        scrubbing = Withheld()
        scrubbing.seen = withheld.seen
        document = scrubbed(document, scrubbing)
        if scrubbing.notes:
            add_notes(document, scrubbing.notes)
            body = encode(event_last(document))
    longest -= TAIL_BYTES if config.chain else 1
    return body if len(body) <= longest else fitted(document, longest)


def filtered(by: logging.Filterer, record: logging.LogRecord) -> logging.LogRecord:
    """Return what the filters of a logger or a handler make of a record; itself, if they fail."""
    try:
        passed: Any = by.filter(record)
    except Exception:  # noqa: BLE001 - somebody else's code: the record is not theirs to lose
        return record
    return passed if isinstance(passed, logging.LogRecord) else record


def ascii_line(text: str) -> bytes:
    """Return another formatter's text as one line."""
    return text.encode("ascii", "backslashreplace").replace(b"\r", b"\\r").replace(b"\n", b"\\n")


class _NoLock:
    """In the place of the lock that `logging.Handler` says it may not have."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


_NO_LOCK: Final = _NoLock()
_HANDLERS: Final[weakref.WeakSet[AuditHandler]] = weakref.WeakSet()


def _begin_child() -> None:
    for handler in _HANDLERS:
        handler.begin_child()


def flush_all() -> None:
    """Have each destination take what it has been given: before a process is frozen, as Lambda's."""
    for handler in tuple(_HANDLERS):
        handler.flush()


def _seal_all() -> None:
    for handler in _HANDLERS:
        handler.seal()


atexit.register(_seal_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)

DEFAULT_HANDLER: Final = AuditHandler()
"""The one handler that all audit loggers of the process share."""
