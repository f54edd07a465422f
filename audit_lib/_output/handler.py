"""The handlers that write audit records: one line of JSON each, to standard output or a file."""

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
    """Formats any `LogRecord` as one line of ECS JSON. No value in it makes this raise."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line end."""
        config = get_config()
        payload = payload_of(record, config.masking)
        document = document_of(record, payload)
        return _body(document, payload.redactions, config, config.max_bytes).decode("ascii")


class AuditHandler(logging.Handler):
    """Writes each record as one line, which is in the kernel when `emit` returns.

    Without a stream, it writes to the current `sys.stdout` (a redirected one, or that of pytest). A
    record that cannot be written is handled by `on_failure` of `configure`. No level, no filter and
    no `logging.raiseExceptions` suppresses a record.
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
        """Write the record; a filter may replace it but not reject it, not even by raising."""
        self.emit(filtered(self, record))
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record.

        Raises:
            RecordLostError: the record could not be written, and its failure policy is `raise` or
                failed too.
        """
        if type(self.formatter) is AuditFormatter:
            config = get_config()
            payload = payload_of(record, config.masking)
            self.write(document_of(record, payload), payload.redactions, config)
        else:
            self._deliver(ascii_line(self.format(record)), None)

    def write(self, document: dict[str, Any], redactions: Redactions, config: Config) -> None:
        """Write a document, as `emit` writes a record."""
        event = document.setdefault("event", {"kind": "event"})  # the proof is appended to it
        self._deliver(
            _body(document, redactions, config, self._longest(config)), event.get("action")
        )

    def seal(self) -> None:
        """End the chain if one is open; called automatically when the process ends."""
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
        """Return the maximum length of a line of this destination."""
        return config.max_bytes

    def _deliver(self, body: bytes, action: object) -> None:
        with self.lock or _NO_LOCK:
            self._waiting.append((body, action))
            # A signal handler's record waits until the record that it interrupted is written.
            if not self._busy:
                self._write_waiting()

    def _write_waiting(self) -> None:
        """Write all waiting records, then raise if one of them was lost."""
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
        """The destination of the records, for messages."""
        return "its stream"

    def _target(self) -> Any:
        """Return the current stream."""
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
        """Begin another chain with the next line, which records the end of this one."""
        self._begin_chain("follows")

    def _begin_chain(self, relation: str) -> None:
        if self._chain is not None and self._chain.sequence >= 0:
            self._link = f"{relation}:{self._chain.position}"
        self._chain = None

    def begin_child(self) -> None:
        """Discard the state of the parent process and its threads, after a fork."""
        self._busy = False
        self._waiting.clear()
        self._ending = False
        self._begin_chain("parent")

    def _apply_policy(
        self, lines: bytes, spool: Spool | None, policy: str, error: BaseException
    ) -> None:
        """Apply the failure policy to lines that the destination did not accept."""
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
        """Raise the exception of `emit` again: an audit record is never dropped silently."""
        raise  # noqa: PLE0704 - logging calls this inside `except`


class AuditFileHandler(AuditHandler):
    """Writes to a file that logrotate may rotate and other processes may write to.

    After the file was renamed or deleted, the next record goes to a new file of that name, which
    continues the chain. Do not use `copytruncate`: lines written between copy and truncation are
    lost.
    """

    def __init__(self, filename: str | os.PathLike[str]) -> None:
        """Create the handler; the file is opened later.

        Args:
            filename: created with the first record, readable by its owner only.
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
        """Seal the chain and close the file; a later record opens it again."""
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
    """Return the record that the filters of a logger or a handler return; if none, the record."""
    try:
        passed: Any = filterer.filter(record)
    except Exception:  # noqa: BLE001 - a filter of the application must not lose the record
        return record
    return passed if isinstance(passed, logging.LogRecord) else record


def ascii_line(text: str) -> bytes:
    """Return the text of another formatter as one line."""
    return text.encode("ascii", "backslashreplace").replace(b"\r", b"\\r").replace(b"\n", b"\\n")


class _NoLock:
    """Replaces the lock of `logging.Handler`, whose type allows None."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


_NO_LOCK: Final = _NoLock()
_HANDLERS: Final[weakref.WeakSet[AuditHandler]] = weakref.WeakSet()


def _begin_child() -> None:
    for handler in _HANDLERS:
        handler.begin_child()


def flush_all() -> None:
    """Flush all handlers, before a process is frozen, as in AWS Lambda."""
    for handler in tuple(_HANDLERS):
        handler.flush()


def _seal_all() -> None:
    for handler in _HANDLERS:
        handler.seal()


atexit.register(_seal_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)

DEFAULT_HANDLER: Final = AuditHandler()
"""The handler that all audit loggers of the process share."""
