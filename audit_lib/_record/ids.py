"""What tells one record, one chain, from all others."""

import os
from itertools import count
from typing import Final

__all__ = ["new_chain_id", "new_id"]

_VARIANTS: Final = "89ab"


class _Numbered:
    """Identifiers of this process: random once, then numbered. Reading randomness takes longer."""

    __slots__ = ("next_number", "prefix")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start anew: a forked process has its parent's memory, and must not give its ids."""
        digits = os.urandom(10).hex()
        variant = _VARIANTS[int(digits[11], 16) & 3]
        self.prefix = f"{digits[:8]}-{digits[8:11]}f-8{digits[12:15]}-{variant}{digits[15:18]}-"
        self.next_number = count().__next__


_numbered: Final = _Numbered()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_numbered.begin)


def new_id() -> str:
    """Return a UUID (RFC 9562, version 8): 70 random bits of this process, and a number of 48."""
    return f"{_numbered.prefix}{_numbered.next_number():012x}"


def new_chain_id() -> str:
    """Return 128 random bits as 32 hexadecimal digits."""
    return os.urandom(16).hex()
