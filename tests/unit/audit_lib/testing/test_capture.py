"""`capture()`: the records of a block, outside pytest."""

import subprocess
import sys
import threading

import pytest

import audit_lib
from audit_lib.testing import AuditRecords, capture


def test_a_block_captures_the_records_of_all_loggers_and_threads(
    logger: audit_lib.AppLogger,
) -> None:
    logger.audit.info("before")
    with capture() as records:
        logger.audit.record_updated("Changed", "user", {"a": 1}, {"a": 2}, record_id=7)
        thread = threading.Thread(target=audit_lib.get_logger("other").audit.info, args=("x",))
        thread.start()
        thread.join()
        logger.info("not an audit record")
    logger.audit.info("after")
    assert isinstance(records, AuditRecords)
    assert [each["message"] for each in records] == ["Changed", "x"]
    assert records.one(action="user-updated", record_id="7", after={"a": 2})
    assert len(records.all()) == 2
    records.none(outcome="failure")


def test_a_check_that_fails_is_an_assertion_error(logger: audit_lib.AppLogger) -> None:
    with capture() as records:
        logger.audit.info("x")
    with pytest.raises(AssertionError, match="expected one audit record, found none"):
        records.one(action="user-updated")
    with pytest.raises(AssertionError, match="expected no such audit record"):
        records.none()


def test_blocks_nest_and_end_when_they_raise(logger: audit_lib.AppLogger) -> None:
    seen: list[AuditRecords] = []

    def fail() -> None:
        with capture() as inner:
            seen.append(inner)
            logger.audit.info("both")
            raise ValueError("x")

    with capture() as outer:
        with pytest.raises(ValueError, match="x"):
            fail()
        logger.audit.info("outer")
    assert [len(seen[0]), len(outer)] == [1, 2]


def test_it_needs_no_pytest() -> None:
    program = """
import sys
sys.modules["pytest"] = None  # as where it is not installed
import audit_lib, audit_lib.testing
with audit_lib.testing.capture() as records:
    audit_lib.get_logger("shop").audit.event("In", action="login")
assert records.one(action="login")["message"] == "In"
assert not hasattr(audit_lib.testing, "audit_records")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"login"' in done.stdout, "it is written too"
