"""Writes a line to the kernel with one `os.write`, or calls the `write` of a replaced stream."""

import os
import stat
import sys
from io import FileIO, TextIOWrapper
from logging import Logger
from time import monotonic, sleep
from typing import Any, Final

from .lock import LOCK_EX, LOCK_UN, lockf

__all__ = ["Outlet", "TornWriteError", "standard_output"]

# When a reader reads nothing for so long, the failure policy applies.
_TIMEOUT_MS: Final = 10_000
_LONG_SECONDS: Final = 0.001
_MAX_PAUSE_SECONDS: Final = 0.01


class TornWriteError(OSError):
    """A part of the line was written, and the rest cannot be."""


def standard_output() -> Any:
    """Return the current `sys.stdout`: a redirected one, or that of a notebook or pytest.

    One that logs what is written to it (Celery's) would wrap the record into another log line; in
    that case, return the original standard output of the process.
    """
    stream = sys.stdout
    if type(stream) is not TextIOWrapper:
        if isinstance(getattr(stream, "logger", None), Logger):
            return sys.__stdout__
        # Lambda's stream flushes after each write; so does this library.
        if type(stream).__module__.startswith("awslambdaric"):
            return getattr(stream, "stream", stream)
    return stream


class Outlet:
    """Writes lines to a stream; caches the kind of the last stream."""

    __slots__ = ("_file", "_pipe", "_stream", "_torn")

    def __init__(self) -> None:
        self._stream: Any = None
        self._file = -1
        self._pipe = False
        self._torn = False

    def reaches_kernel(self, stream: Any) -> bool:
        """Return whether a stream is a file, a pipe or a terminal, and not a replacement of one."""
        if stream is not self._stream:
            self._inspect(stream)
        return self._file >= 0

    def write(self, stream: Any, line: bytes, *, fsync: bool = False) -> None:
        """Write a line, with its line end; it is in the kernel when this returns.

        Raises:
            TornWriteError: a part of it was written; the next call begins with a line end.
            Exception: nothing was written; it is the error of the stream.
        """
        if self._torn:
            line = b"\n" + line
        if not self.reaches_kernel(stream):
            _write_text(stream, line)
        else:
            stream.flush()  # keeps the order of what was printed before; raises if it is closed
            if self._pipe:
                self._write_locked(self._file, line)
            else:
                self._write_whole(self._file, line)
            if fsync:
                _sync(self._file)
        self._torn = False

    def _inspect(self, stream: Any) -> None:
        self._stream = None
        file, pipe = -1, False
        if type(stream) is TextIOWrapper:
            raw = getattr(stream.buffer, "raw", stream.buffer)
            if type(raw) is FileIO:
                file = raw.fileno()
                pipe = stat.S_ISFIFO(os.fstat(file).st_mode)
        self._file, self._pipe, self._stream = file, pipe, stream

    def _write_locked(self, file: int, line: bytes) -> None:
        # A pipe accepts 4,096 bytes atomically (PIPE_BUF); when it is full, other writers can get
        # between the parts of a longer line. The lock belongs to the process (POSIX), so it also
        # excludes forked processes.
        try:
            lockf(file, LOCK_EX)
        except OSError:  # a system whose pipes cannot be locked
            self._write_whole(file, line)
            return
        began = monotonic()
        try:
            self._write_whole(file, line)
        finally:
            lockf(file, LOCK_UN)
            # With a full pipe or many busy threads, this process would otherwise lock again before
            # another waiting process wakes up.
            if (held := monotonic() - began) > _LONG_SECONDS:
                sleep(min(held, _MAX_PAUSE_SECONDS))

    def _write_whole(self, file: int, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                try:
                    written += os.write(file, line[written:] if written else line)
                except BlockingIOError:  # the file is non-blocking and full
                    _wait(file)
        except Exception as error:
            if not written:
                raise
            self._torn = True
            raise TornWriteError(f"only the first {written} bytes were written: {error}") from error


def _wait(file: int) -> None:
    """Wait until a non-blocking file accepts bytes again."""
    from select import POLLOUT, poll  # noqa: PLC0415 - rarely needed

    waiting = poll()
    waiting.register(file, POLLOUT)
    if not waiting.poll(_TIMEOUT_MS):
        raise TimeoutError(f"the reader read nothing for {_TIMEOUT_MS // 1000} s")


def _write_text(stream: Any, line: bytes) -> None:
    stream.write(line.decode("ascii"))
    flush = getattr(stream, "flush", None)
    if flush is not None:  # some replacements of a stream do not have it
        flush()


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    except OSError as error:
        from errno import EINVAL, ENOTSUP, EROFS  # noqa: PLC0415 - rarely needed

        if error.errno not in {EINVAL, ENOTSUP, EROFS}:  # a pipe or a terminal has no disk
            raise
