"""The document has the fields of `ecs-logging` in the same places, except where those are wrong."""

import json
import logging
from typing import Any

import ecs_logging

import audit_lib

RECORD = logging.LogRecord(
    "shop.audit", logging.WARNING, "/srv/shop.py", 42, "%d left", (3,), None, "sell"
)
RECORD.created, RECORD.msecs = 1767225600.25, 250.0
RECORD.process, RECORD.thread = 7, 11


def flat(document: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(document, dict):
        return {prefix: document}
    return {
        path: value
        for name, inner in document.items()
        for path, value in flat(inner, f"{prefix}.{name}" if prefix else name).items()
    }


def test_the_line_of_a_fixed_record() -> None:
    assert audit_lib.AuditFormatter().format(RECORD) == (
        '{"@timestamp":"2026-01-01T00:00:00.250Z","log.level":"warning","message":"3 left",'
        '"ecs.version":"9.0.0","log":{"logger":"shop.audit","origin":{"file":{"line":42,'
        '"name":"shop.py"},"function":"sell"}},"process":{"pid":7,"name":"MainProcess",'
        '"thread":{"id":11,"name":"MainThread"}},"event":{"kind":"event"}}'
    )


def test_every_field_of_ecs_logging_is_in_its_place() -> None:
    theirs = flat(json.loads(ecs_logging.StdlibFormatter().format(RECORD)))
    ours = flat(json.loads(audit_lib.AuditFormatter().format(RECORD)))
    del theirs["log.original"]  # repeats the message
    del theirs["ecs.version"]  # 1.6.0 has no user.changes
    assert theirs.items() <= ours.items()
