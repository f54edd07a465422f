"""What only the library writes: neither `extra` nor the context replaces it, and no line is without it."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import audit_lib

Lines = Callable[[], list[dict[str, Any]]]
OWN = ("@timestamp", "message", "ecs", "log", "process", "chain", "hash")


@pytest.fixture(params=["without a LogRecord", "with a LogRecord"], autouse=True)
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write directly too, which pytest's own handlers prevent."""
    if request.param == "without a LogRecord":
        monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.clear()
    audit_lib.configure()


@pytest.mark.parametrize("given", ["x", {"level": "x"}])
@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("name", [*OWN, "log.level", "ecs.version", "process.pid", "event.id"])
def test_what_identifies_a_record_is_the_librarys_and_the_rest_is_kept_under_extra(
    logger: audit_lib.AppLogger, lines: Lines, name: str, bound: bool, given: Any
) -> None:
    if bound:
        audit_lib.bind(**{name: given}, user={"id": "7"})
        logger.audit.event("yes", action="a", extra={"mine": 1})
    else:
        logger.audit.event("yes", action="a", extra={name: given, "mine": 1, "user": {"id": "7"}})
    [line] = lines()
    assert line["message"] == "yes"
    assert line["log"]["logger"] == logger.audit.name
    assert line["process"]["pid"] == os.getpid()
    assert (line["log.level"], line["ecs.version"]) == ("info", "9.0.0")
    assert line["event"]["id"] != given
    assert line["extra"] == {name: given}
    assert (line["mine"], line["user"]) == (1, {"id": "7"})


def test_what_the_context_has_under_extra_already_is_kept(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    with audit_lib.context(extra={"a": 1}, log="x"), audit_lib.context(message="no"):
        logger.audit.event("m", action="a", extra={"process": 5})
    with audit_lib.context(extra="text", hash="h"):
        logger.audit.event("m", action="a")
    first, second = lines()
    assert first["extra"] == {"a": 1, "log": "x", "message": "no", "process": 5}
    assert second["extra"] == {"extra": "text", "hash": "h"}


def test_what_was_moved_is_masked_and_can_be_removed(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.bind(log={"password": "hunter22"}, process="p")
    logger.audit.event("m", action="a")
    audit_lib.unbind("log")
    logger.audit.event("m", action="a")
    first, second = lines()
    assert first["extra"] == {"log": {"password": "***"}, "process": "p"}
    assert first["changes"]["notes"] == {"$.extra.log.password": "masked"}
    assert second["extra"] == {"process": "p"}
    assert "changes" not in second


def test_a_record_that_is_cut_to_the_essential_fields_keeps_the_name_of_its_logger(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    """`context(log="x")` raised an AttributeError in the caller."""
    audit_lib.configure(max_bytes=4096)
    with audit_lib.context(log="x"):
        names = {f"{n:0100}": {f"{m:0100}": "x" * 90 for m in range(20)} for n in range(20)}
        logger.audit.event("m", action="a", extra=names)
    [line] = lines()
    assert line["log"]["logger"] == logger.audit.name
    assert line["changes"]["notes"] == {"$": "shortened"}


@pytest.mark.parametrize("written", ["JSON", "json"])
def test_what_lambda_reads_is_not_the_callers_whatever_the_case_of_the_variable(
    written: str,
) -> None:
    program = (
        "import audit_lib\n"
        "audit_lib.bind(level='debug')\n"
        "audit_lib.get_logger('app').audit.event('x', action='a', extra={'timestamp': 1})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={**os.environ, "AWS_LAMBDA_LOG_FORMAT": written},
    )
    written_lines = map(json.loads, filter(None, done.stdout.splitlines()))
    [line] = [each for each in written_lines if each["message"] == "x"]
    assert line["extra"] == {"level": "debug", "timestamp": 1}
    assert "level" not in line


def test_a_level_that_is_named_later_has_its_name(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.event("m", action="a", level=23)
    logging.addLevelName(23, "NOTICE")
    logger.audit.event("m", action="a", level=23)
    logging.addLevelName(23, "Level 23")
    assert [line["log.level"] for line in lines()] == ["level 23", "notice"]


@pytest.mark.parametrize("given", ["login", 5, ["login"], {"action": "login"}])
def test_an_ordinary_logger_may_have_any_event_in_its_extra(
    lines: Lines, given: Any, request: pytest.FixtureRequest
) -> None:
    ordinary = logging.getLogger(request.node.name)
    ordinary.setLevel(logging.INFO)
    ordinary.propagate = False
    ordinary.addHandler(audit_lib.AuditHandler())
    ordinary.info("m", extra={"event": given})
    record = ordinary.makeRecord("n", 20, "f", 1, "m", (), None, extra={"event": given})
    for line in (lines()[0], json.loads(audit_lib.AuditFormatter().format(record))):
        if isinstance(given, dict):
            assert line["event"] == {"kind": "event", "action": "login"}
        else:
            assert line["event"] == {"kind": "event"}
            assert line["extra"] == {"event": given}
