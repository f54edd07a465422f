"""Reads the lines of a log that are not simply the next line of their chain, for `verify`.

Implements the format of `docs/proof.md` independently of the writer, and without parsing JSON.
"""

import re
from binascii import hexlify, unhexlify
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from .report import ChainHead, VerifiedChain, VerifyProblem, VerifyReport

__all__ = ["END", "END_BYTES", "HASH", "START", "LineReader"]

_NO_HASH: Final = b"0" * 64
# `,"hash":"`, 64 digits, and `"}`.
HASH: Final = b',"hash":"'
END: Final = b'"}\n'
HASH_BYTES: Final = 75
END_BYTES: Final = HASH_BYTES + 1
_MEMBERS: Final = (
    rb',"chain":\{'
    rb'(?:"(parent|follows)":"([0-9a-f]{32}):(0|[1-9][0-9]{0,14})",)?(?:"(sealed)":true,)?'
    rb'"sequence":(0|[1-9][0-9]{0,14}),"id":"([0-9a-f]{32})"\},"hash":"'
)
_TAIL: Final = re.compile(_MEMBERS + rb'([0-9a-f]{64})"\}')
_TAIL_AT_END: Final = re.compile(_TAIL.pattern + rb"\Z")
_DAMAGED_TAIL: Final = re.compile(_MEMBERS)
_MAX_TAIL_BYTES: Final = 300
# Each line of audit_lib begins with it; inside a text of a line, the quotes are escaped.
START: Final = b'{"@timestamp":"'
_MAX_STARTS: Final = 32
_MASKED: Final = b"****"  # audit_lib itself writes three
_HASH_SIZE: Final = 32
_MAX_PROBLEMS: Final = 1_000
_NEVER: Final = b"\n%d"  # no body contains it
_RECENT: Final = 4_096


_Line = tuple[int, bytes, bytes]  # its number, the bytes before its hash, and its stated hash


class _Gap:
    """A range of sequences that a chain skipped, until lines that come late fill it."""

    __slots__ = ("after", "filled", "first", "last")

    def __init__(self, first: int, last: int, after: int) -> None:
        self.first, self.last = first, last
        self.after = after  # the number of the line after the gap
        self.filled = 0


class ReadChain:
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
        "sealed_at",
        "segments",
        "stored_heads",
        "suspects",
        "unchecked",
        "usual",
        "waiting",
    )  # fmt: skip

    def __init__(self, chain_id: bytes, stored_heads: Mapping[int, list[ChainHead]]) -> None:
        self.id = chain_id
        self.hash = _NO_HASH
        self.next = 0
        self.lines = 0
        self.sealed_at: int | None = None
        self.stored_heads = stored_heads
        self.gaps: list[_Gap] = []
        # Lines whose hash is wrong, and lines that cannot be checked yet, by sequence.
        self.suspects: dict[int, _Line] = {}
        self.unchecked: dict[int, _Line] = {}
        # Other lines with a sequence that was read, which cannot be checked yet.
        self.waiting: dict[int, list[_Line]] = {}
        # Runs of lines without a gap: the first sequence, and their hashes.
        self.segments: list[tuple[int, bytearray]] = [(0, bytearray())]
        # The hashes of lines that filled a gap.
        self.late: dict[int, bytes] = {}
        self.recent: list[bytes] = []
        self.pause_at = 0
        self.usual = b',"chain":{"sequence":%%d,"id":"%b"}' % chain_id
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
        slow = self.sealed_at is not None or following in self.stored_heads
        self.members = _NEVER if slow else self.usual
        later = (head for head in self.stored_heads if head > following)
        self.pause_at = min(later, default=following + _RECENT)

    def jump(self, sequence: int, number: int) -> None:
        """Skip to a later sequence, and note the gap before it; `number` is that of the line."""
        self.pause()
        self.gaps.append(_Gap(self.next, sequence - 1, number))
        self.next = sequence
        self.segments.append((sequence, bytearray()))

    def replace_hash(self, sequence: int, hash_: bytes) -> None:
        """Replace the hash of a sequence that was read."""
        self.pause()
        if sequence == self.next - 1:
            self.hash = hash_
        first, hashes = self._segment(sequence)
        at = (sequence - first) * _HASH_SIZE
        if at < len(hashes):
            hashes[at : at + _HASH_SIZE] = unhexlify(hash_)
        else:
            self.late[sequence] = unhexlify(hash_)

    def hash_at(self, sequence: int) -> bytes | None:
        """Return the hash of the line with a sequence as 64 digits, None if it was not read."""
        if sequence < 0:
            return _NO_HASH
        self.pause()
        first, hashes = self._segment(sequence)
        at = (sequence - first) * _HASH_SIZE
        found = bytes(hashes[at : at + _HASH_SIZE]) or self.late.get(sequence)
        return None if found is None else hexlify(found)

    def gap_of(self, sequence: int) -> _Gap | None:
        """Return the gap in which a sequence is, or None."""
        at = bisect_right(self.gaps, sequence, key=_first_missing) - 1
        gap = self.gaps[at] if at >= 0 else None
        return gap if gap is not None and sequence <= gap.last else None

    def _segment(self, sequence: int) -> tuple[int, bytearray]:
        return self.segments[bisect_right(self.segments, sequence, key=_first) - 1]


