"""Verifies the hash chains of logs, for auditors: finds altered, missing, inserted and moved lines.

This module implements the format of `docs/proof.md`, independently of the writer. It does not parse
JSON.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

__all__ = ["ChainHead", "VerifiedChain", "VerifyProblem", "VerifyReport", "verify"]

_NO_HASH: Final = b"0" * 64
# `,"hash":"`, 64 digits, and `"}`.
_HASH: Final = b',"hash":"'
_HASH_BYTES: Final = 75
_TAIL: Final = re.compile(
    rb',"sequence":(0|[1-9][0-9]{0,17})\},"chain":\{'
    rb'(?:"(parent|follows)":"([0-9a-f]{32}):(-1|0|[1-9][0-9]{0,17})",)?(?:"(sealed)":true,)?'
    rb'"id":"([0-9a-f]{32})"\},"hash":"([0-9a-f]{64})"\}\Z'
)
_MAX_TAIL_BYTES: Final = 300
_MARK: Final = 16
_MAX_PROBLEMS: Final = 1_000


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
        kind: `altered`, `missing`, `inserted`, `reordered`, `doubled` (repeated), or `cut`: the last
            lines of a chain are missing.
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
        unchained: the number of lines that are not in a chain, such as lines of other logs.
        chains: the chains, in the order of their first lines.
        problems: the first 1,000 problems that were found, sorted by line.
        displaced: the number of late or repeated lines, if `transported` accepts them.
    """

    lines: int
    unchained: int
    chains: tuple[VerifiedChain, ...]
    problems: tuple[VerifyProblem, ...]
    displaced: int = 0

    @property
    def intact(self) -> bool:
        """Whether no problem was found; the last lines of a chain with an open end may be missing."""
        return not self.problems

    @property
    def complete(self) -> bool:
        """Whether no problem and at least one chain were found, and no chain has an open end."""
        ends = {chain.end for chain in self.chains}
        return not self.problems and bool(ends) and "open" not in ends


def verify(
    lines: Iterable[bytes | str], *, heads: Iterable[ChainHead] = (), transported: bool = False
) -> VerifyReport:
    """Check the lines of one or more logs, in the order in which they were written.

    Lines of many processes may be mixed, with other lines among them; pass the lines of several
    (rotated) files one after the other. `docs/proof.md` describes what a log with stored heads
    proves, and what a log by itself cannot.

    Args:
        lines: such as an open file, binary or text (read as UTF-8); with or without line ends.
        heads: heads of earlier reports: the chain has to have the same hash at that sequence.
        transported: accept lines in another order, repeated or with a prefix, as CloudWatch Logs and
            its exports, Firehose and container runtimes deliver them.

    Returns:
        The chains and the problems. A problem is not raised as an exception.
    """
    reading = _Reading(heads, transported)
    chains = reading.chains
    number = 0
    for number, given in enumerate(lines, 1):
        line = given.encode() if isinstance(given, str) else given
        if line[-1:] == b"\n":
            line = line[:-1]
        if transported and line[:1] != b"{":
            line = line[max(line.find(b"{"), 0) :]
        body = line[:-_HASH_BYTES]
        chain = chains.get(body[-34:-2])
        # Most lines are the next line of a known chain, with the right hash.
        if (
            chain is not None
            and body[-chain.suffix_length :] == chain.suffix
            and sha256(chain.hash + body).hexdigest().encode() == line[-66:-2]
            and line[-75:-66] == _HASH
        ):
            chain.advance(line[-66:-2])
        else:
            reading.read_line(number, line)
    return reading.report(number)


class _Gap:
    """A range of sequences that a chain skipped, and its late lines that cannot be checked yet."""

    __slots__ = ("after", "first", "hash_before", "last", "waiting")

    def __init__(
        self, first: int, last: int, hash_before: bytes, after: tuple[int, bytes, bytes]
    ) -> None:
        self.first, self.last, self.hash_before, self.after = first, last, hash_before, after
        self.waiting: dict[int, tuple[int, bytes, bytes]] = {}


