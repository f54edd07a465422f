"""Locks between processes, where the operating system has them."""

import sys

__all__ = ["LOCK_EX", "LOCK_UN", "claim", "lockf"]

if sys.platform == "win32":  # for development, with one process
    LOCK_EX = LOCK_UN = 0

    def lockf(file: int, operation: int) -> None:
        """Do nothing."""

    def claim(file: int) -> None:
        """Do nothing."""

else:
    from fcntl import LOCK_EX, LOCK_UN, flock, lockf

    def claim(file: int) -> None:
        """Lock a file, waiting for other processes and threads; closing it unlocks it."""
        flock(file, LOCK_EX)
