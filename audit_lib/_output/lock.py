"""Locks files between processes for `stream` and `spool`; on Windows, locks nothing."""

import sys

__all__ = ["LOCK_EX", "LOCK_NB", "LOCK_UN", "claim", "lockf", "release"]

if sys.platform == "win32":  # for development, with one process
    LOCK_EX = LOCK_NB = LOCK_UN = 0

    def lockf(file: int, operation: int) -> None:
        """Do nothing: Windows does not have `fcntl.lockf`."""

    def claim(file: int) -> bool:  # noqa: ARG001 - as on other systems
        """Return True: Windows does not have `fcntl.flock`."""
        return True

    def release(file: int) -> None:
        """Do nothing: Windows does not have `fcntl.flock`."""

else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock, lockf

    def claim(file: int) -> bool:
        """Return whether a file could be locked, which excludes other processes and threads."""
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(file: int) -> None:
        """Unlock a file, also for a forked process that has a copy of the descriptor."""
        flock(file, LOCK_UN)