class _ReadChain:
    """The state of one chain while its lines are read."""

    __slots__ = (
        "gaps",
        "hash",
        "id",
        "late",
        "lines",
        "next",
        "sealed",
        "segments",
        "stored_heads",
        "suffix",
        "suffix_length",
        "suspect",
    )  # fmt: skip

    def __init__(self, chain_id: bytes, stored_heads: Mapping[int, ChainHead]) -> None:
        self.id = chain_id
        self.hash = _NO_HASH
        self.next = 0
        self.lines = 0
        self.sealed = False
        self.stored_heads = stored_heads
        self.gaps: list[_Gap] = []
        # The sequence of a line with a wrong hash, the hash before it, and its line number.
        self.suspect: tuple[int, bytes, int] | None = None
        # Runs of lines without a gap: the first sequence, and the prefixes of their hashes.
        self.segments: list[tuple[int, bytearray]] = [(0, bytearray())]
        # The prefixes of the hashes of lines that filled a gap.
        self.late: dict[int, bytes] = {}
        self.suffix: bytes | None = None
        self.suffix_length = 0

    def advance(self, hash_: bytes) -> None:
        """Count the next line of the chain, whose hash this is."""
        self.hash = hash_
        self.segments[-1][1].extend(hash_[:_MARK])
        self.lines += 1
        self.next += 1
        if self.sealed or self.next in self.stored_heads:
            self.suffix = None  # the next line is checked by `read_line`
        else:
            self.suffix = b',"sequence":%d},"chain":{"id":"%b"}' % (self.next, self.id)
            self.suffix_length = len(self.suffix)

    def jump(self, sequence: int, line: tuple[int, bytes, bytes]) -> None:
        """Skip to a later sequence, and note the gap before that line (its number, body and hash)."""
        self.gaps.append(_Gap(self.next, sequence - 1, self.hash, line))
        self.next = sequence
        self.segments.append((sequence, bytearray()))

    def mark(self, sequence: int) -> bytes | None:
        """Return the first 16 digits of the hash of the line with a sequence, None if it was not read."""
        for first, marks in reversed(self.segments):
            if first <= sequence:
                at = (sequence - first) * _MARK
                return bytes(marks[at : at + _MARK]) or self.late.get(sequence)
        return None


