"""Locks between processes, where the system has them."""

import sys

__all__ = ["claim", "lock", "unlock"]

if sys.platform == "win32":  # whoever develops there has one process

    def lock(file: int) -> None:
        """Do nothing."""

    def unlock(file: int) -> None:
        """Do nothing."""

    def claim(file: int) -> None:
        """Do nothing."""

else:
    from fcntl import LOCK_EX, LOCK_UN, flock, lockf

    def lock(file: int) -> None:
        """Wait until no other process has locked it, and lock it: also one forked from this one.

        Raises:
            OSError: a file of that kind cannot be locked.
        """
        lockf(file, LOCK_EX)

    def unlock(file: int) -> None:
        """Let the others go on."""
        lockf(file, LOCK_UN)

    def claim(file: int) -> None:
        """Wait until nobody has locked it, no other thread either; closing it unlocks."""
        flock(file, LOCK_EX)
