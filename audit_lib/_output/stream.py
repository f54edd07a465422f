"""Writes lines for the handlers: with `os.write`, or with the `write` method of a replaced stream."""

import os
import stat
import sys
import weakref
from contextlib import suppress
from io import FileIO, TextIOWrapper
from logging import Logger
from threading import RLock
from time import monotonic, sleep
from typing import Any, Final

from audit_lib._record.interrupts import from_signal_handler
from audit_lib._record.processes import on_copy

from .lock import LOCK_EX, LOCK_NB, LOCK_UN, lockf

__all__ = ["SyncError", "Target", "TornWriteError", "standard_output"]

# When a reader reads nothing for so long, the failure policy applies.
_TIMEOUT_MS: Final = 10_000
# After an exception of a signal handler, such as Ctrl-C, the rest of a line is not waited for so long.
_INTERRUPTED_MS: Final = 1_000
_LONG_SECONDS: Final = 0.001
_MAX_PAUSE_SECONDS: Final = 0.01
# A pipe that accepts bytes accepts so many at once; 512 is what POSIX guarantees.
_PIPE_BUF: Final = 4096 if sys.platform == "linux" else 512
_STANDARD_FILES: Final = 2
_MAX_ATTEMPTS: Final = 8
_LINE_END: Final = b"\n"


class TornWriteError(OSError):
    """A file, pipe or terminal accepted only the first bytes of a line, and then failed."""


class SyncError(OSError):
    """A line was written to a file, but could not be synchronised to the disk."""


def standard_output() -> Any:
    """Return the stream to use as standard output: usually the current `sys.stdout`.

    A `sys.stdout` that was redirected, or replaced by a notebook or by pytest, is returned too, with
    two exceptions:

    - A stream that passes each write to a logger (Celery's) would wrap the record in another log line:
      `sys.__stdout__` is returned, the standard output with which the process started.
    - AWS Lambda's stream (`awslambdaric`) flushes after each write: the stream that it wraps is
      returned.
    """
    stream = sys.stdout
    if type(stream) is not TextIOWrapper:
        if isinstance(getattr(stream, "logger", None), Logger):
            return sys.__stdout__
        # Lambda's stream flushes after each write; so does this library.
        if type(stream).__module__.startswith("awslambdaric"):
            return getattr(stream, "stream", stream)
    return stream


class Target:
    """A stream, and the outlet to which its lines go: a file descriptor's, or that of replaced streams."""

    __slots__ = ("_file", "outlet", "reaches_kernel", "stream")

    def __init__(self, stream: Any) -> None:
        """Inspect the stream.

        Raises:
            Exception: the stream is closed.
        """
        self.stream = stream
        self._file = _file_of(stream)
        self.reaches_kernel = self._file >= 0
        """Whether the stream is a text stream of a file descriptor, and not a replacement of one."""
        self.outlet = _outlet_of(self._file) if self.reaches_kernel else _REPLACED

    def write(self, line: bytes, fsync: bool = False) -> Exception | None:
        """Write a line, with its line end, and flush it.

        To a file descriptor, a record always begins a line, whatever was written before. A non-blocking
        descriptor that is full is waited for, each time for at most 10 seconds; a blocking one as long
        as its reader reads nothing. Lines to a pipe are written under a lock between processes.

        Args:
            line: ASCII text.
            fsync: synchronise a file to the disk; ignored where that is not supported, as by a pipe.

        Returns:
            None, or the error that prevented it: a `TornWriteError` if a part of the line was written,
            else the error of the stream, `TimeoutError`, or the error of `fsync`, after which it is
            unknown whether the line is on the disk.

        Raises:
            BaseException: a signal handler raised it before a byte was written.
        """
        outlet = self.outlet
        with outlet.lock:
            if not self.reaches_kernel:
                return _write_text(self.stream, line)
            return outlet.write(self.stream, self._file, line, fsync)


