"""Verifies the hash chains of logs, for auditors: finds altered, missing, inserted and moved lines.

This module implements the format of `docs/proof.md`, independently of the writer. It does not parse
JSON.
"""

import re
from binascii import hexlify, unhexlify
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

__all__ = ["ChainHead", "VerifiedChain", "VerifyProblem", "VerifyReport", "verify"]

_NO_HASH: Final = b"0" * 64
# `,"hash":"`, 64 digits, and `"}`.
_HASH: Final = b',"hash":"'
_END: Final = b'"}\n'
_HASH_BYTES: Final = 75
_END_BYTES: Final = _HASH_BYTES + 1
_MEMBERS: Final = (
    rb',"sequence":(0|[1-9][0-9]{0,17})\},"chain":\{'
    rb'(?:"(parent|follows)":"([0-9a-f]{32}):(-1|0|[1-9][0-9]{0,17})",)?(?:"(sealed)":true,)?'
    rb'"id":"([0-9a-f]{32})"\},"hash":"'
)
_TAIL: Final = re.compile(_MEMBERS + rb'([0-9a-f]{64})"\}')
_TAIL_AT_END: Final = re.compile(_TAIL.pattern + rb"\Z")
_DAMAGED_TAIL: Final = re.compile(_MEMBERS)
_MAX_TAIL_BYTES: Final = 300
# Each line of audit_lib begins with it; inside a text of a line, the quotes are escaped.
_START: Final = b'{"@timestamp":"'
_MAX_STARTS: Final = 32
_MASKED: Final = b"****"  # audit_lib itself writes three
_HASH_SIZE: Final = 32
_MAX_PROBLEMS: Final = 1_000
_NEVER: Final = b"\n%d"  # no body contains it
_RECENT: Final = 4_096


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
            its exports, Firehose and container runtimes deliver them. A repeated line has to have the
            same bytes.

    Returns:
        The chains and the problems. A problem is not raised as an exception.
    """
    reading = _Reading(heads, transported)
    chains = reading.chains
    number = 0
    for number, line in enumerate(lines, 1):
        if type(line) is not bytes:
            line = line.encode() if isinstance(line, str) else bytes(line)  # noqa: PLW2901
        if line[-1:] != b"\n":
            line += b"\n"  # noqa: PLW2901
        if transported and line[:1] != b"{" and (start := line.find(_START)) > 0:
            line = line[start:]  # noqa: PLW2901
        body = line[:-_END_BYTES]
        chain = chains.get(body[-34:-2])
        # Most lines are the next line of a known chain, with the right hash.
        if chain is not None and body.endswith(chain.members % chain.next):
            hash_ = sha256(chain.hash + body).hexdigest().encode()
            if line.endswith(_HASH + hash_ + _END):
                chain.hash = hash_  # as in `advance`, without the time of a call
                chain.recent.append(hash_)
                chain.next += 1
                if chain.next >= chain.pause_at:
                    chain.pause()
                continue
        reading.read_line(number, line[:-1])
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
        "members",
        "next",
        "pause_at",
        "recent",
        "sealed",
        "segments",
        "stored_heads",
        "suspect",
        "usual",
    )  # fmt: skip

    def __init__(self, chain_id: bytes, stored_heads: Mapping[int, list[ChainHead]]) -> None:
        self.id = chain_id
        self.hash = _NO_HASH
        self.next = 0
        self.lines = 0
        self.sealed = False
        self.stored_heads = stored_heads
        self.gaps: list[_Gap] = []
        # The sequence of a line with a wrong hash, the hash before it, and its line number.
        self.suspect: tuple[int, bytes, int] | None = None
        # Runs of lines without a gap: the first sequence, and their hashes.
        self.segments: list[tuple[int, bytearray]] = [(0, bytearray())]
        # The hashes of lines that filled a gap.
        self.late: dict[int, bytes] = {}
        self.recent: list[bytes] = []
        self.pause_at = 0
        self.usual = b',"sequence":%%d},"chain":{"id":"%b"}' % chain_id
        # The end of the next line's body, unless it has to be read by `read_line`.
        self.members = _NEVER

    def advance(self, hash_: bytes) -> None:
        """Count the next line of the chain, whose hash this is."""
        self.hash = hash_
        self.recent.append(hash_)
        self.next += 1
        self.pause()

    def pause(self) -> None:
        """Store the recent hashes in half the space, and determine how the next lines are read."""
        self.segments[-1][1].extend(unhexlify(b"".join(self.recent)))
        self.lines += len(self.recent)
        self.recent.clear()
        following = self.next
        slow = self.sealed or following in self.stored_heads
        self.members = _NEVER if slow else self.usual
        later = (head for head in self.stored_heads if head > following)
        self.pause_at = min(later, default=following + _RECENT)

    def jump(self, sequence: int, line: tuple[int, bytes, bytes]) -> None:
        """Skip to a later sequence, and note the gap before that line (its number, body and hash)."""
        self.pause()
        self.gaps.append(_Gap(self.next, sequence - 1, self.hash, line))
        self.next = sequence
        self.segments.append((sequence, bytearray()))

    def hash_at(self, sequence: int) -> bytes | None:
        """Return the hash of the line with a sequence as 64 digits, None if it was not read."""
        if sequence < 0:
            return _NO_HASH
        self.pause()
        first, hashes = self.segments[bisect_right(self.segments, sequence, key=_first) - 1]
        at = (sequence - first) * _HASH_SIZE
        found = bytes(hashes[at : at + _HASH_SIZE]) or self.late.get(sequence)
        return None if found is None else hexlify(found)

    def gap_of(self, sequence: int) -> _Gap | None:
        """Return the gap in which a sequence is, or that is directly before it; None if there is none."""
        at = bisect_right(self.gaps, sequence, key=_first_missing) - 1
        gap = self.gaps[at] if at >= 0 else None
        return gap if gap is not None and sequence <= gap.last + 1 else None

    def unchecked(self, sequence: int) -> bytes | None:
        """Return the body of a line that a gap before it prevents from being checked, or None."""
        gap = self.gap_of(sequence)
        if gap is None:
            return None
        line = gap.after if sequence == gap.last + 1 else gap.waiting.get(sequence)
        return None if line is None else line[1]


def _first(segment: tuple[int, bytearray]) -> int:
    return segment[0]


def _first_missing(gap: _Gap) -> int:
    return gap.first


class _Reading:
    """The state of one call of `verify`: chains, problems and counts."""

    def __init__(self, heads: Iterable[ChainHead], transported: bool) -> None:
        self.chains: dict[bytes, _ReadChain] = {}
        self._heads = list(heads)
        self._transported = transported
        self._problems: list[VerifyProblem] = []
        self._unchained = self._displaced = self._torn = 0
        # The links of first lines to other chains → the line number.
        self._links: dict[tuple[bytes, bytes, bytes, int], int] = {}

    def read_line(self, number: int, line: bytes) -> None:
        """Read any line: one of a new or unknown chain, out of order, altered, sealed, or without a chain."""
        line = line.removesuffix(b"\r")
        match = _TAIL_AT_END.search(line[-_MAX_TAIL_BYTES:])
        if match is None:
            self._read_other(number, line)
            return
        chain_id, hash_, at = match[6], match[7], int(match[1])
        chain = self._chain(chain_id)
        before = chain.hash_at(at - 1)
        body = line[:-_HASH_BYTES]
        if before is None or _start(before, body, hash_) is None:
            ends = [inner.end() for inner in _TAIL.finditer(line)]
            # The line ends between records may be missing; or the record contains a record.
            if len(ends) > 1 and (before is not None or self._is_next(line[: ends[0]])):
                self._read_records(number, line, ends)
                return
        self._read_record(number, chain, match, body)

    def _is_next(self, line: bytes) -> bool:
        """Return whether a line is exactly the next line of a known chain."""
        match = _TAIL_AT_END.search(line[-_MAX_TAIL_BYTES:])
        chain = self.chains.get(match[6]) if match else None
        if match is None or chain is None or int(match[1]) != chain.next:
            return False
        return _start(chain.hash, line[:-_HASH_BYTES], match[7]) == 0

    def _read_record(
        self, number: int, chain: _ReadChain, match: re.Match[bytes], body: bytes
    ) -> None:
        sequence, link, other, place, sealed, _, hash_ = match.groups()
        at = int(sequence)
        if link:
            self._links.setdefault((chain.id, link, other, int(place)), number)
        if at < chain.next:
            self._read_earlier(chain, number, at, body, hash_)
            return
        if chain.sealed:
            self._add_problem(number, "inserted", chain.id, "a line after the chain's seal")
        if at > chain.next:
            chain.jump(at, (number, body, hash_))
        elif not self._check_hash(chain, at, chain.hash, (number, body, hash_)):
            chain.suspect = (at, chain.hash, number)
        self._compare(chain, number, at, hash_)
        chain.sealed = chain.sealed or sealed is not None
        chain.advance(hash_)

    def _read_other(self, number: int, line: bytes) -> None:
        """Read a line that does not end as a record of a chain does."""
        ends = [inner.end() for inner in _TAIL.finditer(line)]
        damaged = _DAMAGED_TAIL.search(line)
        if not line.strip():
            pass
        elif ends and not (line.startswith(_START) and line.endswith(b"}")):
            self._read_records(number, line, ends)
        elif damaged and damaged[6] in self.chains and not _is_prefix(line, damaged):
            text = f"the end of line {int(damaged[1])} of the chain is not what was written"
            self._add_problem(number, "altered", damaged[6], text)
        elif (start := line.rfind(_START)) >= 0 and not line.endswith(b"}"):
            self._torn += 1
            self._unchained += start > 0
        else:
            self._unchained += 1

    def _read_records(self, number: int, line: bytes, ends: list[int]) -> None:
        """Read several records, or records and other text, on one line."""
        begin = 0
        for end in ends:
            record = line[begin:end]
            match = _TAIL_AT_END.search(record[-_MAX_TAIL_BYTES:])
            if match is None:  # it cannot be: each end is that of a match
                continue
            if begin and record.startswith(b"{"):
                self._add_glued(number, match[6], int(match[1]), "another record")
            self._read_record(number, self._chain(match[6]), match, record[:-_HASH_BYTES])
            begin, last = end, match
        if rest := line[begin:].strip():
            self._add_glued(number, last[6], int(last[1]), f"{len(rest)} bytes of other text")

    def _chain(self, chain_id: bytes) -> _ReadChain:
        chain = self.chains.get(chain_id)
        if chain is None:
            stored_heads: dict[int, list[ChainHead]] = {}
            for head in self._heads:
                if head.chain.encode() == chain_id:
                    stored_heads.setdefault(head.sequence, []).append(head)
            chain = self.chains[chain_id] = _ReadChain(chain_id, stored_heads)
        return chain

    def _compare(self, chain: _ReadChain, number: int, at: int, hash_: bytes) -> None:
        """Add a problem if a line does not have the hash of the stored head with its sequence."""
        if any(head.hash.encode() != hash_ for head in chain.stored_heads.get(at, ())):
            text = f"line {at} of the chain does not have the stored hash"
            self._add_problem(number, "altered", chain.id, text)

    def _read_earlier(
        self, chain: _ReadChain, number: int, at: int, body: bytes, hash_: bytes
    ) -> None:
        """Read a line with an earlier sequence than the expected one: late, repeated or inserted."""
        known = chain.hash_at(at)
        suspect = chain.suspect
        if suspect and suspect[0] == at and _start(suspect[1], body, hash_) is not None:
            # This line has the right hash, so the earlier one was inserted.
            self._problems = [problem for problem in self._problems if problem.line != suspect[2]]
            self._add_problem(
                suspect[2], "inserted", chain.id, f"a line instead of line {at} of the chain"
            )
            chain.suspect = None
            if at == chain.next - 1:
                chain.hash = hash_
                chain.segments[-1][1][-_HASH_SIZE:] = unhexlify(hash_)
        elif known is None:
            self._fill(chain, number, at, body, hash_)
        elif known == hash_ and _is_repeated(chain, at, body, hash_):
            self._add_displaced(number, "doubled", chain.id, f"line {at} of the chain is repeated")
        else:
            self._add_problem(
                number, "inserted", chain.id, f"a second, different line {at} of the chain"
            )

    def _fill(self, chain: _ReadChain, number: int, at: int, body: bytes, hash_: bytes) -> None:
        self._add_displaced(number, "reordered", chain.id, f"line {at} of the chain is late")
        self._compare(chain, number, at, hash_)
        gap = chain.gap_of(at)
        if gap is None:  # it cannot be: a line that was not read is in a gap
            return
        chain.lines += 1
        chain.late[at] = unhexlify(hash_)
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
        start = _start(hash_before, body, hash_)
        if start is None:
            kind, text = "altered", f"line {at} of the chain is not what was written"
            if _MASKED in body:
                kind, text = (
                    "masked",
                    f"{text}: asterisks replace a part of it, as a log store does",
                )
            self._add_problem(number, kind, chain.id, text)
        elif start and not self._transported:
            torn = body.startswith(_START)
            other = "a line torn by a crash" if torn else f"{start} bytes of other text"
            self._add_glued(number, chain.id, at, other)
        return start is not None

    def _add_glued(self, number: int, chain: bytes, at: int, other: str) -> None:
        text = f"{other} is on the line of line {at} of the chain"
        self._add_problem(number, "glued", chain, text)

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
        for chain in self.chains.values():
            chain.pause()
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
        known = {head.chain for head in self._heads}
        unknown = sum(chain.id not in known for chain in chains) if known else 0
        return VerifyReport(
            lines, self._unchained, chains, problems, self._displaced, self._torn, unknown
        )

    def _check_end(self, number: int, chain_id: bytes, place: int, source: str) -> None:
        chain = self.chains.get(chain_id)
        last = chain.next - 1 if chain else -1
        if last < place:
            self._add_problem(
                number, "cut", chain_id,
                f"according to {source}, its last line is {place} or later; found "
                f"{last if chain else 'none'}",
            )  # fmt: skip


def _start(hash_before: bytes, body: bytes, hash_: bytes) -> int | None:
    """Return the position in a line at which the record with this hash begins, or None if there is none.

    What stands before it is not part of the record: other text, or a line that was torn by a crash.
    """
    for start in _starts(body):
        if sha256(hash_before + body[start:]).hexdigest().encode() == hash_:
            return start
    return None


def _starts(body: bytes) -> Iterator[int]:
    """Yield the places where a record may begin: 0, the next 32 that look like one, and the first `{`."""
    yield 0
    start = 0
    for _ in range(_MAX_STARTS):
        start = body.find(_START, start + 1)
        if start < 0:
            break
        yield start
    if (start := body.find(b"{")) > 0:
        yield start


def _is_repeated(chain: _ReadChain, at: int, body: bytes, hash_: bytes) -> bool:
    """Return whether a line with the hash of an earlier line has the same bytes."""
    unchecked = chain.unchecked(at)
    if unchecked is not None:
        return body.endswith(unchecked)  # a transport may write something before it
    before = chain.hash_at(at - 1)
    return before is not None and _start(before, body, hash_) is not None


def _is_prefix(line: bytes, tail: re.Match[bytes]) -> bool:
    """Return whether a line ends in the middle of the hash, as a torn line may do."""
    return re.fullmatch(rb'[0-9a-f]{0,64}"?', line[tail.end() :]) is not None
