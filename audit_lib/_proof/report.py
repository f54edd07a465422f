"""Defines the result of `verify`: the chains of a log and the problems in it."""

from typing import NamedTuple

__all__ = ["ChainHead", "VerifiedChain", "VerifyProblem", "VerifyReport"]


class ChainHead(NamedTuple):
    """The last line of a chain at some time: chain id, sequence (from 0) and hash (64 hexadecimal digits).

    Store it where the writer of the log cannot change it.
    """

    chain: str
    sequence: int
    hash: str


class VerifyProblem(NamedTuple):
    """A problem that `verify` found.

    Attributes:
        line: the number of the line in the input, from 1; 0 if a chain does not reach a stored head.
        kind: `altered`, `masked` (altered, and it contains asterisks, such as those of CloudWatch's data
            protection), `missing`, `inserted`, `reordered`, `doubled` (repeated), `glued` (other text is
            on the line of a record, which is checked nevertheless), or `cut`: the last lines of a
            chain are missing.
        chain: the id of the chain.
        text: a description.
    """

    line: int
    kind: str
    chain: str
    text: str


class VerifiedChain(NamedTuple):
    """A chain that `verify` found.

    Attributes:
        id: the id of the chain.
        lines: the number of its lines that were found, without repeated lines.
        head: its last line.
        end: `sealed`; `continued`, if a later chain refers to its last line as the one that it
            follows; or `open`: the process is running, was killed or crashed, or the last lines were
            removed.
    """

    id: str
    lines: int
    head: ChainHead
    end: str


class VerifyReport(NamedTuple):
    """The result of `verify`.

    Attributes:
        lines: the number of lines that were read.
        unchained: the number of lines that are not in a chain, such as lines of other logs; without
            empty lines.
        chains: the chains, in the order of their first lines.
        problems: the first 1,000 problems that were found, sorted by line.
        displaced: the number of late or repeated lines, if `transported` accepts them.
        torn: the number of lines that end in the middle of a record, as a crash leaves them.
        unknown_chains: with stored heads, the number of chains that these do not contain.
    """

    lines: int
    unchained: int
    chains: tuple[VerifiedChain, ...]
    problems: tuple[VerifyProblem, ...]
    displaced: int = 0
    torn: int = 0
    unknown_chains: int = 0

    @property
    def intact(self) -> bool:
        """Whether no problem was found; the last lines of a chain with an open end may be missing."""
        return not self.problems

    @property
    def complete(self) -> bool:
        """Whether no problem and at least one chain were found, and nothing has an open end.

        A torn line is an open end, unless a chain says that it continues after it.
        """
        ends = [chain.end for chain in self.chains]
        open_ends = "open" in ends or self.torn > ends.count("continued")
        return not self.problems and bool(ends) and not open_ends
