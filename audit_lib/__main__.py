"""`python -m audit_lib verify FILE…`: whether logs are what was written."""

import argparse
import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

from ._proof.verify import ChainHead, VerifyReport, verify

_WHOLE: Final = 0
_WRONG: Final = 1
_UNUSABLE: Final = 2
_OPEN: Final = 3
_GZIP: Final = b"\x1f\x8b"
_DISPLACED: Final = frozenset({"reordered", "doubled"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status.

    0: whole, every chain has its end. 1: something is wrong. 2: it cannot be read. 3: nothing is
    wrong, and a chain has an open end, or there is none.
    """
    parser = argparse.ArgumentParser(prog="python -m audit_lib", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="verify")
    verb = verbs.add_parser(
        "verify",
        help="check the chains of logs, read one after the other; packed ones too, - is stdin",
    )
    verb.add_argument("files", nargs="+", metavar="FILE")
    verb.add_argument(
        "--transported",
        action="store_true",
        help="the lines came through CloudWatch, Firehose or a container's log: in another order, some"
        " of them twice, or with something before each",
    )
    verb.add_argument("--heads", metavar="FILE", help="heads that were kept: chains reach them")
    verb.add_argument("--write-heads", metavar="FILE", help="keep the heads, for the next time")
    asked = parser.parse_args(arguments)
    try:
        heads = _read_heads(asked.heads) if asked.heads else ()
        report = verify(_lines(asked.files), heads=heads, transported=asked.transported)
        if asked.write_heads:
            _write_heads(Path(asked.write_heads), report)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        print(f"audit_lib verify: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
        return _UNUSABLE
    print("\n".join(_told(report)))  # noqa: T201
    return _WRONG if not report.intact else _WHOLE if report.complete else _OPEN


def _lines(files: Sequence[str]) -> Iterator[bytes]:
    for name in files:
        if name == "-":
            yield from _unpacked(cast("io.BufferedReader", sys.stdin.buffer))
        else:
            with Path(name).open("rb") as file:
                yield from _unpacked(file)


def _unpacked(reader: io.BufferedReader) -> Iterator[bytes]:
    """Return the lines of a file, unpacked where it is packed, whatever its name: some are twice."""
    while reader.peek(len(_GZIP))[: len(_GZIP)] == _GZIP:
        reader = io.BufferedReader(gzip.GzipFile(fileobj=reader, mode="rb"))
    return reader


def _told(report: VerifyReport) -> Iterator[str]:
    for problem in report.problems:
        place = f"line {problem.line}" if problem.line else "at the end"
        yield f"{place}: {problem.kind}: {problem.text} (chain {problem.chain})"
    for chain in report.chains:
        if chain.end == "open":
            yield (
                f"chain {chain.id}: no seal after line {chain.head.sequence} of it: the process is"
                " running, was killed or crashed, or what followed was cut off"
            )
    if report.problems and {problem.kind for problem in report.problems} <= _DISPLACED:
        yield "all of it is what a transport may do to lines: --transported asks about the rest alone"
    if report.displaced:
        yield f"{report.displaced} lines came late or once more, as a transport may hand them over"
    chained = sum(chain.lines for chain in report.chains)
    yield (
        f"{report.lines} lines: {chained} in {len(report.chains)} chains,"
        f" {report.unchained} in none; {len(report.problems)} problems"
    )


def _read_heads(name: str) -> list[ChainHead]:
    heads = []
    for number, line in enumerate(Path(name).read_text(encoding="ascii").splitlines(), 1):
        match line.split():
            case [chain, sequence, hash_] if sequence.isdecimal() and len(hash_) == 64:
                heads.append(ChainHead(chain, int(sequence), hash_))
            case _:
                raise ValueError(
                    f"{name}: line {number}: found {line[:80]!r}; write a chain's id, a sequence"
                    " and a hash, as --write-heads does"
                )
    return heads


def _write_heads(path: Path, report: VerifyReport) -> None:
    heads = (chain.head for chain in report.chains)
    path.write_text(
        "".join(f"{head.chain} {head.sequence} {head.hash}\n" for head in heads), encoding="ascii"
    )


if __name__ == "__main__":
    sys.exit(main())
