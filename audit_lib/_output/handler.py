"""Defines the `logging` handlers that write audit records as lines of JSON to a stream or a file."""

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
from audit_lib._record.masking import Redactions, scrubbed
from audit_lib._record.notes import add_notes, event_last
from audit_lib._record.size import fitted

from .spool import Spool, spool_at
from .stream import Outlet, TornWriteError, standard_output

__all__ = ["AuditFileHandler", "AuditFormatter", "AuditHandler", "flush_all"]


class AuditFormatter(logging.Formatter):
    """Formats any `LogRecord` as one line of ECS JSON, whatever its values are.

    Sensitive values are masked, and a line is shortened to `max_bytes` of `configure`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as ASCII JSON, without a line end and without the members of a hash chain."""
        config = get_config()
        payload = payload_of(record, config.masking)
        document = document_of(record, payload)
        return _body(document, payload.redactions, config, config.max_bytes).decode("ascii")


class AuditHandler(logging.Handler):
    """Writes each record as one line to a stream.

    When `emit` returns, the line is in the kernel if the stream is a file, a pipe or a terminal; a
    replacement of a stream, such as `io.StringIO`, has received it. A record of a signal handler that
    interrupts a write is written after the interrupted record. Without a stream, the handler writes to
    the current `sys.stdout`, also if it was redirected or replaced by pytest. `on_failure` of
    `configure` determines what happens to a record that cannot be written. No level, no filter and no
    `logging.raiseExceptions` suppresses a record.
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
        """Write the record and return True; a filter may replace it, but not reject it, even by raising.

        Raises:
            RecordLostError: as in `emit`.
        """
        self.emit(filtered(self, record))
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or apply its failure policy (`on_failure` of `configure`).

        Raises:
            RecordLostError: the record could not be written, and its policy is `raise`, or neither the
                spool (if that is its policy) nor standard error accepted it.
        """
        if type(self.formatter) is AuditFormatter:
            config = get_config()
            payload = payload_of(record, config.masking)
            self.write(document_of(record, payload), payload.redactions, config)
        else:
            self._deliver(ascii_line(self.format(record)), None)

    def write(self, document: dict[str, Any], redactions: Redactions, config: Config) -> None:
        """Write a document; one without an `event` gets `{"kind": "event"}`.

        Raises:
            RecordLostError: as in `emit`.
        """
        event = document.setdefault("event", {"kind": "event"})  # the proof is appended to it
        self._deliver(
            _body(document, redactions, config, self._longest(config)), event.get("action")
        )

    def seal(self) -> None:
        """Write the waiting records and the last line of the open hash chain; called when the process ends.

        Errors are ignored: a chain without a seal has an open end. A later record opens a new chain,
        which is sealed at once.
        """
        with self.lock or _NO_LOCK:
            self._ending = True
            if self._busy:
                return
            with suppress(Exception):  # records that an interrupt left in the queue
                self._write_waiting()
            if self._chain is not None:
                with suppress(Exception):  # without a seal, the chain has an open end
                    self._outlet.write(self._chain_stream, self._chain.sealing())
                self._chain = None

    def _longest(self, config: Config) -> int:
        """Return the maximum length of a line for this destination, in bytes, its end included."""
        return config.max_bytes

    def _deliver(self, body: bytes, action: object) -> None:
        with self.lock or _NO_LOCK:
            self._waiting.append((body, action))
            # A signal handler's record waits until the record that it interrupted is written.
            if not self._busy:
                self._write_waiting()

    def _write_waiting(self) -> None:
        """Write all waiting records, then raise the first `RecordLostError` among them, if any."""
        self._busy = True
        lost: RecordLostError | None = None
        try:
            while self._waiting:
                try:
                    self._write_or_apply_policy(*self._waiting.pop(0))
                except RecordLostError as error:
                    lost = lost or error
        finally:
            self._busy = False
        if lost is not None:
            raise lost

    def _write_or_apply_policy(self, body: bytes, action: object) -> None:
        config = get_config()
        try:
            if config.spool is not None and (spool := spool_at(config.spool)).waiting:
                spool.replay(lambda lines: self._write(lines[0][:-1], config))
            self._write(body, config)
        except Exception as error:  # noqa: BLE001 - closed, full, a broken pipe, or None
            fallback = None if config.spool is None else spool_at(config.spool)
            self._apply_policy(body + b"\n", fallback, config.failure_policy(action), error)

    @property
    def place(self) -> str:
        """The name of the destination in error messages."""
        return "its stream"

    def _target(self) -> Any:
        """Return the stream to write to: that of the handler, or else the current standard output."""
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
        except BaseException:  # interrupted: whether it was written is unknown
            self._leave_chain()
            raise
        chain.keep()
        self._link = ""
        self._chain = None if self._ending else chain

    def _leave_chain(self) -> None:
        """End the current chain without a seal.

        The next record opens a new chain, whose first line refers to the last line of this chain
        (`chain.follows`).
        """
        self._begin_chain("follows")

    def _begin_chain(self, relation: str) -> None:
        if self._chain is not None and self._chain.sequence >= 0:
            self._link = f"{relation}:{self._chain.position}"
        self._chain = None

    def begin_child(self) -> None:
        """Discard the waiting records of the parent process after a fork, and leave its chain.

        The next record opens a new chain, whose first line refers to the chain of the parent
        (`chain.parent`).
        """
        self._busy = False
        self._waiting.clear()
        self._ending = False
        self._begin_chain("parent")

    def _apply_policy(
        self, lines: bytes, spool: Spool | None, policy: str, error: BaseException
    ) -> None:
        """Apply the failure policy to lines that the destination did not accept.

        Lines that the spool does not accept are written to standard error.

        Raises:
            RecordLostError: the policy is `raise`, or standard error did not accept the lines.
        """
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
        except Exception:  # noqa: BLE001 - standard error is the last resort
            raise RecordLostError(text) from error

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Raise the exception that is being handled again: no audit record is dropped silently."""
        raise  # noqa: PLE0704 - logging calls this inside `except`


class AuditFileHandler(AuditHandler):
    """Writes records to a file that logrotate may rotate and other processes may append to.

    If the file was renamed or deleted, the next record is written to a new file with the same name and
    continues the hash chain. Do not use `copytruncate`: lines written between copy and truncation are
    lost.
    """

    def __init__(self, filename: str | os.PathLike[str]) -> None:
        """Create the handler; the first record opens or creates the file.

        Args:
            filename: the path of the file, which is created with mode 0600 (owner only).
        """
        super().__init__()
        self.filename = os.path.abspath(filename)  # noqa: PTH100 - the working directory may change

    def _target(self) -> Any:
        if self.stream is not None:
            if self._is_current(self.stream):
                return self.stream
            self.stream.close()
        descriptor = os.open(self.filename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        stream = os.fdopen(descriptor, "w", encoding="utf-8")
        if self._chain is not None and self._chain_stream is self.stream:
            self._chain_stream = stream
        self.stream = stream
        return stream

    def _is_current(self, stream: TextIO) -> bool:
        try:
            return os.path.samestat(os.stat(self.filename), os.fstat(stream.fileno()))  # noqa: PTH116
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Seal the hash chain and close the file; a later record opens the file again."""
        self.seal()
        with self.lock or _NO_LOCK:
            if self.stream is not None:
                self.stream.close()
                self.stream = None
        super().close()


