"""Facts that stand in several places, because these may not import each other: held to one table.

The functions' assets hold their own code alone, `audit_lib` depends on nothing of the project, and the
embedded cloud imports the filter patterns alone.
"""

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest
from moto.logs.exceptions import InvalidParameterException

import audit_lib
from audit_lib._record import put_log_events as emitter
from audit_rules import closest
from forwarder.triggers import DeliveredRecords, UnknownMessage, triggers_in
from local_cloud.services import log_limits as cloud
from router import _copy as router
from router._delivery import DeliveredEvent, read_delivery

DAY_MS = 24 * 3600 * 1000


# ── PutLogEvents: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html


def accepts(events: list[dict[str, Any]]) -> bool:
    """Return whether the embedded cloud accepts a batch."""
    try:
        cloud.check_batch(events)
    except InvalidParameterException:
        return False
    return True


@pytest.mark.parametrize(
    ("emitter_says", "router_says", "cloud_says", "aws_says"),
    [
        (emitter.BATCH_BYTES, router.MAX_BATCH_BYTES, cloud.MAX_BATCH_BYTES, 1_048_576),
        (emitter.EVENT_OVERHEAD_BYTES, router.EVENT_OVERHEAD_BYTES, cloud.EVENT_OVERHEAD_BYTES, 26),
        (emitter.EVENTS, router.MAX_BATCH_EVENTS, cloud.MAX_EVENTS, 10_000),
    ],
)
def test_the_limits_are_awss(
    emitter_says: int, router_says: int, cloud_says: int, aws_says: int
) -> None:
    assert emitter_says == router_says == cloud_says == aws_says


@pytest.mark.parametrize(
    ("sizes", "accepted"),
    [
        ([emitter.MESSAGE_BYTES - 1], True),
        ([emitter.MESSAGE_BYTES], True),
        ([emitter.MESSAGE_BYTES + 1], False),
        ([524_288 - 26, 524_288 - 27], True),
        ([524_288 - 26, 524_288 - 26], True),
        ([524_288 - 26, 524_288 - 25], False),
        ([1] * 9_999, True),
        ([1] * 10_000, True),
        ([1] * 10_001, False),
        ([], False),
    ],
)
def test_sizes_and_counts_below_at_and_above(sizes: list[int], accepted: bool) -> None:
    events = [{"timestamp": 1, "message": "x" * size} for size in sizes]
    assert accepts(events) is accepted
    delivered = [DeliveredEvent(1, "x" * size) for size in sizes if size <= emitter.MESSAGE_BYTES]
    batches = list(router.batches(delivered))
    assert all(accepts([vars_of(each) for each in batch]) for batch in batches)
    assert sum(map(len, batches)) == len(delivered)
    if accepted:
        assert len(batches) == 1, "the router needs no more calls than AWS asks for"


@pytest.mark.parametrize(
    ("span", "cloud_accepts", "emitter_joins", "router_joins"),
    [
        (DAY_MS - 1, True, True, True),
        # AWS: "cannot span more than 24 hours". Whether 24 hours are more, senders do not try.
        (DAY_MS, True, False, False),
        (DAY_MS + 1, False, False, False),
    ],
)
def test_a_batch_spans_a_day(
    span: int, cloud_accepts: bool, emitter_joins: bool, router_joins: bool
) -> None:
    events = [DeliveredEvent(0, "a"), DeliveredEvent(span, "b")]
    assert accepts([vars_of(each) for each in events]) is cloud_accepts
    assert emitter.fits_span(0, span) is emitter_joins
    assert (len(list(router.batches(events))) == 1) is router_joins


@pytest.mark.parametrize(
    ("age_ms", "kept"),
    [
        (14 * DAY_MS - 1, True), (14 * DAY_MS, True), (14 * DAY_MS + 1, False),
        (-2 * 3600_000 + 1, True), (-2 * 3600_000, True), (-2 * 3600_000 - 1, False),
    ],
)  # fmt: skip
def test_the_times_of_an_event(age_ms: int, kept: bool) -> None:
    now_ms = 1_800_000_000_000
    event = {"timestamp": now_ms - age_ms, "message": "a"}
    oldest, newest = emitter.accepted_times(now_ms)
    assert (oldest <= event["timestamp"] <= newest) is kept
    stored, rejected = cloud.accepted([event], now_ms=now_ms, retention_days=0)
    assert (stored == [event]) is kept
    assert bool(rejected) is not kept


def vars_of(event: DeliveredEvent) -> dict[str, Any]:
    return {"timestamp": event.timestamp, "message": event.message}


# ── a subscription's delivery: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html


def packed(payload: Any) -> dict[str, Any]:
    data = gzip.compress(json.dumps(payload).encode())
    return {"awslogs": {"data": b64encode(data).decode()}}


LINES = [{"id": "1", "timestamp": 7, "message": "a"}, {"id": "2", "timestamp": 8, "message": "ü"}]
WHOLE = {
    "messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "/g", "logStream": "s",
    "subscriptionFilters": ["f"], "logEvents": LINES,
}  # fmt: skip


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (packed(WHOLE), [(7, "a"), (8, "ü")]),
        (packed(WHOLE | {"logEvents": []}), []),
        (packed(WHOLE | {"messageType": "CONTROL_MESSAGE"}), []),
        (packed({**WHOLE, "logEvents": [{"timestamp": 7}]}), None),
        (packed([]), None),
        (packed("text"), None),
        ({"awslogs": {"data": "bm8gZ3ppcA=="}}, None),
        ({"awslogs": {"data": "%%%"}}, None),
        ({"awslogs": {"data": packed(WHOLE)["awslogs"]["data"][:40]}}, None),
        ({"awslogs": {"data": 5}}, None),
        ({"awslogs": {}}, None),
        ({"awslogs": None}, None),
    ],
)
def test_both_functions_read_a_delivery_alike(
    event: dict[str, Any], expected: list[tuple[int, str]] | None
) -> None:
    try:
        delivery = read_delivery(event)
        read = [(e.timestamp, e.message) for e in delivery.events] if delivery else []
    except Exception:  # noqa: BLE001 - the invocation fails, is retried, and ends in the dead-letter queue
        read = None
    assert read == expected
    [trigger] = triggers_in(event)
    if expected is None:
        assert isinstance(trigger, UnknownMessage)
    else:
        assert isinstance(trigger, DeliveredRecords)
        assert list(trigger.records) == expected


# ── "did you mean"


@pytest.mark.parametrize(
    ("word", "near"), [("logn", "login"), ("login", "login"), ("user-update", "user-updated"), ("zzz", None)]
)  # fmt: skip
def test_the_library_and_the_rules_suggest_the_same(word: str, near: str | None) -> None:
    offered = ["login", "logout", "user-updated"]
    assert closest(word, offered) == near
    audit_lib.configure(catalogue={"actions": {name: {} for name in offered}})
    said = audit_lib.get_config().unknown_action(word) or ""
    audit_lib.configure()
    assert (f"did you mean {near!r}?" in said) is (near not in {None, word})
