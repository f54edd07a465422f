"""`DynamoDBHandler` and `AuditTable` against moto."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

import audit_lib
from audit_lib.destinations.dynamodb import TABLE, AuditTable, DynamoDBHandler

from .conftest import DENIED, THROTTLED, Service

NAME = "audit"


@pytest.fixture
def handler(service: Service) -> Iterator[DynamoDBHandler]:
    boto3.client("dynamodb").create_table(TableName=NAME, **TABLE)
    made = DynamoDBHandler(
        NAME, keep_days=30, client=service.client("dynamodb"), flush_interval=0.02, retry_for=5
    )
    yield made
    service.always = None
    made.close()


@pytest.fixture
def audit(logger: audit_lib.AppLogger, handler: DynamoDBHandler) -> Iterator[audit_lib.AuditLogger]:
    logger.audit.addHandler(handler)
    yield logger.audit
    logger.audit.removeHandler(handler)


@pytest.fixture
def table(service: Service) -> AuditTable:
    return AuditTable(NAME)


def items() -> list[dict[str, Any]]:
    return boto3.client("dynamodb").scan(TableName=NAME, ConsistentRead=True)["Items"]


def messages(documents: Iterator[dict[str, Any]]) -> list[str]:
    return [document["message"] for document in documents]


def test_it_answers_what_happened_to_a_record_and_what_a_person_did(
    audit: audit_lib.AuditLogger, handler: DynamoDBHandler, table: AuditTable
) -> None:
    with audit_lib.context(user={"id": "7", "name": "Ana"}):
        audit.record_created("made", "user", {"name": "Li"}, record_id=1042)
        audit.record_updated("changed", "user", {"name": "Li"}, {"name": "Wei"}, record_id=1042)
        audit.record_deleted("other", "user", {"name": "X"}, record_id=1043)
    with audit_lib.context(user={"id": "8"}):
        audit.record_accessed("read", "user", record_id=1042)
    audit.event("in", action="login", category="authentication", type="start")
    handler.flush()
    assert messages(table.history_of("user", 1042)) == ["made", "changed", "read"]
    assert messages(table.done_by(7)) == ["made", "changed", "other"]
    assert messages(table.done_by("8")) == ["read"]
    assert messages(table.happened("login", datetime.now(UTC))) == ["in"]
    assert messages(table.history_of("user", 1)) == []


def test_a_span_of_time_is_from_one_moment_until_before_the_other(
    audit: audit_lib.AuditLogger, handler: DynamoDBHandler, table: AuditTable
) -> None:
    audit.record_accessed("read", "user", record_id=1)
    handler.flush()
    (document,) = table.history_of("user", 1)
    at = datetime.fromisoformat(document["@timestamp"])
    millisecond = timedelta(milliseconds=1)
    assert messages(table.history_of("user", 1, since=at, until=at + millisecond)) == ["read"]
    assert messages(table.history_of("user", 1, since=at + millisecond)) == []
    assert messages(table.history_of("user", 1, until=at)) == []


def test_numbers_are_what_the_line_says(
    audit: audit_lib.AuditLogger, handler: DynamoDBHandler, table: AuditTable
) -> None:
    before = {"a": 30.40, "b": Decimal("30.40"), "c": 1e300, "d": 2**200, "e": float("nan")}
    after = {"a": 0.1 + 0.2, "b": Decimal("0.10"), "c": 5e-324, "d": -(2**63), "e": 0.0}
    audit.record_updated("changed", "price", before, after, record_id=1)
    handler.flush()
    (document,) = table.history_of("price", 1)
    (line,) = [item["line"]["S"] for item in items() if '"changed"' in item["line"]["S"]]
    assert document == json.loads(line)
    assert document["changes"]["before"]["a"] == 30.40
    assert document["changes"]["after"]["a"] == 0.1 + 0.2


def test_what_is_beside_the_line_is_for_filters_proof_and_time_to_live(
    audit: audit_lib.AuditLogger, handler: DynamoDBHandler
) -> None:
    audit.record_updated(
        "changed", "user", {"a": {"b": 1}, "c": 1}, {"a": {"b": 2}, "c": 2}, record_id=1
    )
    handler.close()
    stored = {json.loads(item["line"]["S"])["message"]: item for item in items()}
    item = stored["changed"]
    assert item["fields"] == {"SS": ["a.b", "c"]}
    assert item["action"] == {"S": "user-updated"}
    assert "actor" not in item
    lasts = int(item["expires"]["N"]) - datetime.now(UTC).timestamp()
    assert 29.9 * 86400 < lasts <= 30 * 86400
    in_order = sorted(items(), key=lambda each: int(each["sequence"]["N"]))
    report = audit_lib.verify([each["line"]["S"].encode() for each in in_order])
    assert (report.problems, [chain.end for chain in report.chains]) == ((), ["sealed"])


def test_more_than_a_call_takes_and_items_that_the_table_did_not_get_to(
    audit: audit_lib.AuditLogger,
    handler: DynamoDBHandler,
    service: Service,
    table: AuditTable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = handler._client.batch_write_item
    refused = 0

    def some(RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        nonlocal refused
        requests = RequestItems[NAME]
        left = requests[len(requests) // 2 :] if refused < 5 and len(requests) > 1 else []
        refused += bool(left)
        write(RequestItems={NAME: requests[: len(requests) - len(left)]})
        return {"UnprocessedItems": {NAME: left} if left else {}}

    monkeypatch.setattr(handler._client, "batch_write_item", some)
    service.faults.append(THROTTLED)
    for number in range(100):
        audit.record_accessed(f"read {number}", "user", record_id=1)
    handler.flush()
    assert sorted(messages(table.history_of("user", 1))) == sorted(f"read {n}" for n in range(100))
    assert refused == 5


def test_a_record_that_is_sent_twice_is_one_item(
    audit: audit_lib.AuditLogger, handler: DynamoDBHandler, service: Service, table: AuditTable
) -> None:
    service.lost_answers = 1
    audit.record_accessed("read", "user", record_id=1)
    handler.flush()
    assert service.calls.count("BatchWriteItem") == 2
    assert messages(table.history_of("user", 1)) == ["read"]


@pytest.mark.parametrize(
    ("record_type", "record_id"),
    [
        ("a#b", "c"),
        ("a", "b#c"),
        ("", "x"),
        ("%", "x"),
        ("a", ""),
        ("ä" * 700, "x"),
        ("a", "x" * 5000),
    ],
)
def test_whatever_a_record_is_called_it_is_found_and_no_other(
    record_type: str,
    record_id: str,
    audit: audit_lib.AuditLogger,
    handler: DynamoDBHandler,
    table: AuditTable,
) -> None:
    audit.record_accessed(
        "this one", record_type, record_id=record_id, extra={"user": {"id": "u" * 3000}}
    )
    audit.record_accessed("another", record_type + "#", record_id=record_id)
    handler.flush()
    assert messages(table.history_of(record_type, record_id)) == ["this one"]
    assert messages(table.done_by("u" * 3000)) == ["this one"]


def test_a_record_of_2_mb_fits_an_item(
    audit: audit_lib.AuditLogger, handler: DynamoDBHandler, table: AuditTable
) -> None:
    audit.record_updated(
        "changed", "user", {"a": ""}, {"a": "x" * 2_000_000, "b": {str(n): n for n in range(500)}},
        record_id=1,
    )  # fmt: skip
    handler.flush()
    (document,) = table.history_of("user", 1)
    assert document["changes"]["notes"]["a"] == "shortened"


def test_what_it_does_not_take_is_on_standard_error(
    audit: audit_lib.AuditLogger,
    handler: DynamoDBHandler,
    service: Service,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.always = DENIED
    audit.record_accessed("read", "user", record_id=1)
    handler.flush()
    failed = capsys.readouterr().err
    assert "DynamoDB table audit" in failed
    assert '"message":"read"' in failed
