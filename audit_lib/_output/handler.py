"""Defines the `logging` handlers that write audit records as lines of JSON to a stream or a file."""

import atexit
import logging
import os
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import Any, Final, TextIO

from audit_lib._configuration import Config, get_config
from audit_lib._exceptions import RecordLostError
from audit_lib._proof.chain import TAIL_BYTES, HashChain
from audit_lib._record.document import distrust, document_of, payload_of
from audit_lib._record.encoding import encode
from audit_lib._record.interrupts import from_signal_handler
from audit_lib._record.notes import add_notes
from audit_lib._record.processes import on_copy
from audit_lib._record.secrets import Redactions, scrubbed
from audit_lib._record.size import fitted

from .endings import seal_at_end
from .spool import Spool, SpoolBusyError, spool_at
from .stream import SyncError, Target, TornWriteError, standard_output
from .tally import tally

__all__ = ["AuditFileHandler", "AuditFormatter", "AuditHandler", "flush_all", "waiting_records"]


_Write = Callable[[bytes, Config], Exception | None]


class AuditFormatter(logging.Formatter):
    """Formats any `LogRecord` as one line of ECS JSON, whatever its values are.

    Sensitive values are masked, and a line is shortened to `max_bytes` of `configure`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as ASCII JSON, without a line end and without the members of a hash chain."""
        config = get_config()
        distrust(record)
        payload = payload_of(record, config.masking)
        document = document_of(record, payload)
        return _body(document, payload.redactions, config, config.max_bytes).decode("ascii")


