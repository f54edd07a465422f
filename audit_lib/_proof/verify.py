"""Whether lines are what was written: nothing altered, missing, inserted, reordered or doubled.

This module knows the format of `docs/proof.md` and nothing of what writes it. No JSON is parsed.
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
_LONGEST_TAIL: Final = 300
_MARK: Final = 16
_MOST_PROBLEMS: Final = 1_000


class ChainHead(NamedTuple):
    """Where a chain stood at some time: what has to be kept where its writer cannot change it."""

    chain: str
    sequence: int
    hash: str


class VerifyProblem(NamedTuple):
    """What is wrong at a line; `line` counts from 1, or is 0 for what only the end can tell.

    `kind` is `altered`, `missing`, `inserted`, `reordered`, `doubled`, or `cut`: the chain was longer
    than it is here.
    """

    line: int
    kind: str
    chain: str
    text: str


class VerifiedChain(NamedTuple):
    """One chain: how many of its lines are there, its head, and how it ends.

    `end` is `sealed`; `continued`, when the next chain of its process says so; or `open`: the process
    is still running, was killed or crashed, or the lines after the last one were cut off.
    """

    id: str
    lines: int
    head: ChainHead
    end: str


class VerifyReport(NamedTuple):
    """What was found. `unchained` counts the lines that are in no chain, such as other logs'.

    `displaced` counts those that came late or once more, where that is no problem (`transported`).
    """

    lines: int
    unchained: int
    chains: tuple[VerifiedChain, ...]
    problems: tuple[VerifyProblem, ...]
    displaced: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong with any line that is there."""
        return not self.problems

    @property
    def complete(self) -> bool:
        """Whether nothing is wrong, there is a chain, and none has an open end."""
        ends = {chain.end for chain in self.chains}
        return not self.problems and bool(ends) and "open" not in ends


