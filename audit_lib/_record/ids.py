"""Generates the identifiers of audit records (UUIDs) and of hash chains."""

import os
from itertools import count
from typing import Final

from .processes import check_process, on_copy

__all__ = ["new_chain_id", "new_id"]

_VARIANTS: Final = "89ab"


class _IdSequence:
    """The random prefix of the UUIDs of this process, and a counter: faster than a random UUID each time."""

    __slots__ = ("next_number", "prefix")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Choose a random prefix and count from 0: a forked process must not repeat its parent's UUIDs."""
        digits = os.urandom(10).hex()
        variant = _VARIANTS[int(digits[11], 16) & 3]
        self.prefix = f"{digits[:8]}-{digits[8:11]}f-8{digits[12:15]}-{variant}{digits[15:18]}-"
        self.next_number = count().__next__


_id_sequence: Final = _IdSequence()
on_copy(_id_sequence.restart)


def new_id() -> str:
    """Return a UUID (RFC 9562, version 8): 70 random bits per process, and a 48-bit number."""
    check_process()
    return f"{_id_sequence.prefix}{_id_sequence.next_number():012x}"


def new_chain_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits."""
    return os.urandom(16).hex()
