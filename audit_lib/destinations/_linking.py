"""The chain of a destination: a batch is linked as a whole, and counts once the service accepts it."""

from collections.abc import Sequence

from audit_lib._proof.chain import HashChain

__all__ = ["Linking"]


class Linking:
    """The chain of a destination; after `leave`, the next line opens another chain."""

    def __init__(self) -> None:
        self._chain: HashChain | None = None
        self._link = ""

    def lines(self, bodies: Sequence[bytes], *, seal: bool) -> tuple[int, list[bytes]]:
        """Return the number of lines that open a chain (0 or 1), and all lines."""
        lines = []
        if self._chain is None:
            self._chain = HashChain()
        if self._chain.sequence < 0:
            lines.append(self._chain.opening(self._link, bodies[0]))
        opened = len(lines)
        link = self._chain.link
        lines += [link(body) if body[-2:] == b"}}" else body + b"\n" for body in bodies]
        if seal:
            lines.append(self._chain.sealing())
        return opened, lines

    def keep(self, *, sealed: bool) -> None:
        """Advance the chain: the service accepted the lines."""
        if self._chain is not None:
            self._chain.keep()
            self._link = ""
        if sealed:
            self._chain = None

    def forget(self) -> None:
        """Discard the lines: the service accepted none of them."""
        if self._chain is not None:
            self._chain.forget()

    def leave(self, relation: str) -> None:
        """Begin another chain with the next line, which records the position of this one.

        Args:
            relation: `follows`, or `parent` in a forked process.
        """
        if self._chain is not None and self._chain.sequence >= 0:
            self._link = f"{relation}:{self._chain.position}"
        self._chain = None

    def sealing(self) -> bytes | None:
        """End the chain and return its last line, or None if no chain is open."""
        chain, self._chain = self._chain, None
        return chain.sealing() if chain is not None and chain.sequence >= 0 else None