def verify(
    lines: Iterable[bytes | str], *, heads: Iterable[ChainHead] = (), transported: bool = False
) -> VerifyReport:
    """Check the lines of one or more logs, in the order in which they were written.

    Lines of many processes may be mixed, and lines that are no audit records may be among them;
    several files (rotated ones) are read one after the other. What a whole log with its heads kept
    elsewhere shows, and what a log by itself cannot, is in `docs/proof.md`.

    Args:
        lines: such as an open file, binary or text; with or without their ends.
        heads: heads of earlier reports: each chain has to have that hash at that place.
        transported: the lines came through something that keeps no order, hands over some of them
            twice, or writes something of its own before each (CloudWatch Logs and its exports,
            Firehose, a container runtime): none of that is a problem.
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
        # The way of nearly all lines: the next one of a chain that is known, as it has to be.
        if (
            chain is not None
            and body[-chain.suffix_length :] == chain.suffix
            and sha256(chain.hash + body).hexdigest().encode() == line[-66:-2]
            and line[-75:-66] == _HASH
        ):
            chain.advance(line[-66:-2])
        else:
            reading.look_at(number, line)
    return reading.report(number)


class _Gap:
    """Lines of a chain that are not there yet: they may come later, in another order."""

    __slots__ = ("after", "first", "hash_before", "last", "waiting")

    def __init__(
        self, first: int, last: int, hash_before: bytes, after: tuple[int, bytes, bytes]
    ) -> None:
        self.first, self.last, self.hash_before, self.after = first, last, hash_before, after
        self.waiting: dict[int, tuple[int, bytes, bytes]] = {}


class _ReadChain:
    """What is known of a chain so far."""

    __slots__ = (
        "doubt", "gaps", "hash", "id", "late", "lines", "next", "sealed", "segments", "suffix",
        "suffix_length", "watched",
    )  # fmt: skip

    def __init__(self, chain_id: bytes, watched: Mapping[int, ChainHead]) -> None:
        self.id = chain_id
        self.hash = _NO_HASH
        self.next = 0
        self.lines = 0
        self.sealed = False
        self.watched = watched
        self.gaps: list[_Gap] = []
        # The line that did not fit, what it should have followed, and its number.
        self.doubt: tuple[int, bytes, int] | None = None
        # Runs of lines without a gap: the first sequence, and the beginnings of their hashes.
        self.segments: list[tuple[int, bytearray]] = [(0, bytearray())]
        # The same of the lines that filled a gap.
        self.late: dict[int, bytes] = {}
        self.suffix: bytes | None = None
        self.suffix_length = 0

    def advance(self, hash_: bytes) -> None:
        """Take the next line."""
        self.hash = hash_
        self.segments[-1][1].extend(hash_[:_MARK])
        self.lines += 1
        self.next += 1
        if self.sealed or self.next in self.watched:
            self.suffix = None  # looked at closely
        else:
            self.suffix = b',"sequence":%d},"chain":{"id":"%b"}' % (self.next, self.id)
            self.suffix_length = len(self.suffix)

    def jump(self, sequence: int, line: tuple[int, bytes, bytes]) -> None:
        """Leave out what is between the last line and this one, its number, body and hash."""
        self.gaps.append(_Gap(self.next, sequence - 1, self.hash, line))
        self.next = sequence
        self.segments.append((sequence, bytearray()))

    def mark(self, sequence: int) -> bytes | None:
        """Return the beginning of the hash that the line with that sequence had, if it was there."""
        for first, marks in reversed(self.segments):
            if first <= sequence:
                at = (sequence - first) * _MARK
                return bytes(marks[at : at + _MARK]) or self.late.get(sequence)
        return None


class _Reading:
    """One run of `verify`."""

    def __init__(self, heads: Iterable[ChainHead], transported: bool) -> None:
        self.chains: dict[bytes, _ReadChain] = {}
        self._heads = list(heads)
        self._transported = transported
        self._problems: list[VerifyProblem] = []
        self._unchained = self._displaced = 0
        # What first lines say of other chains, and where.
        self._links: dict[tuple[bytes, bytes, bytes, int], int] = {}

    def look_at(self, number: int, line: bytes) -> None:
        """Take a line that is not simply the next one."""
        line = line.removesuffix(b"\r")
        match = _TAIL.search(line[-_LONGEST_TAIL:])
        if match is None:
            self._unchained += 1
            return
        sequence, link, other, place, sealed, chain_id, hash_ = match.groups()
        body = line[:-_HASH_BYTES]
        chain = self.chains.get(chain_id)
        if chain is None:
            watched = {h.sequence: h for h in self._heads if h.chain.encode() == chain_id}
            chain = self.chains[chain_id] = _ReadChain(chain_id, watched)
        at = int(sequence)
        if link:
            self._links.setdefault((chain_id, link, other, int(place)), number)
        if at < chain.next:
            self._earlier(chain, number, at, body, hash_)
            return
        if chain.sealed:
            self._tell(number, "inserted", chain_id, "a line after the chain's seal")
        if at > chain.next:
            chain.jump(at, (number, body, hash_))
        elif not self._fits(chain, at, chain.hash, (number, body, hash_)):
            chain.doubt = (at, chain.hash, number)
        self._compare(chain, number, at, hash_)
        chain.sealed = chain.sealed or sealed is not None
        chain.advance(hash_)

    def _compare(self, chain: _ReadChain, number: int, at: int, hash_: bytes) -> None:
        """Hold a line against the head that was kept, where there is one of that place."""
        head = chain.watched.get(at)
        if head is not None and head.hash.encode() != hash_:
            text = f"line {at} of the chain has not the hash that was kept"
            self._tell(number, "altered", chain.id, text)

    def _earlier(self, chain: _ReadChain, number: int, at: int, body: bytes, hash_: bytes) -> None:
        """Take a line that should have come before others that were read."""
        mark = chain.mark(at)
        doubt = chain.doubt
        if doubt and doubt[0] == at and _follows(doubt[1], body, hash_):
            # This one is genuine, so the one before was not.
            self._problems = [each for each in self._problems if each.line != doubt[2]]
            self._tell(
                doubt[2], "inserted", chain.id, f"a line in the place of line {at} of the chain"
            )
            chain.doubt = None
            if at == chain.next - 1:
                chain.hash = hash_
                chain.segments[-1][1][-_MARK:] = hash_[:_MARK]
        elif mark is None:
            self._fill(chain, number, at, body, hash_)
        elif mark == hash_[:_MARK]:
            self._displace(number, "doubled", chain.id, f"line {at} of the chain once more")
        else:
            self._tell(number, "inserted", chain.id, f"another line {at} of the chain")

    def _fill(self, chain: _ReadChain, number: int, at: int, body: bytes, hash_: bytes) -> None:
        self._displace(number, "reordered", chain.id, f"line {at} of the chain comes late")
        self._compare(chain, number, at, hash_)
        gap = next(gap for gap in chain.gaps if gap.first <= at <= gap.last)
        chain.lines += 1
        chain.late[at] = hash_[:_MARK]
        gap.waiting[at] = (number, body, hash_)
        self._close(chain, gap)

    def _close(self, chain: _ReadChain, gap: _Gap) -> None:
        """Check the lines that came late against those before them, as far as they go."""
        while gap.first in gap.waiting:
            line = gap.waiting.pop(gap.first)
            self._fits(chain, gap.first, gap.hash_before, line)
            gap.hash_before = line[2]
            gap.first += 1
        if gap.first > gap.last:
            self._fits(chain, gap.first, gap.hash_before, gap.after)
            chain.gaps.remove(gap)

    def _fits(
        self, chain: _ReadChain, at: int, hash_before: bytes, line: tuple[int, bytes, bytes]
    ) -> bool:
        """Tell of a line, its number, body and hash, that does not follow from the one before."""
        number, body, hash_ = line
        fits = _follows(hash_before, body, hash_)
        if not fits:
            text = f"line {at} of the chain is not what was written"
            self._tell(number, "altered", chain.id, text)
        return fits

    def _tell(self, line: int, kind: str, chain: bytes, text: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(VerifyProblem(line, kind, chain.decode(), text))

    def _displace(self, line: int, kind: str, chain: bytes, text: str) -> None:
        if self._transported:
            self._displaced += 1
        else:
            self._tell(line, kind, chain, text)

    def report(self, lines: int) -> VerifyReport:
        """Say what the end shows: what never came, and how each chain ends."""
        for chain in self.chains.values():
            for gap in chain.gaps:
                count = gap.last - gap.first + 1 - len(gap.waiting)
                where = f"from line {gap.first} of the chain" if gap.first else "from its beginning"
                self._tell(gap.after[0], "missing", chain.id, f"{count} before this one, {where}")
        continued = set()
        for (chain_id, link, other, place), number in self._links.items():
            if link == b"follows":
                continued.add((other, place))
            self._reaches(number, other, place, f"chain {chain_id.decode()} says")
        for head in self._heads:
            self._reaches(0, head.chain.encode(), head.sequence, "the head that was kept says")
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

    def _reaches(self, number: int, chain_id: bytes, place: int, who: str) -> None:
        chain = self.chains.get(chain_id)
        last = chain.next - 1 if chain else -1
        if last < place:
            self._tell(
                number, "cut", chain_id,
                f"{who} that its last line was {place} or a later one, and here it is "
                f"{last if chain else 'none'}",
            )  # fmt: skip


def _follows(hash_before: bytes, body: bytes, hash_: bytes) -> bool:
    return sha256(hash_before + body).hexdigest().encode() == hash_
