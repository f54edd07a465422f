"""The key of a record in the ledger: one for each line, or one for each deed that its writer names."""

import json
from typing import Any

import pytest

from forwarder.stages.read import FoundRecord


def record(at: int = 1, **changed: Any) -> FoundRecord:
    fields: dict[str, Any] = {
        "event": {"id": str(at), "action": "iban-changed", "outcome": "success"},
        "user": {"id": "7"},
        "labels": {"idempotency_key": "message-17"},
        "changes": {"record_type": "customer", "record_id": "4", "after": {"iban": "***1"}},
    }
    fields.update(changed)
    return FoundRecord(at, json.dumps(fields), fields)


def test_a_retried_deed_has_the_same_key() -> None:
    assert record(1).key == record(2).key


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": {"idempotency_key": "message-18"}},
        {"user": {"id": "8"}},
        {"event": {"action": "iban-removed", "outcome": "success"}},
        {"event": {"action": "iban-changed", "outcome": "failure"}},
        {"changes": {"record_type": "customer", "record_id": "5", "after": {"iban": "***1"}}},
        {"changes": {"record_type": "customer", "record_id": "4", "after": {"iban": "***2"}}},
    ],
)
def test_another_deed_is_not_suppressed_by_the_same_key(changed: dict[str, Any]) -> None:
    assert record(1).key != record(1, **changed).key


@pytest.mark.parametrize("labels", [{}, None, [], {"idempotency_key": ""}, {"idempotency_key": 5}])
def test_without_a_key_each_line_is_its_own(labels: Any) -> None:
    assert record(1, labels=labels).key != record(2, labels=labels).key