class Outlet:
    """A file, pipe or terminal, to which all handlers and threads of this process write in turn.

    Attributes:
        lock: the lock for writing, which a signal handler's record may take again.
        interrupt: an exception of a signal handler that was raised while a line was written, and has
            to be raised again by the caller.
    """

    __slots__ = (
        "__weakref__", "_end", "_held", "_pipe", "_regular", "_writing", "interrupt", "lock",
    )  # fmt: skip

    def __init__(self, mode: int) -> None:
        self.lock = RLock()
        self.interrupt: BaseException | None = None
        self._pipe = stat.S_ISFIFO(mode)
        self._regular = stat.S_ISREG(mode)
        self._end = -1  # the size of a file after the last line
        self._writing: _Writing | None = None
        self._held: list[None] = []  # has an element while this process has locked the pipe

    def forget(self) -> None:
        """Forget the line that another thread was writing when the process was copied."""
        self.interrupt = self._writing = None
        self._held.clear()

    def take_interrupt(self) -> BaseException:
        """Return `interrupt`, which is not None, and forget it."""
        interrupt, self.interrupt = self.interrupt, None
        return interrupt  # type: ignore[return-value]

    def write(self, stream: Any, file: int, line: bytes, fsync: bool) -> Exception | None:
        """Write a line to the file descriptor; see `Target.write`. The caller holds `lock`."""
        outer = self._writing
        if outer is not None and 0 < outer.sent < outer.length:
            outer.torn = outer.sent  # this line is written in the middle of it
        if not self._pipe or self._held:
            return self._write(stream, file, line, fsync)
        # A pipe accepts 4,096 bytes atomically (PIPE_BUF); when it is full, other writers can get
        # between the parts of a longer line. The lock belongs to the process (POSIX), so it also
        # excludes forked processes; threads of this process are excluded by `lock`. A line that is
        # written inside of another one must not release it.
        began = monotonic()
        try:
            self._lock_pipe(file)
            return self._write(stream, file, line, fsync)
        finally:
            if self._held:
                self._held.clear()
                lockf(file, LOCK_UN)
                # With a full pipe or many busy threads, this process would otherwise lock again
                # before another waiting process wakes up.
                if (held := monotonic() - began) > _LONG_SECONDS:
                    sleep(min(held, _MAX_PAUSE_SECONDS))

    def _write(self, stream: Any, file: int, line: bytes, fsync: bool) -> Exception | None:
        unflushed = self._flush(stream, file)
        if unflushed is not None:
            return unflushed
        try:
            # Another program, thread or process may have written a part of a line, or have been
            # killed in the middle of one. An empty line costs little.
            if not self._regular or not self._is_fresh(file):
                line = _LINE_END + line
            short = self._pipe and len(line) <= _PIPE_BUF
            if not short or not self._write_at_once(file, line):
                self._write_whole(file, line)
            if fsync:
                _sync(file)
        except (OSError, ValueError) as error:
            if not _is_ours(error):
                raise
            return error
        return None

    def _flush(self, stream: Any, file: int) -> Exception | None:
        """Write what was printed before, to keep the order; return the error if that is not possible."""
        while True:
            try:
                stream.flush()  # raises if it is closed
            except BlockingIOError:
                try:
                    _wait(file, _TIMEOUT_MS)
                except TimeoutError as error:
                    return error
            except RuntimeError as error:
                if from_signal_handler(error):
                    raise
                return None  # a signal handler interrupted a `print`, whose text follows
            except Exception as error:
                if from_signal_handler(error):
                    raise
                return error
            else:
                return None

    def _is_fresh(self, file: int) -> bool:
        """Return whether the next byte of a file begins a line."""
        if file <= _STANDARD_FILES:  # others may write at the same moment
            return False
        size = os.fstat(file).st_size
        return size in {0, self._end} or _last_byte(file, size) == _LINE_END

    def _write_at_once(self, file: int, line: bytes) -> bool:
        """Return whether a pipe accepted all of a short line; otherwise it accepted nothing of it."""
        counts: list[int] = []
        try:
            counts.extend(map(os.write, (file,), (line,)))
        except BlockingIOError:
            return False
        except BaseException as error:
            if _is_ours(error):
                raise
            self.interrupt = self.interrupt or error
        return bool(counts)

    def _lock_pipe(self, file: int) -> None:
        try:
            # `extend` and `map` note the lock even if a signal handler runs directly afterwards. One
            # that runs while this process waits for the lock has to lock the pipe itself.
            self._held.extend(map(lockf, (file,), (LOCK_EX,)))
        except BaseException as error:  # noqa: BLE001 - also of a signal handler
            if not _is_ours(error):  # otherwise a system whose pipes cannot be locked
                self.interrupt = self.interrupt or error
                with suppress(OSError):
                    self._held.extend(map(lockf, (file,), (LOCK_EX | LOCK_NB,)))

    def _write_whole(self, file: int, line: bytes) -> None:
        outer = self._writing
        try:
            for _ in range(_MAX_ATTEMPTS):
                writing = self._writing = _Writing(len(line))
                self._write_rest(file, line, writing)
                if not writing.torn:
                    break
                # Of several lines, the first ones may be whole.
                line = _LINE_END + line[line.rfind(_LINE_END, 0, writing.torn) + 1 :]
            else:
                raise TornWriteError(f"signal handlers interrupted it {_MAX_ATTEMPTS} times")
        finally:
            self._writing = outer
        if self._regular:
            self._end = os.fstat(file).st_size

    def _write_rest(self, file: int, line: bytes, writing: "_Writing") -> None:
        while (sent := writing.sent) < len(line) and not writing.torn:
            try:
                rest = line[sent:] if sent else line
                if self.interrupt is not None:  # it must not wait for a reader any more
                    _wait(file, _INTERRUPTED_MS)
                    rest = rest[:_PIPE_BUF]
                # `extend` and `map` keep the count if a signal handler raises directly afterwards.
                writing.counts.extend(map(os.write, (file,), (rest,)))
            except BlockingIOError:  # the file is non-blocking and full
                self._wait_for_room(file, sent)
            except BaseException as error:
                if not _is_ours(error):
                    self.interrupt = self.interrupt or error
                elif sent:
                    text = f"only the first {sent} bytes were written: {error}"
                    raise TornWriteError(text) from error
                else:
                    raise

    def _wait_for_room(self, file: int, sent: int) -> None:
        try:
            _wait(file, _TIMEOUT_MS)
        except TimeoutError as error:
            if not _is_ours(error):
                self.interrupt = self.interrupt or error
            elif sent:
                raise TornWriteError(
                    f"only the first {sent} bytes were written: {error}"
                ) from error
            else:
                raise


