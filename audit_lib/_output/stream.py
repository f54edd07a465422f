"""The way of a line into the kernel: one `os.write` of whole bytes, or a stand-in's own `write`."""

import os
import stat
import sys
from io import FileIO, TextIOWrapper
from logging import Logger
from time import monotonic, sleep
from typing import Any, Final

from .lock import LOCK_EX, LOCK_UN, lockf

__all__ = ["Outlet", "TornWriteError", "standard_output"]

# A reader that takes nothing for so long is not coming back: the failure policy decides.
_PATIENCE_MS: Final = 10_000
_LONG_SECONDS: Final = 0.001
_LONGEST_PAUSE_SECONDS: Final = 0.01


class TornWriteError(OSError):
    """Some bytes of the line are out, and the rest of them cannot follow."""


def standard_output() -> Any:
    """Return `sys.stdout` as it is at this moment: redirected, a notebook's, or pytest's.

    One that logs what is written to it (Celery's) would wrap the record into another line, which
    this library's own line is no part of: then it is the process's first standard output.
    """
    stream = sys.stdout
    if type(stream) is not TextIOWrapper:
        if isinstance(getattr(stream, "logger", None), Logger):
            return sys.__stdout__
        # Lambda's own one flushes after each write, as we do.
        if type(stream).__module__.startswith("awslambdaric"):
            return getattr(stream, "stream", stream)
    return stream


class Outlet:
    """Writes lines to whatever stream it is given, remembering what kind the last one was."""

    __slots__ = ("_file", "_pipe", "_stream", "_torn")

    def __init__(self) -> None:
        self._stream: Any = None
        self._file = -1
        self._pipe = False
        self._torn = False

    def reaches_kernel(self, stream: Any) -> bool:
        """Whether it is a file, a pipe or a terminal, rather than a stand-in for one."""
        if stream is not self._stream:
            self._look_at(stream)
        return self._file >= 0

    def write(self, stream: Any, line: bytes, *, fsync: bool = False) -> None:
        """Write a line, its end included; it is in the kernel when this returns.

        Raises:
            TornWriteError: a part of it was written; the next line will begin on a line of its own.
            Exception: nothing was written, for whatever reason a stream has.
        """
        if self._torn:
            line = b"\n" + line
        if not self.reaches_kernel(stream):
            _write_text(stream, line)
        else:
            stream.flush()  # what was printed before comes before; raises when it is closed
            if self._pipe:
                self._write_alone(self._file, line)
            else:
                self._write_whole(self._file, line)
            if fsync:
                _sync(self._file)
        self._torn = False

    def _look_at(self, stream: Any) -> None:
        self._stream = None
        file, pipe = -1, False
        if type(stream) is TextIOWrapper:
            raw = getattr(stream.buffer, "raw", stream.buffer)
            if type(raw) is FileIO:
                file = raw.fileno()
                pipe = stat.S_ISFIFO(os.fstat(file).st_mode)
        self._file, self._pipe, self._stream = file, pipe, stream

    def _write_alone(self, file: int, line: bytes) -> None:
        # A pipe takes 4,096 bytes at once (PIPE_BUF), and a full one lets others in between the
        # parts of a longer line. The lock is a process's own (POSIX), so forked ones keep apart.
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
            # A full pipe, or many busy threads, and this process would take the lock again before
            # any other that waits for it is awake.
            if (held := monotonic() - began) > _LONG_SECONDS:
                sleep(min(held, _LONGEST_PAUSE_SECONDS))

    def _write_whole(self, file: int, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                try:
                    written += os.write(file, line[written:] if written else line)
                except BlockingIOError:  # somebody set it to not block, and it is full
                    _wait(file)
        except Exception as error:
            if not written:
                raise
            self._torn = True
            raise TornWriteError(f"{written} bytes of it were written, then: {error}") from error


def _wait(file: int) -> None:
    """Wait until a file that was set to not block takes bytes again."""
    from select import POLLOUT, poll  # noqa: PLC0415 - hardly anybody needs it

    waiting = poll()
    waiting.register(file, POLLOUT)
    if not waiting.poll(_PATIENCE_MS):
        raise TimeoutError(f"the reader took nothing for {_PATIENCE_MS // 1000} s")


def _write_text(stream: Any, line: bytes) -> None:
    stream.write(line.decode("ascii"))
    flush = getattr(stream, "flush", None)
    if flush is not None:  # some stand-ins for a stream have none; what they took, they have
        flush()


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    except OSError as error:
        from errno import EINVAL, ENOTSUP, EROFS  # noqa: PLC0415 - hardly anybody needs it

        if error.errno not in {EINVAL, ENOTSUP, EROFS}:  # a pipe or a terminal has no disk
            raise
