"""`python -m audit_lib verify FILE…`: check that logs are unchanged."""

import argparse
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

from ._proof.verify import ChainHead, VerifyReport, verify

_COMPLETE: Final = 0
_PROBLEMS: Final = 1
_UNUSABLE: Final = 2
_OPEN: Final = 3
_GZIP: Final = b"\x1f\x8b"
_DISPLACED: Final = frozenset({"reordered", "doubled"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, print the report to standard output, and return the exit status.

    0: no problem, at least one chain, and no chain has an open end. 1: there are problems. 2: a file
    cannot be read or written, or the stored heads are not valid. 3: no problem, but the log has no
    chain, or a chain has an open end.

    Args:
        arguments: the arguments after the name of the command. Default: those of the process.

    Raises:
        SystemExit: the arguments are wrong (status 2), or help was requested (0).
    """
    parser = argparse.ArgumentParser(prog="python -m audit_lib", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="verify")
    verb = verbs.add_parser(
        "verify",
        help="check the chains of logs, read in this order; compressed files too, - is stdin",
    )
    verb.add_argument("files", nargs="+", metavar="FILE")
    verb.add_argument(
        "--transported",
        action="store_true",
        help="accept lines in another order, repeated or with a prefix, as CloudWatch, Firehose and"
        " container logs deliver them",
    )
    verb.add_argument(
        "--heads", metavar="FILE", help="stored heads, which the chains have to reach"
    )
    verb.add_argument(
        "--write-heads",
        metavar="FILE",
        help="store the heads for a later check, if there is no problem",
    )
    options = parser.parse_args(arguments)
    try:
        heads = _read_heads(options.heads) if options.heads else ()
        report = verify(_lines(options.files), heads=heads, transported=options.transported)
        if options.write_heads and report.intact and report.chains:
            _write_heads(Path(options.write_heads), report)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:  # without the number of the error
            text = f"{error.filename}: {error.strerror}"
        print(f"audit_lib verify: {text}", file=sys.stderr)  # noqa: T201 - a command's answer
        return _UNUSABLE
    print("\n".join(_report_lines(report)))  # noqa: T201
    if options.write_heads and not (report.intact and report.chains):
        why = "because of the problems" if report.problems else "because there is no chain"
        text = f"{options.write_heads}: not written, {why}"
        print(f"audit_lib verify: {text}", file=sys.stderr)  # noqa: T201
    return _PROBLEMS if not report.intact else _COMPLETE if report.complete else _OPEN


def _lines(files: Sequence[str]) -> Iterator[bytes]:
    for name in files:
        if name == "-":
            yield from _decompressed(cast("io.BufferedReader", sys.stdin.buffer))
        else:
            with Path(name).open("rb") as file:
                yield from _decompressed(file)


def _decompressed(reader: io.BufferedReader) -> Iterator[bytes]:
    """Return a reader of the file without its gzip layers, which are found by content, not by name."""
    while reader.peek(len(_GZIP))[: len(_GZIP)] == _GZIP:
        reader = io.BufferedReader(gzip.GzipFile(fileobj=reader, mode="rb"))
    return reader


def _report_lines(report: VerifyReport) -> Iterator[str]:
    for problem in report.problems:
        place = f"line {problem.line}" if problem.line else "at the end"
        yield f"{place}: {problem.kind}: {problem.text} (chain {problem.chain})"
    for chain in report.chains:
        if chain.end == "open":
            yield (
                f"chain {chain.id}: open end after its line {chain.head.sequence}: its process is"
                " running, was killed or crashed, or its last lines were removed"
            )
    if report.problems and {problem.kind for problem in report.problems} <= _DISPLACED:
        yield "a transport may cause all of these problems; --transported checks for the others only"
    if report.torn:
        yield f"{report.torn} lines end in the middle of a record: torn by a crash or a full disk"
    if report.unknown_chains:
        yield f"{report.unknown_chains} chains are not among the stored heads: they are newer, or forged"
    if report.displaced:
        yield f"{report.displaced} lines are late or repeated, which a transport may cause"
    chained = sum(chain.lines for chain in report.chains)
    yield (
        f"{report.lines} lines: {chained} in {len(report.chains)} chains,"
        f" {report.unchained} in no chain; {len(report.problems)} problems"
    )


def _read_heads(name: str) -> list[ChainHead]:
    heads = []
    for number, line in enumerate(Path(name).read_text(encoding="ascii").splitlines(), 1):
        match line.split():
            case [chain, sequence, hash_] if sequence.isdecimal() and len(hash_) == 64:
                heads.append(ChainHead(chain, int(sequence), hash_))
            case _:
                raise ValueError(
                    f"{name}: line {number}: found {line[:80]!r}; write a chain id, a sequence and a"
                    " hash, as --write-heads does"
                )
    return heads


def _write_heads(path: Path, report: VerifyReport) -> None:
    heads = (chain.head for chain in report.chains)
    # The stored heads are replaced as a whole, or not at all.
    text = "".join(f"{head.chain} {head.sequence} {head.hash}\n" for head in heads)
    if path.exists() and not path.is_file():  # a pipe, or a terminal
        path.write_text(text, encoding="ascii")
        return
    written = path.with_name(f"{path.name}.{os.getpid()}")
    written.write_text(text, encoding="ascii")
    written.replace(path)


if __name__ == "__main__":
    sys.exit(main())