class _Writing:
    """How far the writing of one line is, which a signal handler may have to know at any moment."""

    __slots__ = ("counts", "length", "torn")

    def __init__(self, length: int) -> None:
        self.length = length
        self.counts: list[int] = []
        self.torn = 0
        """After how many bytes the line of a signal handler was written; 0 if none was."""

    @property
    def sent(self) -> int:
        return sum(self.counts)


def _file_of(stream: Any) -> int:
    """Return the file descriptor of a text stream, or -1 for a replacement of a stream."""
    if type(stream) is TextIOWrapper:
        raw = getattr(stream.buffer, "raw", stream.buffer)
        if type(raw) is FileIO:
            return raw.fileno()
    return -1


_OUTLETS: Final[weakref.WeakValueDictionary[tuple[int, int], Outlet]] = (
    weakref.WeakValueDictionary()
)
_REPLACED: Final = Outlet(0)


def _outlet_of(file: int) -> Outlet:
    """Return the one outlet of this process for what a descriptor is open on, such as a pipe."""
    status = os.fstat(file)
    key = status.st_dev, status.st_ino
    outlet = _OUTLETS.get(key)
    if outlet is None:
        outlet = _OUTLETS.setdefault(key, Outlet(status.st_mode))
    return outlet


def _renew_locks() -> None:
    # A thread that does not exist in a copy of the process may have held them.
    for outlet in (_REPLACED, *_OUTLETS.values()):
        outlet.lock = RLock()
        outlet.forget()


on_copy(_renew_locks)


def _is_ours(error: BaseException) -> bool:
    """Return whether an exception was raised by a call of this module, and not by a signal handler.

    What this module calls is written in C, and raises these classes only.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    innermost = None if trace is None else trace.tb_frame.f_code.co_filename
    return isinstance(error, OSError | ValueError) and innermost == __file__


def _last_byte(file: int, size: int) -> bytes:
    """Return the last byte of a file; an empty text if it cannot be read."""
    try:
        return os.pread(file, 1, size - 1)
    except OSError:  # opened for writing only
        try:
            reader = os.open(f"/proc/self/fd/{file}", os.O_RDONLY)
        except OSError:
            return b""
        try:
            return os.pread(reader, 1, size - 1)
        finally:
            os.close(reader)


def _wait(file: int, timeout_ms: int) -> None:
    """Wait until a file accepts bytes; raise `TimeoutError` after so many milliseconds."""
    from select import POLLOUT, poll  # noqa: PLC0415 - rarely needed

    waiting = poll()
    waiting.register(file, POLLOUT)
    if not waiting.poll(timeout_ms):
        raise TimeoutError(f"the reader read nothing for {timeout_ms // 1000} s")


def _write_text(stream: Any, line: bytes) -> Exception | None:
    try:
        stream.write(line.decode("ascii"))
        flush = getattr(stream, "flush", None)
        if flush is not None:  # some replacements of a stream do not have it
            flush()
    except Exception as error:
        if from_signal_handler(error):
            raise
        return error
    return None


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    except OSError as error:
        from errno import EINVAL, ENOTSUP, EROFS  # noqa: PLC0415 - rarely needed

        if error.errno not in {EINVAL, ENOTSUP, EROFS}:  # a pipe or a terminal has no disk
            raise SyncError(*error.args) from error
