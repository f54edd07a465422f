"""The chain of a destination: a batch is linked as a whole, and counts once the service took it."""

from collections.abc import Sequence

from audit_lib._proof.chain import HashChain

__all__ = ["Linking"]


class Linking:
    """Where the chain stands; a chain opens with the first line after the last one was left."""

    def __init__(self) -> None:
        self._chain: HashChain | None = None
        self._link = ""

    def lines(self, bodies: Sequence[bytes], *, seal: bool) -> tuple[int, list[bytes]]:
        """Return the lines of documents, and how many stand before them: one, if a chain opens."""
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
        """Note that the service took the lines, the last of which may be the seal."""
        if self._chain is not None:
            self._chain.keep()
            self._link = ""
        if sealed:
            self._chain = None

    def forget(self) -> None:
        """Note that the service took none of the lines."""
        if self._chain is not None:
            self._chain.forget()

    def leave(self, relation: str) -> None:
        """Begin another chain with the next line, which says where this one stood.

        Args:
            relation: `follows`, or `parent` in a forked process.
        """
        if self._chain is not None and self._chain.sequence >= 0:
            self._link = f"{relation}:{self._chain.position}"
        self._chain = None

    def sealing(self) -> bytes | None:
        """Return the chain's last line; None where no chain is open. There is no chain then."""
        chain, self._chain = self._chain, None
        return chain.sealing() if chain is not None and chain.sequence >= 0 else None
