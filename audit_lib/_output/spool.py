"""Records that their stream did not take, kept in a file until it does."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import BinaryIO, Final

from .lock import claim

__all__ = ["Spool", "spool_at"]

_AT_ONCE: Final = 1 << 20


class Spool:
    """An append-only file of lines, which processes may share; its owner alone can read it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    @property
    def waiting(self) -> bool:
        """Whether there is anything to replay."""
        try:
            return os.stat(self.path).st_size > 0
        except OSError:
            return False

    def append(self, lines: bytes) -> None:
        """Keep lines, their ends included; they are on the disk when this returns.

        Raises:
            OSError: the file cannot be written.
        """
        with self._locked() as file:
            size = file.seek(0, os.SEEK_END)
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"  # a full disk, a crash
            file.write(b"\n" + lines if torn else lines)
            file.flush()
            os.fsync(file.fileno())

    def replay(self, write: Callable[[list[bytes]], None], at_once: int = 1) -> int:
        """Hand all lines to `write`, oldest first, and forget those that it took; give their number.

        It gets `at_once` at a time, and takes all of them or raises.

        A process that dies in between leaves lines that were written already: they are written
        again, and `event.id` tells the two apart from two events.

        Raises:
            Exception: what `write` raises; those lines and all after them stay.
        """
        taken = at = 0
        with self._locked() as file:
            file.seek(0)
            try:
                while lines := list(islice(file, at_once)):
                    # A torn one is no record: its whole record went elsewhere.
                    if whole := [line for line in lines if line.endswith(b"}\n")]:
                        write(whole)
                    taken += len(lines)
                    at += sum(map(len, lines))
            except Exception:
                if taken:
                    file.seek(at)
                    self._keep(file)
                raise
            file.truncate(0)
        return taken

    def _keep(self, lines: BinaryIO) -> None:
        # A new file in the old one's place: at every moment one of them is there, whole.
        rest = f"{self.path}.{os.getpid()}"
        with _opened(rest) as file:
            file.truncate(0)
            while part := lines.read(_AT_ONCE):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(rest, self.path)

    def _locked(self) -> BinaryIO:
        """Open the file and wait until no other process has it."""
        while True:
            file = _opened(self.path)
            try:
                claim(file.fileno())
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                        return file  # closing it unlocks
            except BaseException:
                file.close()
                raise
            file.close()  # another process has put a new file in its place meanwhile


@lru_cache(maxsize=16)
def spool_at(path: str) -> Spool:
    """Return the spool of a path, as configured: made once, since each record asks for it."""
    return Spool(path)


def _opened(path: str) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "r+b")
