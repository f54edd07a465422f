"""`ecs_logging` formats ordinary lines; neither they nor the audit records lose anything."""

import io
import json
import logging
from typing import Any

import ecs_logging
import pytest

import audit_lib


def standard_output(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return standard output, to which the root logger writes with `ecs_logging`.

    Not a fixture: pytest puts its own standard output in place before the test runs.
    """
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [with_ecs_formatter(stream)])
    monkeypatch.setattr(root, "level", logging.INFO)
    return stream


def with_ecs_formatter(stream: io.StringIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ecs_logging.StdlibFormatter())
    return handler


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in found if line["log"]["logger"] != "audit_lib.audit"]


def test_each_line_is_written_once_by_its_own_formatter(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = standard_output(monkeypatch)
    logger = audit_lib.get_logger("shop-with-ecs")
    logger.setLevel(logging.INFO)
    logger.info("ordinary", extra={"order": 7})
    logger.audit.record_updated("Changed", "user", {"a": 1}, {"a": 2}, record_id=7)
    logger.warning("ordinary again")
    first, changed, last = lines(stdout)
    assert [first["log"]["logger"], changed["log"]["logger"]] == [
        "shop-with-ecs",
        "shop-with-ecs.audit",
    ]
    assert (first["message"], first["order"], last["message"]) == ("ordinary", 7, "ordinary again")
    assert changed["changes"]["after"] == {"a": 2}
    assert set(changed) >= set(first) - {"order"}


def test_an_ecs_formatter_on_the_audit_logger_gets_the_record_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In addition to the line on standard output, which the other handler does not affect."""
    stdout = standard_output(monkeypatch)
    audit = audit_lib.get_logger("shop-both-handlers").audit
    second = io.StringIO()
    audit.handlers = [with_ecs_formatter(second)]
    try:
        audit.record_updated("Changed", "user", {"a": 1}, {"a": 2}, record_id=7)
        audit.info("simple", extra={"password": "hunter2"})
    finally:
        audit.handlers = []
    changed, simple = lines(stdout)
    assert changed["changes"]["record_id"] == "7"
    theirs = lines(second)
    assert [each["message"] for each in theirs] == ["Changed", "simple"]
    assert theirs[0]["changes"]["after"] == {"a": 2}
    assert "hunter2" not in stdout.getvalue() + second.getvalue()
    assert simple["password"] == theirs[1]["password"]


def test_the_audit_formatter_and_theirs_can_change_places_on_one_handler() -> None:
    """Formatters do not change the record for each other."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("one-handler-two-formatters")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    record = logger.makeRecord(
        logger.name, logging.INFO, __file__, 1, "hello %s", ("Ana",), None, extra={"order": 7}
    )
    for formatter in (
        ecs_logging.StdlibFormatter(), audit_lib.AuditFormatter(),
        ecs_logging.StdlibFormatter(), audit_lib.AuditFormatter(),
    ):  # fmt: skip
        handler.setFormatter(formatter)
        handler.handle(record)
    found = lines(stream)
    assert [each["message"] for each in found] == ["hello Ana"] * 4
    assert [each["order"] for each in found] == [7] * 4
    assert found[0] == found[2]


def test_both_on_the_root_logger_write_every_ordinary_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = io.StringIO(), io.StringIO()
    root = logging.getLogger()
    handlers = [audit_lib.AuditHandler(ours), with_ecs_formatter(theirs)]
    monkeypatch.setattr(root, "handlers", handlers)
    logger = logging.getLogger("shop-on-root")
    logger.setLevel(logging.INFO)
    logger.info("ordinary", extra={"order": 7})
    [one], [other] = lines(ours), lines(theirs)
    assert (one["message"], one["order"]) == (other["message"], other["order"]) == ("ordinary", 7)