class AuditHandler(logging.Handler):
    """Writes each record as one line to a stream.

    When `emit` returns, the line is in the kernel if the stream is a file, a pipe or a terminal; a
    replacement of a stream, such as `io.StringIO`, has received it. That is so in a signal handler too,
    even if it interrupts the writing of another record. Without a stream, the handler writes to
    the current `sys.stdout`, also if it was redirected or replaced by pytest. `on_failure` of
    `configure` determines what happens to a record that cannot be written. No level, no filter and no
    `logging.raiseExceptions` suppresses a record.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self.stream = stream
        self._target: Target | None = None
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
        config = get_config()
        if type(self.formatter) is AuditFormatter:
            if type(self).emit is not AuditHandler.emit:  # it may change the record before
                distrust(record)
            payload = payload_of(record, config.masking)
            self.write(document_of(record, payload), payload.redactions, config)
        else:
            action = None
            if config.actions:  # one of them may have a policy of its own
                document = document_of(record, payload_of(record, config.masking))
                action = document["event"].get("action")
            self._deliver(ascii_line(self.format(record)), action, config)

    def write(self, document: dict[str, Any], redactions: Redactions, config: Config) -> None:
        """Write a document.

        Raises:
            RecordLostError: as in `emit`.
        """
        body = _body(document, redactions, config, self._longest(config))
        self._deliver(body, document["event"].get("action"), config)

    def seal(self) -> None:
        """Write the last line of the open hash chain; called when the process ends.

        It goes to the stream that has the chain, also if that is not the current one any more. Errors
        are ignored: a chain without a seal has an open end. A later record opens a new chain, which is
        sealed at once.
        """
        with self.lock or _NO_LOCK:
            self._ending = True
            chain, self._chain = self._chain, None
            if chain is not None:
                with suppress(Exception):  # without a seal, the chain has an open end
                    stream, target = self._current_stream(), self._target
                    if target is None or stream is not self._chain_stream:
                        target = Target(self._chain_stream)  # where the chain is, if it is open
                    target.write(chain.sealing())

    def _longest(self, config: Config) -> int:
        """Return the maximum length of a line for this destination, in bytes, its end included."""
        return config.max_bytes

    def _deliver(self, body: bytes, action: object, config: Config) -> None:
        writer = get_ident()
        if writer in _WRITING:
            # This thread is inside of a write: a signal handler or a destructor interrupted it.
            self._write_or_apply_policy(body, action, config, self._write_alone)
            return
        with self.lock or _NO_LOCK:
            try:
                _WRITING.add(writer)
                self._write_or_apply_policy(body, action, config, self._write)
            finally:
                _WRITING.discard(writer)

    def _write_or_apply_policy(
        self, body: bytes, action: object, config: Config, write: _Write
    ) -> None:
        error: Exception | None
        try:
            error = None if config.spool is None else self._replay(config, config.spool, write)
            if error is None:
                error = write(body, config)
        except Exception as raised:
            if from_signal_handler(raised):
                raise
            error = raised
        if error is None:
            tally.accepted(body, self)
        else:
            fallback = None if config.spool is None else spool_at(config.spool)
            self._apply_policy(body + b"\n", fallback, config.failure_policy(action), error)
        target = self._target
        if target is not None and target.outlet.interrupt is not None:
            raise target.outlet.take_interrupt()

    def _replay(self, config: Config, path: str, write: _Write) -> Exception | None:
        """Write the lines of the spool first; return the error that prevented it, or None."""
        if not (spool := spool_at(path)).waiting:
            return None
        failed: list[Exception] = []

        def replayed(lines: list[bytes]) -> None:
            error = write(lines[0][:-1], config)
            if error is not None and not isinstance(error, SyncError):
                failed.append(error)
                raise error

        try:
            spool.replay(replayed)
        except SpoolBusyError:
            return None  # another process, or an interrupted record of this thread, replays it
        except Exception:
            if not failed:
                raise
        return failed[0] if failed else None

    @property
    def place(self) -> str:
        """The name of the destination in error messages."""
        return "its stream"

    @property
    def waiting(self) -> int:
        """How many records wait in memory; this handler writes each at once."""
        return 0

    def _current_stream(self) -> Any:
        """Return the stream to write to: that of the handler, or else the current standard output."""
        return standard_output() if self.stream is None else self.stream

    def _current_target(self) -> Target:
        stream = self._current_stream()
        target = self._target
        if target is None or target.stream is not stream:
            target = self._target = Target(stream)
        return target

    def _write(self, body: bytes, config: Config) -> Exception | None:
        target = self._current_target()
        if not _is_linked(target, body, config):
            return target.write(body + b"\n", config.fsync)
        chain = self._chain
        if chain is None or target.stream is not self._chain_stream:
            self._leave_chain()
            seal_at_end(_seal_all)
            chain, self._chain_stream = HashChain(), target.stream
            line = chain.opening(self._link, body) + chain.link(body)
        else:
            line = chain.link(body)
        if self._ending:
            line += chain.sealing()
        # Until the result is known, no other record may use these sequences.
        self._chain = None
        try:
            error = target.write(line, config.fsync)
        except BaseException:  # interrupted: whether it was written is unknown
            self._chain = chain
            self._leave_chain()
            raise
        self._chain = chain
        if isinstance(error, TornWriteError):
            self._leave_chain()
        elif error is not None and not isinstance(error, SyncError):  # nothing was written
            chain.forget()
            if chain.sequence < 0:
                self._chain = None
        else:
            chain.keep()
            self._link = ""
            if self._ending:
                self._chain = None
        return error

    def _write_alone(self, body: bytes, config: Config) -> Exception | None:
        """Write a record inside of the writing of another one, in a chain of its own."""
        target = self._target or self._current_target()
        if not _is_linked(target, body, config):
            return target.write(body + b"\n", config.fsync)
        chain = HashChain()
        link = f"parent:{self._chain.position}" if self._chain is not None else ""
        line = chain.opening(link, body) + chain.link(body) + chain.sealing()
        return target.write(line, config.fsync)

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
        """In a copy of the process, such as after a fork, renew the lock and leave the parent's chain.

        The next record opens a new chain, whose first line refers to the chain of the parent
        (`chain.parent`).
        """
        if self.lock is not None:
            self.createLock()
        self._ending = False
        self._begin_chain("parent")

    def _apply_policy(
        self, lines: bytes, spool: Spool | None, policy: str, error: BaseException
    ) -> None:
        """Apply the failure policy to lines that the destination did not accept.

        Lines that the spool does not accept are written to standard error.

        Raises:
            RecordLostError: the policy is `raise`, or standard error did not accept the lines.
            BaseException: a signal handler raised it; the lines were written nevertheless.
        """
        note = f"audit_lib: the record below could not be written to {self.place}: {error!r}"
        text = f"{note}\n{lines.decode('ascii')}"
        count = lines.count(b"\n")
        tally.failing.add(self)
        if policy == "raise":
            tally.failed("raised", count, self.place, error)
            raise RecordLostError(text) from error
        interrupt: BaseException | None = None
        if policy == "spool" and spool is not None:
            try:
                spool.append(lines)
            except BaseException as failure:
                # Interrupted: whether it is in the spool is unknown. Twice is better than never.
                interrupt = _interrupt(failure)
                if interrupt is None and not isinstance(failure, OSError):
                    raise
                text = f"{note}; nor to {spool.path}: {failure!r}\n{lines.decode('ascii')}"
            else:
                tally.failed("spooled", count, self.place, error)
                return
        try:
            interrupt = _write_to_stderr(text) or interrupt
        except Exception:  # noqa: BLE001 - standard error is the last resort
            tally.failed("raised", count, self.place, error)
            raise RecordLostError(text) from error
        tally.failed("to_stderr", count, self.place, error)
        if interrupt is not None:
            raise interrupt

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

    def _current_stream(self) -> Any:
        before = self.stream
        if before is not None and self._is_current(before):
            return before
        flags = os.O_CREAT | os.O_APPEND
        try:  # readable, to see whether the last line is torn
            descriptor = os.open(self.filename, os.O_RDWR | flags, 0o600)
        except PermissionError:
            descriptor = os.open(self.filename, os.O_WRONLY | flags, 0o600)
        stream = os.fdopen(descriptor, "w", encoding="utf-8")
        if self._chain is not None and self._chain_stream is before:
            self._chain_stream = stream
        self.stream = stream
        if before is not None:
            with suppress(OSError):  # the new file is open, whatever becomes of the old one
                before.close()
        return stream

    def _is_current(self, stream: TextIO) -> bool:
        try:
            return os.path.samestat(os.stat(self.filename), os.fstat(stream.fileno()))  # noqa: PTH116
        except (OSError, ValueError):  # renamed, or closed by the application
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
    notes, detect = redactions.notes, config.masking.detect
    if redactions.found_in(document, detect):
        search = redactions.for_search()
        document = scrubbed(document, search, detect)
        # A path contains the names of fields, which may be secrets.
        paths = scrubbed({"paths": notes}, Redactions(), detect)["paths"]
        notes = {**paths, **search.notes}
    noted = document
    if notes:
        noted = document.copy()
        add_notes(noted, notes)
    body = encode(noted)
    longest -= TAIL_BYTES if config.chain else 1
    return body if len(body) <= longest else fitted(document, notes, longest)


def _interrupt(error: BaseException) -> BaseException | None:
    """Return the exception if a signal handler raised it, such as `KeyboardInterrupt`, else None."""
    raised = not isinstance(error, Exception) or from_signal_handler(error)
    return error if raised else None


def _write_to_stderr(text: str) -> BaseException | None:
    """Write a text to standard error, and again if a signal handler interrupts it by an exception.

    Returns:
        The exception of the signal handler, which the caller has to raise again, or None.

    Raises:
        Exception: standard error did not accept the text.
    """
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BaseException as error:
        interrupt = _interrupt(error)
        if interrupt is None:
            raise
        sys.stderr.write(text)
        sys.stderr.flush()
        return interrupt
    return None


def _is_linked(target: Target, body: bytes, config: Config) -> bool:
    """Return whether a line is part of a hash chain: JSON, to a file, a pipe or a terminal."""
    return config.chain and body[-1:] == b"}" and target.reaches_kernel


def filtered(filterer: logging.Filterer, record: logging.LogRecord) -> logging.LogRecord:
    """Return the record after the filters of a logger or a handler, which may replace it.

    If a filter rejects the record or raises, return the record itself. A record that filters have seen is
    searched for secrets as a whole.
    """
    if not filterer.filters:
        return record
    try:
        passed: Any = filterer.filter(record)
    except Exception as error:
        if from_signal_handler(error):
            raise
        passed = None  # a filter of the application must not lose the record
    found = passed if isinstance(passed, logging.LogRecord) else record
    distrust(found)
    return found


def ascii_line(text: str) -> bytes:
    """Return the text of another formatter as one ASCII line without an end, line breaks escaped."""
    return text.encode("ascii", "backslashreplace").replace(b"\r", b"\\r").replace(b"\n", b"\\n")


class _NoLock:
    """A context manager that does nothing, for a `logging.Handler` whose lock is None."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


_NO_LOCK: Final = _NoLock()
_HANDLERS: Final[weakref.WeakSet[AuditHandler]] = weakref.WeakSet()
_WRITING: Final[set[int]] = set()
"""The ids of the threads that are inside of a write."""


def _begin_child() -> None:
    _WRITING.clear()
    for handler in tuple(_HANDLERS):
        handler.begin_child()


def flush_all() -> None:
    """Call `flush` of all audit handlers, such as before AWS Lambda freezes the process.

    Raises:
        Exception: the first error of a handler; all others are flushed nevertheless.
    """
    first: Exception | None = None
    for handler in tuple(_HANDLERS):
        try:
            handler.flush()
        except Exception as error:  # noqa: BLE001 - the others are flushed nevertheless
            first = first or error
    if first is not None:
        raise first


def waiting_records() -> int:
    """Return how many records wait in memory for their destinations."""
    return sum(handler.waiting for handler in tuple(_HANDLERS))


def _seal_all() -> None:
    for handler in tuple(_HANDLERS):
        handler.seal()


atexit.register(_seal_all)
on_copy(_begin_child)

DEFAULT_HANDLER: Final = AuditHandler()
"""The handler for standard output that audit loggers without an own `AuditHandler` use."""
