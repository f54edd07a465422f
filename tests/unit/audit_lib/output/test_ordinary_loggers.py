"""An `AuditHandler` on an ordinary logger."""

import io
import json
import logging
from typing import Any

import pytest

import audit_lib


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def written(stream: io.StringIO, **extra: Any) -> dict[str, Any]:
    logger = logging.getLogger("shop-of-its-own")
    logger.setLevel(logging.INFO)
    logger.handlers = [audit_lib.AuditHandler(stream)]
    logger.info("one hunter2", extra=extra)
    return json.loads(stream.getvalue())


def test_its_extra_is_written(stream: io.StringIO) -> None:
    document = written(stream, order=7, **{"event.reason": "asked", "labels": {"a": "b"}})
    assert document["order"] == 7
    assert document["event"]["reason"] == "asked"
    assert document["labels"] == {"a": "b"}


def test_what_every_record_has_is_no_extra(stream: io.StringIO) -> None:
    assert set(written(stream)) == {
        "@timestamp", "log.level", "message", "ecs.version", "log", "process", "event",
    }  # fmt: skip


def test_what_is_sensitive_in_it_is_not(stream: io.StringIO) -> None:
    document = written(stream, password="hunter2", request={"api_key": "abcdef123456"})
    assert "hunter2" not in stream.getvalue()
    assert "abcdef123456" not in stream.getvalue()
    assert set(document["changes"]["notes"].items()) == {
        ("$.password", "masked"),
        ("$.request.api_key", "masked"),
        ("$.message", "masked"),
    }
