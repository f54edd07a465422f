"""Verifies the hash chains of logs, for auditors: finds altered, missing, inserted and moved lines."""

from collections.abc import Iterable
from hashlib import sha256

from .reading import END, END_BYTES, HASH, START, LineReader
from .report import ChainHead, VerifiedChain, VerifyProblem, VerifyReport

__all__ = ["ChainHead", "VerifiedChain", "VerifyProblem", "VerifyReport", "verify"]


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
    reading = LineReader(heads, transported)
    chains = reading.chains
    number = 0
    for number, line in enumerate(lines, 1):
        if type(line) is not bytes:
            line = line.encode() if isinstance(line, str) else bytes(line)  # noqa: PLW2901
        if line[-1:] != b"\n":
            line += b"\n"  # noqa: PLW2901
        if transported and line[:1] != b"{" and (start := line.find(START)) > 0:
            line = line[start:]  # noqa: PLW2901
        body = line[:-END_BYTES]
        chain = chains.get(body[-34:-2])
        # Most lines are the next line of a known chain, with the right hash.
        if chain is not None and body.endswith(chain.members % chain.next):
            hash_ = sha256(chain.hash + body).hexdigest().encode()
            if line.endswith(HASH + hash_ + END):
                chain.hash = hash_  # as in `advance`, without the time of a call
                chain.recent.append(hash_)
                chain.next += 1
                if chain.next >= chain.pause_at:
                    chain.pause()
                continue
        reading.read_line(number, line[:-1])
    return reading.report(number)
