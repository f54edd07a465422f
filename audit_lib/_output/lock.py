"""Locks files between processes for `stream` and `spool`; on Windows, locks nothing."""

import sys

__all__ = ["LOCK_EX", "LOCK_UN", "claim", "lockf"]

if sys.platform == "win32":  # for development, with one process
    LOCK_EX = LOCK_UN = 0

    def lockf(file: int, operation: int) -> None:
        """Do nothing: Windows does not have `fcntl.lockf`."""

    def claim(file: int) -> None:
        """Do nothing: Windows does not have `fcntl.flock`."""

else:
    from fcntl import LOCK_EX, LOCK_UN, flock, lockf

    def claim(file: int) -> None:
        """Lock a file exclusively, waiting for other processes and threads; closing the file unlocks it."""
        flock(file, LOCK_EX)
