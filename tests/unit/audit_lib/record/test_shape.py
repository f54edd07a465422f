"""The shape of a record: what queries ask for is found, whatever the record's size and where it runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import audit_lib

Lines = Callable[[], list[dict[str, Any]]]


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all leaves, as CloudWatch Logs Insights discovers them, in order."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, f"{path}.{at}")
    else:
        yield path


def test_what_queries_ask_for_is_among_the_first_200_fields(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    before = {f"column_{number}": number for number in range(95)}
    after = {name: value + 1 for name, value in before.items()}
    context = {
        "user": {"id": "7", "name": "Ana", "email": "ana@example.com"},
        "source": {"ip": "203.0.113.9"},
        "http": {"request": {"id": "1"}},
        "labels": {"a": "b"},
    }
    with audit_lib.context(**context):
        logger.audit.record_updated("x", "customer", before, after, record_id=1, reason="y")
        logger.audit.record_created("x", "customer", before, record_id=1, extra={"own": {"a": 1}})
    for line in lines():
        first = list(leaves(line))[:200]
        assert {
            "@timestamp", "message", "log.logger", "event.id", "event.action", "event.outcome",
            "user.id", "user.name", "user.email", "source.ip", "related.user.0", "related.ip.0",
            "changes.record_type", "changes.record_id",
        } <= set(first)  # fmt: skip


@pytest.mark.parametrize("count", [100, 101, 600])
def test_ids_of_elements_are_values_beyond_a_bound(
    count: int, logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.configure(max_bytes=1_000_000)
    before = {"lines": [{"sku": f"s{number}", "n": 1} for number in range(count)], "kept": 1}
    after = {"lines": [{"sku": f"s{number}", "n": 2} for number in range(count)], "kept": 2}
    logger.audit.record_updated("x", "order", before, after, by_key={"lines": "sku"})
    audit_lib.configure()
    changes = lines()[0]["changes"]
    assert changes["before"]["kept"] == 1
    assert changes["fields"]["kept"] == "updated"
    if count == 100:
        assert changes["fields"]["lines"]["s7"] == {"n": "updated"}
        assert changes["after"]["lines"]["s7"] == {"n": 2}
        assert "notes" not in changes
    else:
        assert changes["fields"]["lines"] == "updated"
        assert changes["after"]["lines"][7] == {"name": "s7", "value": {"n": 2}}
        assert len(changes["before"]["lines"]) == count
        assert changes["notes"] == {"lines": "beyond limit"}


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}, "WARN"),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "FATAL"}, "FATAL"),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}, None),
        ({"AWS_LAMBDA_LOG_FORMAT": "Text", "AWS_LAMBDA_LOG_LEVEL": "WARN"}, None),
        ({"AWS_LAMBDA_LOG_FORMAT": "JSON"}, None),
    ],
)
def test_no_level_of_a_lambda_function_drops_a_record(
    variables: dict[str, str], level: str | None
) -> None:
    """Lambda reads `level` and `timestamp`; without them, a line is INFO."""
    program = (
        "import audit_lib\n"
        "audit_lib.get_logger('app').audit.event('x', action='a', extra={'level': 'debug', 'timestamp': 1})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={**os.environ, **variables},
    )
    for line in filter(None, done.stdout.splitlines()):
        document = json.loads(line)
        if level is not None:
            assert (document["level"], document["timestamp"]) == (level, document["@timestamp"])
        assert document["log.level"] == "info"
    assert audit_lib.verify(done.stdout.splitlines()).complete


def test_a_retried_deed_has_the_key_that_the_caller_gave(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    for _ in range(2):
        logger.audit.record_updated(
            "x", "order", {"n": 1}, {"n": 2}, idempotency_key="message-17", record_id=4
        )
    logger.audit.event("x", action="a", idempotency_key={"password": "hunter22"})  # type: ignore[arg-type]
    first, second, odd = lines()
    assert first["labels"] == second["labels"] == {"idempotency_key": "message-17"}
    assert first["event"]["id"] != second["event"]["id"]
    assert odd["labels"]["idempotency_key"] == '{"password":"***"}'
