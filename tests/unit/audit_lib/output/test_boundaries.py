"""Each limit of a line has a test below, at and above it."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import audit_lib
from audit_lib._output import stream as streams
from audit_lib._output.spool import Spool
from audit_lib._output.stream import SyncError, Target
from audit_lib._record.notes import add_notes
from audit_lib._record.size import fitted

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_line_without_a_chain_has_the_longest_length_with_its_end(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str], more: int
) -> None:
    audit_lib.configure(chain=False, max_bytes=4096)
    logger.audit.event("m", action="a")
    room = 4096 - len(capsys.readouterr().out)
    logger.audit.event("m" * (1 + room + more), action="a")
    line = capsys.readouterr().out
    assert len(line) <= 4096
    assert ("shortened" in line) is (more > 0)


@pytest.mark.parametrize(
    ("size", "at_once"), [(4094, True), (4095, True), (4096, False), (4097, False)]
)
def test_a_pipe_receives_a_line_that_is_atomic_at_once(
    monkeypatch: pytest.MonkeyPatch, size: int, at_once: bool
) -> None:
    """An empty line stands before it: 4,096 bytes (PIPE_BUF of Linux) with it."""
    monkeypatch.setattr(streams, "_PIPE_BUF", 4096)
    called: list[int] = []
    write = streams.Outlet._write_at_once
    monkeypatch.setattr(
        streams.Outlet,
        "_write_at_once",
        lambda self, file, line: (called.append(len(line)), write(self, file, line))[1],
    )
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="ascii") as stream:
        assert Target(stream).write(b"x" * (size - 1) + b"\n") is None
    with os.fdopen(reader, "rb") as read:
        assert len(read.read()) == size + 1
    assert called == ([size + 1] if at_once else [])


@pytest.mark.parametrize("present", ["text", ["list"], 5])
def test_notes_of_the_caller_that_are_no_object_are_kept(present: Any) -> None:
    document: dict[str, Any] = {"changes": {"notes": present}}
    add_notes(document, {"a": "masked"})
    assert document["changes"]["notes"] == {"notes": present, "a": "masked"}
    odd: dict[str, Any] = {"changes": present}
    add_notes(odd, {"a": "masked"})
    assert odd["changes"] == {"extra": present, "notes": {"a": "masked"}}


@pytest.mark.parametrize(("limit", "kept"), [(4096, 4), (4095, None)])
def test_an_object_is_cut_to_no_less_than_four_members(limit: int, kept: int | None) -> None:
    """The number of members is halved from a 32nd of the limit: 128 … 8, 4, and 127 … 7, which is too many."""
    inner = {f"{n:012}": "y" * 64 for n in range(10)}
    document = {"a": {f"{n}": inner for n in range(10)}}
    short = json.loads(fitted(document, {}, limit))
    if kept is None:
        assert "a" not in short
    else:
        assert [len(short["a"]), len(short["a"]["0"])] == [kept + 1, kept + 1]


def test_a_replayed_line_whose_fsync_fails_is_written_and_not_replayed_again(
    logger: audit_lib.AppLogger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool")
    Spool(tmp_path / "spool").append(b'{"message":"spooled"}\n')
    log = tmp_path / "log"
    handler = audit_lib.AuditFileHandler(log)
    logger.audit.addHandler(handler)
    write = Target.write

    def unsynced(self: Target, line: bytes, fsync: bool = False) -> Exception | None:
        return write(self, line, fsync) or (SyncError("disk") if b"spooled" in line else None)

    monkeypatch.setattr(Target, "write", unsynced)
    logger.audit.event("next", action="a")
    logger.audit.event("last", action="a")
    handler.close()
    found = [json.loads(line)["message"] for line in log.read_text().splitlines()]
    assert [text for text in found if "chain" not in text] == ["spooled", "next", "last"]
    assert (tmp_path / "spool").read_bytes() == b""


@pytest.mark.parametrize("written", [False, True])
def test_a_write_that_an_exception_ends_leaves_a_chain_that_the_next_one_follows(
    logger: audit_lib.AppLogger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Whether the line was written is unknown: its sequence is not used again."""
    log = tmp_path / "log"
    handler = audit_lib.AuditFileHandler(log)
    logger.audit.addHandler(handler)
    logger.audit.event("one", action="a")
    write = Target.write

    def interrupted(self: Target, line: bytes, fsync: bool = False) -> Exception | None:
        if b"two" in line:
            if written:
                write(self, line, fsync)
            raise KeyboardInterrupt
        return write(self, line, fsync)

    monkeypatch.setattr(Target, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        logger.audit.event("two", action="a")
    logger.audit.event("three", action="a")
    handler.close()
    with log.open("rb") as file:
        report = audit_lib.verify(file)
    assert report.problems == ()
    assert len(report.chains) == 2
    assert b'"follows":"' in log.read_bytes()
