"""Thousands of tampered logs of several processes, and hundreds of whole ones: none undetected, none accused."""

import gzip
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import audit_lib
from audit_lib.__main__ import main
from tests.unit.audit_lib.proof.test_proof import (
    VISIBLE,
    double,
    empty,
    glue,
    join,
    lines_of,
    log_of,
    recompute,
    replay,
    swap,
    transported,
    vanish,
)

pytestmark = pytest.mark.large

Tampering = Callable[[list[bytes], random.Random], None]


def any_byte(lines: list[bytes], dice: random.Random) -> None:
    """One byte of a record, any of them, becomes any other one, a line end too."""
    at = dice.choice([at for at, line in enumerate(lines) if b'"chain"' in line])
    line = bytearray(lines[at][:-1])
    place = dice.randrange(len(line))
    line[place] = dice.choice([byte for byte in range(256) if byte != line[place]])
    lines[at : at + 1] = (bytes(line) + b"\n").splitlines(keepends=True)


def removed_bytes(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice([at for at, line in enumerate(lines) if b'"chain"' in line][:-1])
    begin = dice.randrange(len(lines[at]) - 1)
    lines[at] = lines[at][:begin] + lines[at][begin + dice.randrange(1, 40) :]


ANY = [*VISIBLE, any_byte, removed_bytes]
MOVED = {swap, double, replay, glue, join}  # what a transport may do, too
RUNS = 40


@pytest.fixture(scope="module", params=["sys.exit()", "os.kill(os.getpid(), 9)"])
def log(request: pytest.FixtureRequest) -> list[bytes]:
    return log_of(request.param)


def is_seen(lines: list[bytes], log: list[bytes]) -> bool:
    """A log with an open end, which a crash left, has to show more than that."""
    report, before = audit_lib.verify(lines), audit_lib.verify(log)
    if before.complete:
        return not report.complete
    ends = [chain.end for chain in report.chains].count("open")
    return bool(report.problems or ends > 1 or report.torn)


@pytest.mark.parametrize("tamper", ANY, ids=lambda each: each.__name__)
def test_plain(log: list[bytes], tamper: Tampering) -> None:
    for seed in range(RUNS):
        lines = log.copy()
        tamper(lines, random.Random(seed))
        if lines != log:
            # The last line of a chain that has no seal may be missing: the page says so.
            assert is_seen(lines, log) or missing_end(lines, log), f"{tamper.__name__} {seed}"


def missing_end(lines: list[bytes], log: list[bytes]) -> bool:
    """Return whether the only difference is the end of the chain that the killed process left open."""
    ends = {chain.id: chain.head for chain in audit_lib.verify(log).chains if chain.end == "open"}
    gone = [line for line in log if line not in lines]
    return bool(gone) and all(any(each.encode() in line for each in ends) for line in gone)


@pytest.mark.parametrize("tamper", [*ANY, recompute, vanish, empty], ids=lambda each: each.__name__)
def test_with_heads(log: list[bytes], tamper: Tampering) -> None:
    heads = [chain.head for chain in audit_lib.verify(log).chains]
    for seed in range(RUNS):
        lines = log.copy()
        tamper(lines, random.Random(seed))
        if lines != log:
            assert audit_lib.verify(lines, heads=heads).problems, f"{tamper.__name__} {seed}"


@pytest.mark.parametrize(
    "tamper", [each for each in ANY if each not in MOVED], ids=lambda each: each.__name__
)
def test_transported(log: list[bytes], tamper: Tampering) -> None:
    heads = [chain.head for chain in audit_lib.verify(log).chains]
    for seed in range(RUNS):
        dice = random.Random(seed)
        lines = log.copy()
        tamper(lines, dice)
        if lines != log:
            moved = transported(lines, dice)
            report = audit_lib.verify(moved, heads=heads, transported=True)
            assert report.problems, f"{tamper.__name__} {seed}"


@pytest.mark.parametrize("tamper", ANY, ids=lambda each: each.__name__)
def test_rotated_and_compressed(log: list[bytes], tamper: Tampering, tmp_path: Path) -> None:
    """Through the command: three files, one of them compressed, with stored heads."""
    heads = tmp_path / "heads"
    for seed in range(8):
        lines = log.copy()
        cuts = sorted(random.Random(seed).sample(range(1, len(lines)), 2))
        for name, part in (("log", log), ("changed", lines)):
            if name == "changed":
                tamper(lines, random.Random(seed))
            first, second, third = part[: cuts[0]], part[cuts[0] : cuts[1]], part[cuts[1] :]
            (tmp_path / f"{name}.2.gz").write_bytes(gzip.compress(b"".join(first)))
            (tmp_path / f"{name}.1").write_bytes(b"".join(second))
            (tmp_path / name).write_bytes(b"".join(third))
        names = [str(tmp_path / f"{{}}{end}") for end in (".2.gz", ".1", "")]
        assert main(["verify", *(n.format("log") for n in names), "--write-heads", str(heads)]) in {
            0,
            3,
        }
        if lines != log:
            found = main(["verify", *(n.format("changed") for n in names), "--heads", str(heads)])
            assert found == 1, f"{tamper.__name__} {seed}"


# ── whole logs ─────────────────────────────────────────────────────────────────────────────────

WRITER = """
import os, random, sys, threading, time, audit_lib
seed = int(sys.argv[1])
dice = random.Random(seed)
audit_lib.configure(max_bytes=200_000)
audit = audit_lib.get_logger('app').audit
def work(name):
    own = random.Random(f'{seed} {name}')
    for number in range(own.randrange(3, 9)):
        size = own.choice((10, 1_000, 5_000, 20_000, 80_000))
        audit.event(f'{name} {number}', action='x', extra={'f': 'x' * size})
threads = [threading.Thread(target=work, args=(n,)) for n in range(dice.randrange(1, 4))]
for thread in threads: thread.start()
if dice.random() < 0.4 and os.fork() == 0:
    work('child')
    if dice.random() < 0.5: os.kill(os.getpid(), 9)
    sys.exit()
for thread in threads: thread.join()
if seed % 3 == 0: os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("batch", range(10))
def test_whole_logs_are_never_accused(batch: int) -> None:
    """Long lines, threads and forks on one pipe, a slow reader, and crashes: 300 logs."""
    for seed in range(batch * 30, batch * 30 + 30):
        read, write = os.pipe()
        arguments = [sys.executable, "-c", WRITER]
        writers = [
            subprocess.Popen([*arguments, str(seed + part * 1_000)], stdout=write)
            for part in range(1 + seed % 2)
        ]
        os.close(write)
        parts = []
        while part := os.read(read, 30_000):
            parts.append(part)
            if seed % 4 == 0:
                time.sleep(0.0005)
        os.close(read)
        for writer in writers:
            writer.wait()
        lines = b"".join(parts).splitlines(keepends=True)
        report = audit_lib.verify(lines)
        assert report.problems == (), (seed, report.problems)
        assert report.torn <= 4
        moved = lines_of(b"".join(transported(lines, random.Random(seed))))
        assert audit_lib.verify(moved, transported=True).problems == (), seed
