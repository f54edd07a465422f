"""`verify` reports nothing for complete logs, and for tampered ones what and where."""

import contextlib
import gzip
import io
import json
import logging
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import audit_lib
from audit_lib.__main__ import main

# Four processes on one pipe: a parent, one that it forks, and two others; `{end}` ends them.
WORKER = """
import os, sys, audit_lib
audit = audit_lib.get_logger('app').audit
mine = sys.argv[1]
for number in range(12):
    audit.record_updated(f'{mine} {number}', 'user', {'n': 0}, {'n': number + 1}, record_id=number)
    if mine == 'a' and number == 5 and os.fork() == 0: mine = 'b'
if mine == 'b': END
elif mine == 'a': os.wait()
print('an ordinary line of', mine, flush=True)
"""


def lines_of(output: bytes) -> list[bytes]:
    """Return the lines without the empty ones, which are written before a record."""
    return [line for line in output.splitlines(keepends=True) if line.strip()]


def log_of(end: str = "sys.exit()") -> list[bytes]:
    program = [sys.executable, "-c", WORKER.replace("END", end)]
    others = [subprocess.Popen([*program, name], stdout=subprocess.PIPE) for name in "cd"]
    with subprocess.Popen([*program, "a"], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        sources = [lines_of(first.stdout.read())]
    sources += [lines_of(other.communicate()[0]) for other in others]
    mixed = random.Random(7)
    lines: list[bytes] = []
    while any(sources):
        source = mixed.choice([each for each in sources if each])
        lines.append(source.pop(0))
    return lines


@pytest.fixture(scope="module")
def whole() -> list[bytes]:
    return log_of()


@pytest.fixture(scope="module")
def crashed() -> list[bytes]:
    return log_of("os.kill(os.getpid(), 9)")


def test_a_whole_log_is_complete(whole: list[bytes]) -> None:
    report = audit_lib.verify(whole)
    assert report.problems == ()
    assert report.complete
    assert [chain.end for chain in report.chains] == ["sealed"] * 4
    assert (report.lines, report.unchained) == (len(whole), 3)
    assert sum(chain.lines for chain in report.chains) == len(whole) - 3
    assert report == audit_lib.verify(line.decode().rstrip("\n") for line in whole)
    assert report == audit_lib.verify(line.replace(b"\n", b"\r\n") for line in whole)


def test_a_crash_is_an_open_end_and_nobody_is_accused(crashed: list[bytes]) -> None:
    report = audit_lib.verify(crashed)
    assert report.problems == ()
    assert not report.complete
    assert sorted(chain.end for chain in report.chains) == ["open", "sealed", "sealed", "sealed"]


def test_lines_of_before_the_chain_are_counted_and_nothing_else(whole: list[bytes]) -> None:
    report = audit_lib.verify([b'{"message":"old"}\n'] * 10 + whole)
    assert report.complete
    assert report.unchained == 13


# ── what somebody may do to a log ──────────────────────────────────────────────────────────────


def _chained(lines: list[bytes]) -> list[int]:
    return [at for at, line in enumerate(lines) if b'"chain"' in line]


def alter(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice(_chained(lines))
    line = bytearray(lines[at])
    place = dice.randrange(len(line) - 1)
    line[place] = dice.choice([each for each in b"abcdef0123456789" if each != line[place]])
    lines[at] = bytes(line)


def alter_the_end(lines: list[bytes], dice: random.Random) -> None:
    """The last two bytes of every line, without which no reader can parse it."""
    lines[:] = [line[:-3] + b"xx\n" if b'"chain"' in line else line for line in lines]


def repeat_with_another_text(lines: list[bytes], dice: random.Random) -> None:
    """A copy of a line, after it, with the hash of the original."""
    at = dice.choice([at for at in _chained(lines) if b'"after":{"n":' in lines[at]])
    forged = lines[at].replace(b'"after":{"n":', b'"after":{"n":9', 1)
    lines.insert(dice.randrange(at + 1, len(lines) + 1), forged)


def mask(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice([at for at in _chained(lines) if b'"MainProcess"' in lines[at]])
    lines[at] = lines[at].replace(b'"MainProcess"', b'"***********"', 1)


def glue(lines: list[bytes], dice: random.Random) -> None:
    """Text of another program on the line of a record, before or after it."""
    at = dice.choice(_chained(lines))
    other = dice.choice([b"Importing {x} ", b'{"a":1}', b"\x00", b'{"@timestamp":"2026-'])
    after = lines[at][:-1] + other + b"\n"
    lines[at] = dice.choice([other + lines[at], after])


def join(lines: list[bytes], dice: random.Random) -> None:
    """Two records on one line."""
    at = dice.choice([at for at in _chained(lines) if at + 1 in _chained(lines)])
    lines[at : at + 2] = [lines[at][:-1] + dice.choice([b"", b" "]) + lines[at + 1]]


def alter_a_value(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice([at for at in _chained(lines) if b'"after":{"n":' in lines[at]])
    lines[at] = lines[at].replace(b'"after":{"n":', b'"after":{"n":9', 1)


def delete(lines: list[bytes], dice: random.Random) -> None:
    del lines[dice.choice(_chained(lines))]


def delete_a_run(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice(_chained(lines)[:-8])
    del lines[at : at + dice.randrange(2, 8)]


def swap(lines: list[bytes], dice: random.Random) -> None:
    """Two lines of one chain; the order of lines of different chains does not matter."""
    at = dice.choice(_chained(lines))
    chain = lines[at][-110:-78]
    other = dice.choice(
        [each for each in _chained(lines) if each != at and lines[each][-110:-78] == chain]
    )
    lines[at], lines[other] = lines[other], lines[at]


def double(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice(_chained(lines))
    lines.insert(dice.randrange(len(lines)), lines[at])


def insert(lines: list[bytes], dice: random.Random) -> None:
    """A line made from another one, with the next sequence."""
    at = dice.choice(_chained(lines))
    forged = lines[at].replace(b'"sequence":', b'"sequence":1', 1)
    lines.insert(at + 1, forged)


def cut_head(lines: list[bytes], dice: random.Random) -> None:
    del lines[: dice.randrange(1, len(lines) // 2)]


def cut_tail(lines: list[bytes], dice: random.Random) -> None:
    last = _chained(lines)[-1]
    del lines[dice.randrange(len(lines) // 2, last + 1) :]


def splice(lines: list[bytes], dice: random.Random) -> None:
    """The end of one chain instead of that of another."""
    at, other = dice.sample(_chained(lines), 2)
    while lines[at][-110:-78] == lines[other][-110:-78]:
        at, other = dice.sample(_chained(lines), 2)
    lines[at] = lines[other]


def replay(lines: list[bytes], dice: random.Random) -> None:
    lines += lines[: dice.randrange(10, len(lines))]


def edit_the_proof(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice(_chained(lines))
    line = bytearray(lines[at])
    place = len(line) - dice.randrange(4, 110)
    while chr(line[place]) not in "0123456789abcdef" or line[place + 1 : place + 3] == b'":':
        place -= 1
    line[place] = dice.choice([each for each in b"0123456789" if each != line[place]])
    lines[at] = bytes(line)


def take_the_proof_off(lines: list[bytes], dice: random.Random) -> None:
    at = dice.choice(_chained(lines))
    lines[at] = lines[at].partition(b',"chain"')[0] + b"}\n"


VISIBLE = [
    alter, alter_the_end, repeat_with_another_text, mask, glue, join, alter_a_value, delete, delete_a_run, swap, double, insert, cut_head, cut_tail, splice,
    replay, edit_the_proof, take_the_proof_off,
]  # fmt: skip


@pytest.mark.parametrize("tamper", VISIBLE, ids=lambda tamper: tamper.__name__)
def test_each_tampering_is_seen(whole: list[bytes], tamper: Callable[..., None]) -> None:
    """A hundred times each, on the log of four processes."""
    for seed in range(100):
        lines = whole.copy()
        tamper(lines, random.Random(seed))
        if lines != whole:
            assert not audit_lib.verify(lines).complete, f"{tamper.__name__} {seed}"


def recompute(lines: list[bytes], dice: random.Random) -> None:
    """With the format, a chain can be rewritten from any line on: it has no secret."""
    from hashlib import sha256

    at = dice.choice([at for at in _chained(lines) if b'"after":{"n":' in lines[at]])
    chain = lines[at][-110:-78]
    hash_ = b"0" * 64
    for place in _chained(lines):
        if lines[place][-110:-78] == chain:
            if place == at:
                lines[at] = lines[at].replace(b'"after":{"n":', b'"after":{"n":9', 1)
            body = lines[place][:-76]
            hash_ = sha256(hash_ + body).hexdigest().encode()
            lines[place] = body + b',"hash":"' + hash_ + b'"}\n'


def vanish(lines: list[bytes], dice: random.Random) -> None:
    chain = lines[dice.choice(_chained(lines))][-110:-78]
    lines[:] = [line for line in lines if line[-110:-78] != chain]


def empty(lines: list[bytes], dice: random.Random) -> None:
    lines.clear()


@pytest.mark.parametrize("tamper", [*VISIBLE, recompute, vanish, empty], ids=lambda t: t.__name__)
def test_with_the_heads_kept_elsewhere_everything_is_seen(
    whole: list[bytes], tamper: Callable[..., None]
) -> None:
    heads = [chain.head for chain in audit_lib.verify(whole).chains]
    assert audit_lib.verify(whole, heads=heads).complete
    for seed in range(30):
        lines = whole.copy()
        tamper(lines, random.Random(seed))
        assert lines == whole or not audit_lib.verify(lines, heads=heads).complete, seed


# ── what a transport does to a log, which is no tampering ──────────────────────────────────────


def transported(lines: list[bytes], dice: random.Random) -> list[bytes]:
    """Return lines as CloudWatch exports them: in any order, some twice, each after its time."""
    moved = [*lines, *dice.sample(lines, len(lines) // 5)]
    dice.shuffle(moved)
    return [b"2026-11-25T09:00:00.000Z " + line for line in moved]


def test_what_a_transport_does_to_a_whole_log_is_no_problem(whole: list[bytes]) -> None:
    in_order = audit_lib.verify(whole)
    for seed in range(50):
        lines = transported(whole, random.Random(seed))
        assert not audit_lib.verify(lines).intact
        report = audit_lib.verify(lines, heads=[c.head for c in in_order.chains], transported=True)
        assert report.problems == ()
        assert report.complete
        assert report.displaced > len(lines) // 4
        assert sorted(report.chains) == sorted(in_order.chains)


def test_a_crash_is_an_open_end_after_a_transport_too(crashed: list[bytes]) -> None:
    report = audit_lib.verify(transported(crashed, random.Random(1)), transported=True)
    assert report.problems == ()
    assert sorted(chain.end for chain in report.chains) == ["open", "sealed", "sealed", "sealed"]


@pytest.mark.parametrize(
    "tamper",
    # A transport may also put a time before a line, and join lines.
    [each for each in VISIBLE if each not in {swap, double, replay, glue, join}],
    ids=lambda tamper: tamper.__name__,
)
def test_each_tampering_is_seen_after_a_transport(
    whole: list[bytes], tamper: Callable[..., None]
) -> None:
    for seed in range(50):
        dice = random.Random(seed)
        lines = whole.copy()
        tamper(lines, dice)
        if lines != whole:
            moved = transported(lines, dice)
            assert not audit_lib.verify(moved, transported=True).complete, seed


def test_a_line_written_anew_is_seen_after_a_transport_by_the_head_alone(
    whole: list[bytes],
) -> None:
    heads = [chain.head for chain in audit_lib.verify(whole).chains]
    for seed in range(30):
        dice = random.Random(seed)
        lines = whole.copy()
        recompute(lines, dice)
        report = audit_lib.verify(transported(lines, dice), heads=heads, transported=True)
        assert {problem.kind for problem in report.problems} == {"altered"}


def test_swaps_all_along_take_no_longer_than_the_log(tmp_path: Path) -> None:
    """If each gap were searched among all closed ones, this would take minutes."""
    with (tmp_path / "log").open("w") as file:
        handler = audit_lib.AuditHandler(file)
        audit = audit_lib.get_logger("many").audit
        audit.addHandler(handler)
        for number in range(20_000):
            audit.info("%d", number)
        handler.seal()
        audit.removeHandler(handler)
    lines = (tmp_path / "log").read_bytes().splitlines()
    lines[::2], lines[1::2] = lines[1::2], lines[::2]
    report = audit_lib.verify(lines, transported=True)
    assert report.complete
    assert report.displaced == len(lines) // 2


# ── what it says ───────────────────────────────────────────────────────────────────────────────


def one_chain() -> list[bytes]:
    program = (
        "import audit_lib; audit = audit_lib.get_logger('app').audit\n"
        "for number in range(8): audit.info('%d', number)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return lines_of(done.stdout)


def kinds(lines: list[bytes]) -> list[tuple[int, str]]:
    return [(problem.line, problem.kind) for problem in audit_lib.verify(lines).problems]


def test_line_and_kind_are_said() -> None:
    lines = one_chain()
    assert len(lines) == 10
    assert [line[15:39] for line in lines] == sorted(line[15:39] for line in lines)
    changed = lines[4].replace(b'"message":"3"', b'"message":"X"')
    assert kinds([*lines[:4], changed, *lines[5:]]) == [(5, "altered")]
    assert kinds([*lines[:4], *lines[5:]]) == [(5, "missing")]
    assert kinds([*lines[:4], lines[5], lines[4], *lines[6:]]) == [(6, "reordered")]
    assert kinds([*lines[:4], lines[3], *lines[4:]]) == [(5, "doubled")]
    assert kinds([*lines[:4], changed, *lines[4:]]) == [(5, "inserted")]
    assert kinds(lines[2:]) == [(1, "missing")]
    assert kinds([*lines, changed]) == [(11, "inserted")]
    for transported in (False, True):  # a repeated line has the same bytes, nothing less
        report = audit_lib.verify([*lines, changed], transported=transported)
        assert [problem.kind for problem in report.problems] == ["inserted"]
    assert kinds(lines[:-3]) == []
    assert [chain.end for chain in audit_lib.verify(lines[:-3]).chains] == ["open"]


@pytest.mark.parametrize("transported", [False, True])
@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda line: line[:-3] + b"xx\n", "altered", "the end of line 4"),
        (lambda line: line.replace(b"MainProcess", b"***********"), "masked", "asterisks"),
        (lambda line: line[:-1] + b" and more\n", "glued", "8 bytes of other text"),
        (lambda line: line.replace(b'"3"', b'"4"'), "altered", "line 4"),
    ],
)
def test_a_damaged_line_is_named_for_what_it_is(
    change: Callable[[bytes], bytes], kind: str, said: str, transported: bool
) -> None:
    lines = one_chain()
    lines[4] = change(lines[4])
    problems = audit_lib.verify(lines, transported=transported).problems
    assert (problems[0].line, problems[0].kind) == (5, kind)
    assert said in problems[0].text
    assert {problem.kind for problem in problems} <= {kind, "missing"}


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (b"Importing {x} ", "14 bytes of other text is on the line of line 4"),
        (b'{"@timestamp":"2026-11-28T', "a line torn by a crash is on the line of line 4"),
        (b'{"a":1}', "7 bytes of other text"),
    ],
)
def test_a_record_in_a_glued_line_still_proves_itself(before: bytes, said: str) -> None:
    lines = one_chain()
    lines[4] = before + lines[4]
    [problem] = audit_lib.verify(lines).problems
    assert (problem.line, problem.kind) == (5, "glued")
    assert said in problem.text
    assert audit_lib.verify(lines, transported=True).complete  # a transport writes a time there
    lines[4] = lines[4].replace(b'"3"', b'"4"')
    assert "altered" in {kind for _, kind in kinds(lines)}


def test_two_records_on_one_line_are_both_read() -> None:
    lines = one_chain()
    lines[4:6] = [lines[4][:-1] + lines[5]]
    [problem] = audit_lib.verify(lines).problems
    assert (problem.line, problem.kind) == (5, "glued")
    lines[4] = lines[4].replace(b'"4"', b'"5"')
    assert "altered" in {kind for _, kind in kinds(lines)}


def test_a_record_that_contains_a_record_is_one_record() -> None:
    inner = one_chain()[3].decode().rstrip("\n")
    program = (
        "import audit_lib, json, sys; audit = audit_lib.get_logger('app').audit\n"
        "copy = json.loads(sys.argv[1])\n"
        "for number in range(4): audit.info('x', extra={'copy': copy, 'texts': [sys.argv[1]]})"
    )
    done = subprocess.run([sys.executable, "-c", program, inner], capture_output=True, check=True)
    lines = lines_of(done.stdout)
    assert b'"hash":"' in lines[2][:-80]
    assert audit_lib.verify(lines).complete
    assert audit_lib.verify(reversed(lines), transported=True).complete
    assert kinds(lines[:2] + lines[3:]) == [(3, "missing")]


def test_an_empty_line_is_nothing() -> None:
    lines = one_chain()
    report = audit_lib.verify([b"\n", *lines[:3], b"\r\n", *lines[3:], b""])
    assert report.complete
    assert report.unchained == 0


def test_a_last_line_that_is_torn_is_an_open_end() -> None:
    lines = one_chain()
    for end in (30, -90, -77, -70, -12, -2):
        report = audit_lib.verify([*lines[:-1], lines[-1][:end]])
        assert (report.problems, report.torn) == ((), 1), end
        assert not report.complete
    # The line that a crash left is followed by those of other processes.
    other = one_chain()
    report = audit_lib.verify([*lines[:-1], lines[-1][:40] + b"\n", *other])
    assert (report.intact, report.complete, report.torn) == (True, False, 1)


def test_heads_are_not_overwritten_after_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = one_chain()
    log, heads = tmp_path / "audit.log", tmp_path / "heads"
    log.write_bytes(b"".join(lines[:6]))
    assert main(["verify", str(log), "--write-heads", str(heads)]) == 3
    stored = heads.read_text()
    assert " 5 " in stored
    log.write_bytes(b"".join([*lines[:4], *lines[5:]]))
    assert main(["verify", str(log), "--heads", str(heads), "--write-heads", str(heads)]) == 1
    assert heads.read_text() == stored
    assert "heads: not written, because of the problems" in capsys.readouterr().err
    log.write_bytes(b"".join(lines))
    assert main(["verify", str(log), "--heads", str(heads), "--write-heads", str(heads)]) == 0
    assert " 9 " in heads.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.log", "heads"]


def test_heads_are_not_overwritten_for_an_empty_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, heads = tmp_path / "audit.log", tmp_path / "heads"
    log.write_bytes(b"".join(one_chain()))
    main(["verify", str(log), "--write-heads", str(heads)])
    stored = heads.read_text()
    log.write_bytes(b"")
    assert main(["verify", str(log), "--write-heads", str(heads)]) == 3
    assert heads.read_text() == stored
    assert "not written, because there is no chain" in capsys.readouterr().err


def test_chains_that_the_heads_do_not_contain_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, heads = tmp_path / "audit.log", tmp_path / "heads"
    log.write_bytes(b"".join(one_chain()))
    main(["verify", str(log), "--write-heads", str(heads)])
    log.write_bytes(log.read_bytes() + b"".join(one_chain()))
    assert main(["verify", str(log), "--heads", str(heads)]) == 0
    assert "1 chains are not among the stored heads: they are newer, or forged" in (
        capsys.readouterr().out
    )


def test_lines_that_come_late_are_checked_all_the_same() -> None:
    lines = one_chain()
    late = [*lines[:2], *lines[6:], *reversed(lines[2:6])]
    assert {kind for _, kind in kinds(late)} == {"reordered"}
    late[-1] = late[-1].replace(b'"message"', b'"massage"')
    assert "altered" in {kind for _, kind in kinds(late)}


def test_a_log_without_a_chain_proves_nothing() -> None:
    for lines in ([], [b'{"message":"x"}\n']):
        report = audit_lib.verify(lines)
        assert report.intact
        assert not report.complete


def test_a_child_proves_its_parents_length(whole: list[bytes]) -> None:
    """The chains of forked processes show that their parent's chain was cut."""
    [opening] = [line for line in whole if b'"chain":{"parent"' in line]
    parent = opening.partition(b'"parent":"')[2][:32]
    cut = [line for line in whole if line[-110:-78] != parent or b'"sequence":0,' in line]
    [problem] = audit_lib.verify(cut).problems
    assert (problem.kind, problem.chain) == ("cut", parent.decode())
    assert problem.line == cut.index(opening) + 1


def test_a_torn_line_begins_another_chain_that_says_so() -> None:
    """A disk that is full in the middle of a line, and later has room again."""
    program = (
        "import os, resource, signal, sys, audit_lib\n"
        "audit = audit_lib.get_logger('app').audit\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "for number in range(3): audit.info('%d', number)\n"
        "size = os.fstat(1).st_size + 100\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
        "audit.info('torn')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "audit.info('after')"
    )
    import tempfile

    with tempfile.TemporaryFile() as file:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=file, stderr=subprocess.PIPE, check=True
        )
        file.seek(0)
        lines = lines_of(file.read())
    assert b"File too large" in done.stderr
    assert b'"message":"torn"' in done.stderr
    report = audit_lib.verify(lines)
    assert report.complete, report
    assert [chain.end for chain in report.chains] == ["continued", "sealed"]
    assert (report.torn, report.unchained) == (1, 0)
    assert b'"message":"after"' in lines[-2]


def test_records_in_hostile_words_break_no_proof(tmp_path: Path) -> None:
    forged = ',"chain":{"sequence":1,"id":"' + "a" * 32 + '"},"hash":"' + "b" * 64 + '"}'
    file = (tmp_path / "log").open("w")
    handler = audit_lib.AuditHandler(file)
    audit = audit_lib.get_logger("hostile").audit
    audit.addHandler(handler)
    try:
        audit.info(forged)
        audit.info("x", extra={"event": {"sequence": 7, "z": {"sequence": 8}}, "chain": {"id": 1}})
        audit.event("no seal", action="audit-chain-sealed", extra={"hash": "c" * 64, "sequence": 3})
        audit.record_updated("x", "user", {}, {"hash": "b" * 64, "chain": {"id": "a" * 32}})
        handler.seal()
    finally:
        audit.removeHandler(handler)
        file.close()
    lines = (tmp_path / "log").read_bytes().splitlines()
    report = audit_lib.verify(lines)
    assert report.complete
    assert report.chains[0].lines == 6
    documents = [json.loads(line) for line in lines]
    assert [document["chain"]["sequence"] for document in documents] == list(range(6))
    assert len({document["chain"]["id"] for document in documents}) == 1
    assert all(list(document)[-2:] == ["chain", "hash"] for document in documents)


def test_an_ordinary_loggers_lines_can_prove_themselves_too(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        handler = audit_lib.AuditHandler(file)
        for text in ("one", "x" * 30_000):
            handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, text, None, None))
        handler.seal()
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert audit_lib.verify(lines).complete
    assert [json.loads(line)["chain"]["sequence"] for line in lines] == [0, 1, 2, 3]


def test_no_chain_where_it_is_not_wanted_or_no_log(
    logger: audit_lib.AppLogger, tmp_path: Path
) -> None:
    stand_in = io.StringIO()
    with contextlib.redirect_stdout(stand_in):
        logger.audit.info("x")
    assert '"chain"' not in stand_in.getvalue()
    audit_lib.configure(chain=False)
    try:
        with (tmp_path / "log").open("w") as file, contextlib.redirect_stdout(file):
            logger.audit.info("x")
    finally:
        audit_lib.configure()
    assert '"chain"' not in (tmp_path / "log").read_text()


def test_another_stream_begins_another_chain(logger: audit_lib.AppLogger, tmp_path: Path) -> None:
    logger.audit.addHandler(audit_lib.AuditHandler())  # one that has no chain yet
    for name in "ab":
        with (tmp_path / name).open("w") as file, contextlib.redirect_stdout(file):
            logger.audit.info("x")
            logger.audit.info("y")
    lines = (tmp_path / "a").read_bytes().splitlines() + (tmp_path / "b").read_bytes().splitlines()
    report = audit_lib.verify(lines)
    assert report.problems == ()
    assert [chain.end for chain in report.chains] == ["continued", "open"]


def test_eight_threads_make_one_chain_in_order() -> None:
    program = (
        "import threading, audit_lib\n"
        "audit = audit_lib.get_logger('app').audit\n"
        "work = lambda: [audit.info('%d', number) for number in range(500)]\n"
        "threads = [threading.Thread(target=work) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    report = audit_lib.verify(done.stdout.splitlines())
    assert report.complete
    assert [chain.lines for chain in report.chains] == [4002]


# ── the command ────────────────────────────────────────────────────────────────────────────────


def command(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str]:
    status = main(["verify", *map(str, arguments)])
    return status, "".join(capsys.readouterr())


def test_the_command_reads_rotated_and_packed_files_as_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = one_chain()
    old, new, heads = tmp_path / "log.1.gz", tmp_path / "log", tmp_path / "heads"
    old.write_bytes(gzip.compress(b"".join(lines[:5])))
    new.write_bytes(b"".join(lines[5:]))
    status, said = command(capsys, old, new, "--write-heads", heads)
    assert (status, said) == (0, "10 lines: 10 in 1 chains, 0 in no chain; 0 problems\n")
    status, said = command(capsys, new)
    assert status == 1
    assert said.startswith("line 1: missing: 5 before this one, from its beginning (chain ")
    new.write_bytes(b"".join(lines[5:8]))
    status, said = command(capsys, old, new)
    assert status == 3
    assert "open end after its line 7: its process is running, was killed or crashed" in said
    status, said = command(capsys, old, new, "--heads", heads)
    assert status == 1
    assert "at the end: cut: according to the stored head, its last line is 9 or later" in said


def test_the_command_takes_what_a_transport_does_for_no_problem(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = one_chain()
    log = tmp_path / "log"
    log.write_bytes(b"".join([*lines[5:], *lines[:6]]))
    status, said = command(capsys, log)
    assert status == 1
    assert (
        "a transport may cause all of these problems; --transported checks for the others" in said
    )
    status, said = command(capsys, log, "--transported")
    assert (status, said.splitlines()[0]) == (
        0, "6 lines are late or repeated, which a transport may cause"
    )  # fmt: skip
    log.write_bytes(b"".join([*lines[5:], *lines[:4]]))
    status, said = command(capsys, log, "--transported")
    assert (status, "missing: 1 before this one" in said) == (1, True)


def test_the_command_reads_what_is_packed_once_twice_or_in_parts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = one_chain()
    once, whole = gzip.compress(b"".join(lines[:4])), gzip.compress(b"".join(lines))
    packings = [whole, gzip.compress(whole), once + gzip.compress(b"".join(lines[4:]))]
    for number, packed in enumerate(packings):
        log = tmp_path / f"object-{number}"
        log.write_bytes(packed)
        assert command(capsys, log) == (0, "10 lines: 10 in 1 chains, 0 in no chain; 0 problems\n")
        log.write_bytes(packed[:-20])
        status, said = command(capsys, log)
        assert (status, "Compressed file ended before" in said) == (2, True)
        log.write_bytes(packed[:40] + bytes(20) + packed[60:])
        assert command(capsys, log)[0] == 2


def test_the_command_says_what_it_cannot_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "heads").write_text("nonsense\n")
    assert command(capsys, tmp_path / "none") == (
        2, f"audit_lib verify: {tmp_path / 'none'}: No such file or directory\n"
    )  # fmt: skip
    status, said = command(capsys, "-", "--heads", tmp_path / "heads")
    assert (status, "line 1: found 'nonsense'; write a chain id" in said) == (2, True)


def test_the_command_runs_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"".join(one_chain()))
    done = subprocess.run(
        [sys.executable, "-m", "audit_lib", "verify", str(tmp_path / "log")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
