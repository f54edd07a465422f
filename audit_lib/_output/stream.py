"""Writes lines for the handlers: with `os.write`, or with the `write` method of a replaced stream."""

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
    """A file, pipe or terminal accepted only the first bytes of a line, and then failed."""


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


class Outlet:
    """Writes lines to streams; caches the file descriptor and the kind of the last stream."""

    __slots__ = ("_file", "_pipe", "_stream", "_torn")

    def __init__(self) -> None:
        self._stream: Any = None
        self._file = -1
        self._pipe = False
        self._torn = False

    def reaches_kernel(self, stream: Any) -> bool:
        """Return whether a stream is a text stream of a file descriptor, and not a replacement of one."""
        if stream is not self._stream:
            self._inspect(stream)
        return self._file >= 0

    def write(self, stream: Any, line: bytes, *, fsync: bool = False) -> None:
        """Write a line, with its line end, to a file descriptor or a replacement of a stream, and flush it.

        A non-blocking descriptor that is full is waited for, each time for at most 10 seconds. Lines to
        a pipe are written under a lock between processes. After a `TornWriteError`, the next line
        begins with a line end.

        Args:
            stream: the stream; it is flushed before the line is written.
            line: ASCII text.
            fsync: synchronise a file to the disk; ignored where that is not supported, as by a pipe.

        Raises:
            TornWriteError: only a part of the line was written.
            TimeoutError: nothing was written, because the reader read nothing for 10 seconds.
            Exception: another error of the stream or of `fsync`.
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
    """Wait until a non-blocking file accepts bytes again; raise `TimeoutError` after 10 seconds."""
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