def _body(document: dict[str, Any], redactions: Redactions, config: Config, longest: int) -> bytes:
    body = encode(document)
    if redactions.has_secret or "error" in document or redactions.found_in(document["message"]):
        scrubbing = Redactions()
        scrubbing.secrets = redactions.secrets
        document = scrubbed(document, scrubbing)
        if scrubbing.notes:
            add_notes(document, scrubbing.notes)
            body = encode(event_last(document))
    longest -= TAIL_BYTES if config.chain else 1
    return body if len(body) <= longest else fitted(document, longest)


def filtered(filterer: logging.Filterer, record: logging.LogRecord) -> logging.LogRecord:
    """Return the record after the filters of a logger or a handler, which may replace it.

    If a filter rejects the record or raises, return the record itself.
    """
    try:
        passed: Any = filterer.filter(record)
    except Exception:  # noqa: BLE001 - a filter of the application must not lose the record
        return record
    return passed if isinstance(passed, logging.LogRecord) else record


def ascii_line(text: str) -> bytes:
    """Return the text of another formatter as one ASCII line without an end, line breaks escaped."""
    return text.encode("ascii", "backslashreplace").replace(b"\r", b"\\r").replace(b"\n", b"\\n")


class _NoLock:
    """A context manager that does nothing, for a `logging.Handler` whose lock is None."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


_NO_LOCK: Final = _NoLock()
_HANDLERS: Final[weakref.WeakSet[AuditHandler]] = weakref.WeakSet()


def _begin_child() -> None:
    for handler in _HANDLERS:
        handler.begin_child()


def flush_all() -> None:
    """Call `flush` of all audit handlers, such as before AWS Lambda freezes the process."""
    for handler in tuple(_HANDLERS):
        handler.flush()


def _seal_all() -> None:
    for handler in _HANDLERS:
        handler.seal()


atexit.register(_seal_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)

DEFAULT_HANDLER: Final = AuditHandler()
"""The handler for standard output that audit loggers without an own `AuditHandler` use."""
