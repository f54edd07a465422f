"""A spool is on the disk when the call returns; a forked process does not write its parent's lines."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

import audit_lib
from audit_lib._output.spool import Spool


def test_a_spools_lines_are_on_the_disk_when_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    path = tmp_path / "spool"
    monkeypatch.setattr("os.fsync", lambda _: synced.append(path.read_bytes()))
    spool = Spool(path)
    spool.append(b'{"a":1}\n')
    spool.append(b'{"a":2}\n')
    assert synced == [b'{"a":1}\n', b'{"a":1}\n{"a":2}\n']


def test_what_stays_in_a_spool_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append(b'{"a":1}\n{"a":2}\n')
    steps: list[str] = []
    replace = os.replace
    monkeypatch.setattr("os.fsync", lambda _: steps.append("fsync"))
    monkeypatch.setattr("os.replace", lambda *paths: (steps.append("replace"), replace(*paths)))

    def only_the_first(lines: list[bytes]) -> None:
        if b"2" in lines[0]:
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        spool.replay(only_the_first)
    assert steps == ["fsync", "replace"]
    assert (tmp_path / "spool").read_bytes() == b'{"a":2}\n'


class ForksOnce(io.StringIO):
    """A stream whose first write causes another record, then a fork."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file, self.child = file, -1

    def write(self, text: str) -> int:
        if self.child < 0:
            self.child = 0
            audit = audit_lib.get_logger("shop-forks").audit
            audit.info("waiting")  # the handler is busy: it is written after this one
            self.child = os.fork()
            if not self.child:
                audit.info("child")
                os._exit(0)
            os.waitpid(self.child, 0)
        with self.file.open("a") as file:
            return file.write(text)


def test_a_forked_process_does_not_write_what_waits_in_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "log"
    audit = audit_lib.get_logger("shop-forks").audit
    audit.handlers = [audit_lib.AuditHandler(ForksOnce(file))]
    try:
        audit.info("outer")
    finally:
        audit.handlers = []
    written: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(each["message"] for each in written) == ["child", "outer", "waiting"]