class _Reading:
    """The state of one call of `verify`: chains, problems and counts."""

    def __init__(self, heads: Iterable[ChainHead], transported: bool) -> None:
        self.chains: dict[bytes, _ReadChain] = {}
        self._heads = list(heads)
        self._transported = transported
        self._problems: list[VerifyProblem] = []
        self._unchained = self._displaced = 0
        # The links of first lines to other chains → the line number.
        self._links: dict[tuple[bytes, bytes, bytes, int], int] = {}

    def read_line(self, number: int, line: bytes) -> None:
        """Read any line: one of a new or unknown chain, out of order, altered, sealed, or without a chain."""
        line = line.removesuffix(b"\r")
        match = _TAIL.search(line[-_MAX_TAIL_BYTES:])
        if match is None:
            self._unchained += 1
            return
        sequence, link, other, place, sealed, chain_id, hash_ = match.groups()
        body = line[:-_HASH_BYTES]
        chain = self.chains.get(chain_id)
        if chain is None:
            stored_heads = {h.sequence: h for h in self._heads if h.chain.encode() == chain_id}
            chain = self.chains[chain_id] = _ReadChain(chain_id, stored_heads)
        at = int(sequence)
        if link:
            self._links.setdefault((chain_id, link, other, int(place)), number)
        if at < chain.next:
            self._read_earlier(chain, number, at, body, hash_)
            return
        if chain.sealed:
            self._add_problem(number, "inserted", chain_id, "a line after the chain's seal")
        if at > chain.next:
            chain.jump(at, (number, body, hash_))
        elif not self._check_hash(chain, at, chain.hash, (number, body, hash_)):
            chain.suspect = (at, chain.hash, number)
        self._compare(chain, number, at, hash_)
        chain.sealed = chain.sealed or sealed is not None
        chain.advance(hash_)

    def _compare(self, chain: _ReadChain, number: int, at: int, hash_: bytes) -> None:
        """Add a problem if a line does not have the hash of the stored head with its sequence."""
        head = chain.stored_heads.get(at)
        if head is not None and head.hash.encode() != hash_:
            text = f"line {at} of the chain does not have the stored hash"
            self._add_problem(number, "altered", chain.id, text)

    def _read_earlier(
        self, chain: _ReadChain, number: int, at: int, body: bytes, hash_: bytes
    ) -> None:
        """Read a line with an earlier sequence than the expected one: late, repeated or inserted."""
        mark = chain.mark(at)
        suspect = chain.suspect
        if suspect and suspect[0] == at and _follows(suspect[1], body, hash_):
            # This line has the right hash, so the earlier one was inserted.
            self._problems = [problem for problem in self._problems if problem.line != suspect[2]]
            self._add_problem(
                suspect[2], "inserted", chain.id, f"a line instead of line {at} of the chain"
            )
            chain.suspect = None
            if at == chain.next - 1:
                chain.hash = hash_
                chain.segments[-1][1][-_MARK:] = hash_[:_MARK]
        elif mark is None:
            self._fill(chain, number, at, body, hash_)
        elif mark == hash_[:_MARK]:
            self._add_displaced(number, "doubled", chain.id, f"line {at} of the chain is repeated")
        else:
            self._add_problem(
                number, "inserted", chain.id, f"a second, different line {at} of the chain"
            )

    def _fill(self, chain: _ReadChain, number: int, at: int, body: bytes, hash_: bytes) -> None:
        self._add_displaced(number, "reordered", chain.id, f"line {at} of the chain is late")
        self._compare(chain, number, at, hash_)
        gap = next(gap for gap in chain.gaps if gap.first <= at <= gap.last)
        chain.lines += 1
        chain.late[at] = hash_[:_MARK]
        gap.waiting[at] = (number, body, hash_)
        self._close(chain, gap)

    def _close(self, chain: _ReadChain, gap: _Gap) -> None:
        """Check the hashes of late lines from the start of a gap to the first line that is still missing."""
        while gap.first in gap.waiting:
            line = gap.waiting.pop(gap.first)
            self._check_hash(chain, gap.first, gap.hash_before, line)
            gap.hash_before = line[2]
            gap.first += 1
        if gap.first > gap.last:
            self._check_hash(chain, gap.first, gap.hash_before, gap.after)
            chain.gaps.remove(gap)

    def _check_hash(
        self, chain: _ReadChain, at: int, hash_before: bytes, line: tuple[int, bytes, bytes]
    ) -> bool:
        """Return whether the hash of a line (its number, body, hash) is right; if not, add a problem."""
        number, body, hash_ = line
        correct = _follows(hash_before, body, hash_)
        if not correct:
            text = f"line {at} of the chain is not what was written"
            self._add_problem(number, "altered", chain.id, text)
        return correct

    def _add_problem(self, line: int, kind: str, chain: bytes, text: str) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(VerifyProblem(line, kind, chain.decode(), text))

    def _add_displaced(self, line: int, kind: str, chain: bytes, text: str) -> None:
        if self._transported:
            self._displaced += 1
        else:
            self._add_problem(line, kind, chain, text)

    def report(self, lines: int) -> VerifyReport:
        """Add the problems that are known only after the last line (missing, cut), and return the report."""
        for chain in self.chains.values():
            for gap in chain.gaps:
                count = gap.last - gap.first + 1 - len(gap.waiting)
                where = f"from line {gap.first} of the chain" if gap.first else "from its beginning"
                self._add_problem(
                    gap.after[0], "missing", chain.id, f"{count} before this one, {where}"
                )
        continued = set()
        for (chain_id, link, other, place), number in self._links.items():
            if link == b"follows":
                continued.add((other, place))
            self._check_end(number, other, place, f"chain {chain_id.decode()}")
        for head in self._heads:
            self._check_end(0, head.chain.encode(), head.sequence, "the stored head")
        chains = tuple(
            VerifiedChain(
                chain.id.decode(),
                chain.lines,
                ChainHead(chain.id.decode(), chain.next - 1, chain.hash.decode()),
                "sealed" if chain.sealed
                else "continued" if (chain.id, chain.next - 1) in continued
                else "open",
            )
            for chain in self.chains.values()
        )  # fmt: skip
        problems = tuple(sorted(self._problems))
        return VerifyReport(lines, self._unchained, chains, problems, self._displaced)

    def _check_end(self, number: int, chain_id: bytes, place: int, source: str) -> None:
        chain = self.chains.get(chain_id)
        last = chain.next - 1 if chain else -1
        if last < place:
            self._add_problem(
                number, "cut", chain_id,
                f"according to {source}, its last line is {place} or later; found "
                f"{last if chain else 'none'}",
            )  # fmt: skip


def _follows(hash_before: bytes, body: bytes, hash_: bytes) -> bool:
    return sha256(hash_before + body).hexdigest().encode() == hash_
