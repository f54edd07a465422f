"""`health` says what happened to the records of the process, without writing one."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import audit_lib
from audit_lib._output.tally import tally

Lines = Callable[[], list[dict[str, Any]]]


class Sometimes(io.StringIO):
    """A stream that accepts lines while it is open."""

    accepts = True

    def write(self, text: str) -> int:
        if not self.accepts:
            raise OSError("no space left")
        return super().write(text)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    tally.clear()
    yield
    tally.clear()
    audit_lib.configure()


@pytest.fixture
def stream() -> Iterator[Sometimes]:
    audit = audit_lib.get_logger("shop-health").audit
    stream = Sometimes()
    audit.handlers = [audit_lib.AuditHandler(stream)]
    yield stream
    audit.handlers = []


def test_before_the_first_record_all_is_well() -> None:
    assert audit_lib.health() == {
        "ok": True,
        "last_written": None,
        "queued": 0,
        "spools": {},
        "failures": {"spooled": 0, "to_stderr": 0, "raised": 0},
        "last_failure": None,
    }


def test_the_last_written_record_is_known_by_its_time(stream: Sometimes) -> None:
    audit_lib.get_logger("shop-health").audit.info("x")
    assert audit_lib.health()["last_written"] == json.loads(stream.getvalue())["@timestamp"]


@pytest.mark.parametrize(
    ("policy", "instead"), [("stderr", "to_stderr"), ("spool", "spooled"), ("raise", "raised")]
)
def test_what_was_not_accepted_is_counted_with_its_reason(
    policy: Any, instead: str, stream: Sometimes, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    audit_lib.configure(on_failure=policy, spool=spool)
    audit = audit_lib.get_logger("shop-health").audit
    stream.accepts = False
    for _ in range(2):
        try:
            audit.info("x")
        except audit_lib.RecordLostError:
            assert policy == "raise"
    found = audit_lib.health()
    assert not found["ok"]
    assert found["last_written"] is None
    assert found["failures"] == {"spooled": 0, "to_stderr": 0, "raised": 0, instead: 2}
    assert found["last_failure"] == {
        "destination": "its stream",
        "error": "OSError: no space left",
        "instead": instead,
    }
    assert found["spools"] == ({str(spool): spool.stat().st_size} if policy == "spool" else {})
    json.dumps(found)
    stream.accepts = True
    audit.info("y")
    assert audit_lib.health()["ok"]
    assert audit_lib.health()["failures"][instead] == 2  # type: ignore[literal-required]


def test_refused_records_of_a_destination_stay_visible(tmp_path: Path) -> None:
    audit_lib.configure(spool=tmp_path / "spool")
    refused = tmp_path / "spool.cloudwatchlogs.eu-west-1.audit.refused"
    refused.write_text('{"a":1}\n')
    found = audit_lib.health()
    assert (found["ok"], found["spools"]) == (False, {str(refused): 8})


def test_each_of_several_destinations_has_to_accept(stream: Sometimes) -> None:
    audit = audit_lib.get_logger("shop-health").audit
    audit.addHandler(audit_lib.AuditFileHandler("/proc/no such folder/audit.log"))
    audit.info("x")
    assert not audit_lib.health()["ok"]
    audit.handlers.pop()
    audit.info("y")


def test_a_forked_process_counts_its_own(stream: Sometimes) -> None:
    audit_lib.get_logger("shop-health").audit.info("x")
    child = os.fork()
    if not child:
        os._exit(audit_lib.health()["last_written"] is not None)
    assert os.waitpid(child, 0)[1] == 0