def _first(segment: tuple[int, bytearray]) -> int:
    return segment[0]


def _first_missing(gap: _Gap) -> int:
    return gap.first


class LineReader:
    """The state of one call of `verify`: chains, problems and counts."""

    def __init__(self, heads: Iterable[ChainHead], transported: bool) -> None:
        self.chains: dict[bytes, ReadChain] = {}
        self._heads = list(heads)
        self._transported = transported
        self._problems: list[VerifyProblem] = []
        self._unchained = self._displaced = self._torn = 0
        self._glued = 0  # the number of the last line with this problem, which is reported once
        # The links of first lines to other chains → the line number.
        self._links: dict[tuple[bytes, bytes, bytes, int], int] = {}

    def read_line(self, number: int, line: bytes) -> None:
        """Read any line: one of a new or unknown chain, out of order, altered, sealed, or without a chain."""
        line = line.rstrip()
        begin = 0
        for end in self._record_ends(line):
            self._read_record(number, line[begin:end], is_first=not begin)
            begin = end
        rest = line[begin:].strip()
        if begin and rest:
            match = _tail_of(line[:begin])
            if match is not None:
                text = f"{len(rest)} bytes of other text"
                self._add_glued(number, match[6], int(match[5]), text)
        elif rest:
            self._read_other(number, rest)

    def _record_ends(self, line: bytes) -> list[int]:
        """Return where the records of a line end; a record may have a value that looks like one."""
        ends = [match.end() for match in _TAIL.finditer(line)]
        if not ends:
            return []
        if ends[-1] == len(line):
            if len(ends) == 1:
                return ends
            start = self._right_start(line)
            if start is not None:  # what looks like an end after the start is a value
                ends = [end for end in ends[:-1] if end <= start] + [len(line)]
        records: list[int] = []
        for end in ends:
            begin = records[-1] if records else 0
            is_value = line[end : end + 1] in {b",", b"}", b"]"}
            if not is_value or self._right_start(line[begin:end]) == 0:
                records.append(end)
        return records

    def _right_start(self, record: bytes) -> int | None:
        """Return where the record at the end of a line begins, None if it is not right or unknown."""
        match = _tail_of(record)
        if match is None:
            return None
        chain = self.chains.get(match[6])
        at = int(match[5])
        before = _NO_HASH if not at else None if chain is None else chain.hash_at(at - 1)
        return None if before is None else _start(before, record[:-HASH_BYTES], match[7])

    def _read_record(self, number: int, record: bytes, *, is_first: bool) -> None:
        match = _tail_of(record)
        if match is None:  # it cannot be: each end is that of a match
            return
        link, other, place, sealed, sequence, chain_id, hash_ = match.groups()
        chain = self._chain(chain_id)
        at = int(sequence)
        line = number, record[:-HASH_BYTES], hash_
        if not is_first:
            self._add_glued(number, chain_id, at, "another record")
        if link:
            self._links.setdefault((chain_id, link, other, int(place)), number)
        if chain.sealed_at is not None and at > chain.sealed_at:
            self._add_problem(number, "inserted", chain_id, "a line after the chain's seal")
            return
        if at < chain.next:
            if not self._read_earlier(chain, at, line):
                return
        else:
            if at > chain.next:
                chain.jump(at, number)
            chain.advance(hash_)
            self._check(chain, at, line)
        self._compare(chain, number, at, hash_)
        if sealed:
            self._seal(chain, at)

    def _seal(self, chain: ReadChain, at: int) -> None:
        """End a chain at a sequence; records after it that were read before were not written by it."""
        chain.sealed_at = at
        if at == chain.next - 1:
            chain.pause()
            return
        later = [gap for gap in chain.gaps if gap.last >= at]
        numbers = {gap.after for gap in later}
        for number in numbers or {0}:
            text = "a line after the chain's seal"
            self._add_problem(number, "inserted", chain.id, text)
        for gap in later:  # what is after the seal is not missing
            gap.filled += gap.last - max(at, gap.first - 1)

    def _read_other(self, number: int, line: bytes) -> None:
        """Read a line that does not contain a record of a chain."""
        damaged = _DAMAGED_TAIL.search(line)
        if damaged and damaged[6] in self.chains and not _is_prefix(line, damaged):
            text = f"the end of line {int(damaged[5])} of the chain is not what was written"
            self._add_problem(number, "altered", damaged[6], text)
        elif START in line and not line.endswith(b"}"):
            self._torn += 1
        else:
            self._unchained += 1

    def _chain(self, chain_id: bytes) -> ReadChain:
        chain = self.chains.get(chain_id)
        if chain is None:
            stored_heads: dict[int, list[ChainHead]] = {}
            for head in self._heads:
                if head.chain.encode() == chain_id:
                    stored_heads.setdefault(head.sequence, []).append(head)
            chain = self.chains[chain_id] = ReadChain(chain_id, stored_heads)
        return chain

    def _compare(self, chain: ReadChain, number: int, at: int, hash_: bytes) -> None:
        """Add a problem if a line does not have the hash of the stored head with its sequence."""
        if any(head.hash.encode() != hash_ for head in chain.stored_heads.get(at, ())):
            text = f"line {at} of the chain does not have the stored hash"
            self._add_problem(number, "altered", chain.id, text)

    def _read_earlier(self, chain: ReadChain, at: int, line: _Line) -> bool:
        """Read a record with an earlier sequence than the expected one; return whether it is part of the chain."""
        number, body, hash_ = line
        known, before = chain.hash_at(at), chain.hash_at(at - 1)
        if known is None:
            self._fill(chain, at, line)
            return True
        is_right = before is not None and _start(before, body, hash_) is not None
        suspect = chain.suspects.get(at)
        if suspect is not None and is_right:
            self._replace(chain, at, suspect, line)
            return False
        first = chain.unchecked.get(at) or suspect
        is_copy = is_right or (first is not None and body.endswith(first[1]))
        if not is_copy and before is None:
            chain.waiting.setdefault(at, []).append(line)
        elif known == hash_ and is_copy:
            text = f"line {at} of the chain is repeated"
            self._add_displaced(number, "doubled", chain.id, text)
        else:
            text = f"a second, different line {at} of the chain"
            self._add_problem(number, "inserted", chain.id, text)
        return False

    def _replace(self, chain: ReadChain, at: int, suspect: _Line, line: _Line) -> None:
        """Use a record with the right hash instead of the one that was read as the same sequence."""
        self._withdraw(suspect)
        text = f"a line instead of line {at} of the chain"
        self._add_problem(suspect[0], "inserted", chain.id, text)
        del chain.suspects[at]
        chain.replace_hash(at, line[2])
        if chain.sealed_at == at:
            chain.sealed_at = None
        following = chain.suspects.get(at + 1)
        if following is not None and _start(line[2], following[1], following[2]) is not None:
            self._withdraw(following)
            del chain.suspects[at + 1]
        self._compare(chain, line[0], at, line[2])

    def _withdraw(self, line: _Line) -> None:
        self._problems = [
            problem
            for problem in self._problems
            if problem.line != line[0] or problem.kind not in {"altered", "masked"}
        ]

    def _fill(self, chain: ReadChain, at: int, line: _Line) -> None:
        text = f"line {at} of the chain is late"
        self._add_displaced(line[0], "reordered", chain.id, text)
        gap = chain.gap_of(at)
        chain.lines += 1
        chain.late[at] = unhexlify(line[2])
        self._check(chain, at, line)
        if (following := chain.unchecked.pop(at + 1, None)) is not None:
            self._check(chain, at + 1, following)
        if gap is not None:
            gap.filled += 1
            if gap.filled > gap.last - gap.first:
                chain.gaps.remove(gap)

    def _check(self, chain: ReadChain, at: int, line: _Line) -> None:
        """Add a problem if the hash of a line is wrong; keep the line if that is not known yet."""
        number, body, hash_ = line
        before = chain.hash_at(at - 1)
        if before is None:
            chain.unchecked[at] = line
            return
        start = _start(before, body, hash_)
        if start is None:
            chain.suspects[at] = line
            kind, text = "altered", f"line {at} of the chain is not what was written"
            if _MASKED in body:
                kind, text = (
                    "masked",
                    f"{text}: asterisks replace a part of it, as a log store does",
                )
            self._add_problem(number, kind, chain.id, text)
        elif start and not self._transported:
            torn = body.startswith(START)
            other = "a line torn by a crash" if torn else f"{start} bytes of other text"
            self._add_glued(number, chain.id, at, other)
        for second in chain.waiting.pop(at, ()):
            self._read_earlier(chain, at, second)

    def _add_glued(self, number: int, chain: bytes, at: int, other: str) -> None:
        if self._glued != number:
            self._glued = number
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
            chain.pause()
            for at, others in chain.waiting.items():
                for number, _, _ in others:
                    text = f"a second, different line {at} of the chain"
                    self._add_problem(number, "inserted", chain.id, text)
            for gap in chain.gaps:
                count = gap.last - gap.first + 1 - gap.filled
                if count > 0:
                    where = (
                        f"from line {gap.first} of the chain" if gap.first else "from its beginning"
                    )
                    self._add_problem(
                        gap.after, "missing", chain.id, f"{count} before this one, {where}"
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
                "sealed" if chain.sealed_at is not None
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


def _tail_of(record: bytes) -> re.Match[bytes] | None:
    return _TAIL_AT_END.search(record[-_MAX_TAIL_BYTES:])


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
        start = body.find(START, start + 1)
        if start < 0:
            break
        yield start
    if (start := body.find(b"{")) > 0:
        yield start


def _is_prefix(line: bytes, tail: re.Match[bytes]) -> bool:
    """Return whether a line ends in the middle of the hash, as a torn line may do."""
    return re.fullmatch(rb'[0-9a-f]{0,64}"?', line[tail.end() :]) is not None
