"""Locks between processes, where the system has them."""

import sys

__all__ = ["LOCK_EX", "LOCK_UN", "claim", "lockf"]

if sys.platform == "win32":  # whoever develops there has one process
    LOCK_EX = LOCK_UN = 0

    def lockf(file: int, operation: int) -> None:
        """Do nothing."""

    def claim(file: int) -> None:
        """Do nothing."""

else:
    from fcntl import LOCK_EX, LOCK_UN, flock, lockf

    def claim(file: int) -> None:
        """Wait until nobody has locked it, no other thread either; closing it unlocks."""
        flock(file, LOCK_EX)
