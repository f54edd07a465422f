"""Links the lines of a destination into hash chains, which advance when the service accepts a batch."""

from collections.abc import Sequence

from audit_lib._proof.chain import HashChain

__all__ = ["Linking"]


class Linking:
    """The open hash chain of one destination, or none.

    Call `lines` for a call to the service, then `keep`, `forget` or `leave` for its outcome.
    """

    def __init__(self) -> None:
        self._chain: HashChain | None = None
        self._link = ""

    def lines(self, bodies: Sequence[bytes], *, seal: bool) -> tuple[int, list[bytes]]:
        """Return a batch as linked lines, not yet counted as part of the chain.

        Args:
            bodies: the JSON documents; one that does not end with `}` is not linked.
            seal: whether to append the line that seals the chain.

        Returns:
            The number of opening lines at the start (1 if a new chain begins, else 0), and all
            lines with their line ends.
        """
        chain = self._current()
        lines = self.opening(bodies[0])
        opened = len(lines)
        lines += [chain.link(body) if body[-1:] == b"}" else body + b"\n" for body in bodies]
        if seal:
            lines.append(chain.sealing())
        return opened, lines

    def opening(self, body: bytes) -> list[bytes]:
        """Return the line that opens the chain, before a document; none if the chain is open."""
        chain = self._current()
        return [] if chain.sequence >= 0 else [chain.opening(self._link, body)]

    def _current(self) -> HashChain:
        if self._chain is None:
            self._chain = HashChain()
        return self._chain

    def keep(self, *, sealed: bool) -> None:
        """Advance the chain by the lines, which the service accepted; end it if they were sealed."""
        if self._chain is not None:
            self._chain.keep()
            self._link = ""
        if sealed:
            self._chain = None

    def forget(self) -> None:
        """Return to the chain's state before the lines, none of which the service accepted."""
        if self._chain is not None:
            self._chain.forget()

    def leave(self, relation: str) -> None:
        """End the current chain without a seal; the next batch opens a new chain that refers to it.

        The opening line of the new chain records the id and the last accepted sequence of the
        ended chain; nothing if the service accepted no line of it.

        Args:
            relation: the member that records them: `follows`, or `parent` in a forked process.
        """
        if self._chain is not None and self._chain.sequence >= 0:
            self._link = f"{relation}:{self._chain.position}"
        self._chain = None

    def sealing(self) -> bytes | None:
        """End the chain and return the line that seals it, or None if no line was accepted yet."""
        chain, self._chain = self._chain, None
        return chain.sealing() if chain is not None and chain.sequence >= 0 else None
