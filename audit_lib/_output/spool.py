"""Stores records that a destination did not accept in a file, and replays them later."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from threading import get_ident
from time import monotonic, sleep
from typing import BinaryIO, Final

from audit_lib._record.processes import on_copy

from .lock import claim, release

__all__ = ["Spool", "SpoolBusyError", "spool_at"]

_PART_BYTES: Final = 1 << 20
_WAIT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.005


class SpoolBusyError(OSError):
    """The spool is locked: by a record that this thread was handling, or for 10 seconds by another process."""


class Spool:
    """A file of lines that several processes may share, created with mode 0600 (owner only)."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    @property
    def waiting(self) -> bool:
        """Whether the file has content to replay; False if it cannot be inspected."""
        try:
            return os.stat(self.path).st_size > 0
        except (OSError, ValueError):
            return False

    def append(self, lines: bytes) -> None:
        """Append lines, with their line ends, and synchronise the file to the disk (`fsync`).

        An incomplete last line is ended first.

        Raises:
            OSError: the file cannot be opened, locked, written or synchronised.
        """
        with self._locked() as file:
            size = file.seek(0, os.SEEK_END)
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"  # a full disk, a crash
            file.write(b"\n" + lines if torn else lines)
            file.flush()
            os.fsync(file.fileno())

    def replay(self, write: Callable[[list[bytes]], None], at_once: int = 1) -> int:
        """Pass all lines to `write`, oldest first, and remove the lines that `write` accepted.

        An incomplete line, which a full disk or a crash leaves (without its line end, or begun as an
        object and not ended as one), is removed without being passed; an empty one too. If
        the process dies before the removal, accepted lines remain and are passed again: the copies
        have the same `event.id`.

        Args:
            write: accepts all lines that it receives, or raises.
            at_once: the maximum number of lines in one call of `write`.

        Returns:
            The number of lines that were removed.

        Raises:
            Exception: raised by `write`; the lines of that call and all later lines remain.
            OSError: the file cannot be opened, locked, read or replaced.
        """
        accepted = offset = 0
        with self._locked() as file:
            file.seek(0)
            try:
                while lines := list(islice(file, at_once)):
                    # A torn line is not a record: its policy handled the whole record again.
                    if complete := [line for line in lines if _is_whole(line)]:
                        write(complete)
                    accepted += len(lines)
                    offset += sum(map(len, lines))
            except Exception:
                if accepted:
                    file.seek(offset)
                    self._keep(file)
                raise
            file.truncate(0)
        return accepted

    def _keep(self, lines: BinaryIO) -> None:
        # Replace the file: at any moment, one complete file exists.
        rest = f"{self.path}.{os.getpid()}"
        with _opened(rest) as file:
            file.truncate(0)
            while part := lines.read(_PART_BYTES):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(rest, self.path)

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """Open and lock the file, and unlock it at the end.

        Raises:
            SpoolBusyError: it is locked.
            OSError: the file cannot be opened or locked.
        """
        owner = get_ident(), self.path
        if owner in _OWNERS:  # a signal handler: its thread would wait for itself
            raise SpoolBusyError(f"{self.path} is in use by the record that this one interrupted")
        file = self._claimed()
        _OPEN.add(file.fileno())
        _OWNERS.add(owner)
        try:
            yield file
        finally:
            _OWNERS.discard(owner)
            _OPEN.discard(file.fileno())
            try:
                file.flush()
            finally:
                # A process that was forked meanwhile has a copy of the descriptor: unlock for both.
                release(file.fileno())
                file.close()

    def _wait_for(self, file: BinaryIO, until: float) -> None:
        while not claim(file.fileno()):
            if monotonic() > until:
                found = f"{self.path} was locked for {_WAIT_SECONDS:.0f} s by another process"
                raise SpoolBusyError(found)
            sleep(_POLL_SECONDS)

    def _claimed(self) -> BinaryIO:
        until = monotonic() + _WAIT_SECONDS
        while True:
            file = _opened(self.path)
            try:
                self._wait_for(file, until)
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                        return file
            except BaseException:
                file.close()
                raise
            file.close()  # another process has replaced the file meanwhile


def _is_whole(line: bytes) -> bool:
    """Return whether a line is a record: of another formatter, it may be any text."""
    text = line.rstrip(b"\n")
    return text not in {line, b""} and (text[:1] != b"{" or text[-1:] == b"}")


_OPEN: Final[set[int]] = set()
_OWNERS: Final[set[tuple[int, str]]] = set()


def _begin_child() -> None:
    # Otherwise this process would keep locked what it waits for, should its parent be killed.
    for descriptor in tuple(_OPEN):
        with suppress(OSError):
            devnull = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            os.dup2(devnull, descriptor, inheritable=False)
            os.close(devnull)
    _OPEN.clear()
    _OWNERS.clear()


on_copy(_begin_child)


@lru_cache(maxsize=16)
def spool_at(path: str) -> Spool:
    """Return the `Spool` at a path; the last 16 are cached, because each record needs one."""
    return Spool(path)


def _opened(path: str) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "r+b")
