"""The router, on the envelopes that CloudWatch sends, writing to moto's log groups."""

import gzip
import json
import subprocess
import sys
import time
from base64 import b64encode
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

import audit_lib
from router import handler as module
from router._copy import EVENT_OVERHEAD_BYTES, batches
from router._delivery import DeliveredEvent

NOW = int(time.time() * 1000)
DAY = 24 * 3600 * 1000


def envelope(*events: tuple[int, str], kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    payload = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": "/app/shop",
        "logStream": "web/[$LATEST]:1",
        "subscriptionFilters": ["audit"],
        "logEvents": [
            {"id": f"{n:056}", "timestamp": when, "message": text}
            for n, (when, text) in enumerate(events)
        ],
    }
    return {"awslogs": {"data": b64encode(gzip.compress(json.dumps(payload).encode())).decode()}}


@pytest.fixture
def queue(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    boto3.client("logs").create_log_group(logGroupName="/audit/records")
    url = boto3.client("sqs").create_queue(QueueName="rejected")["QueueUrl"]
    monkeypatch.setenv("AUDIT_LOG_GROUP", "/audit/records")
    monkeypatch.setenv("REJECTED_QUEUE_URL", url)
    monkeypatch.setenv("MATCHER", "audit-matcher")
    module._copier.cache_clear()
    return url


def kept() -> list[tuple[int, str]]:
    found = boto3.client("logs").filter_log_events(logGroupName="/audit/records")["events"]
    return [(event["timestamp"], event["message"]) for event in found]


def test_lines_arrive_unchanged_in_the_order_of_their_times(queue: str) -> None:
    first, second = '{ "a" :1, "é": "\\u00e9"}', "x" * 200_000
    assert module.handler(envelope((NOW, second), (NOW - 5, first)), None) == {
        "copied": 2,
        "rejected": 0,
    }
    assert kept() == [(NOW - 5, first), (NOW, second)]


def test_a_trail_that_was_copied_twice_and_in_parts_proves_itself(queue: str) -> None:
    program = (
        "import audit_lib; audit = audit_lib.get_logger('app').audit\n"
        "for n in range(30): audit.record_updated('x', 'user', {'n': n}, {'n': 'ü'}, record_id=n)"
    )
    app = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    lines = filter(None, app.stdout.splitlines())
    events = [(NOW + number // 10, line) for number, line in enumerate(lines)]
    for part in (events[16:], events[:16], events[:9]):
        module.handler(envelope(*part), None)
    report = audit_lib.verify((message for _, message in kept()), transported=True)
    assert report.complete
    assert (report.chains[0].lines, report.problems) == (32, ())
    altered = (message.replace('"after":{"n":', '"after":{"m":') for _, message in kept())
    assert not audit_lib.verify(altered, transported=True).intact


def test_a_second_delivery_goes_to_the_same_stream(queue: str) -> None:
    for _ in range(2):
        module.handler(envelope((NOW, "{}")), None)
    streams = boto3.client("logs").describe_log_streams(logGroupName="/audit/records")["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["app/shop/web/[$LATEST]_1"]
    assert len(kept()) == 2


def test_a_control_message_is_no_record(queue: str) -> None:
    event = envelope((NOW, "CWL CONTROL MESSAGE: Checking health"), kind="CONTROL_MESSAGE")
    assert module.handler(event, None) == {"copied": 0, "rejected": 0}
    assert kept() == []


def test_what_cloudwatch_takes_no_more_is_kept_and_counted(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is AWS's: `too old` ends before its index. moto's ends at it."""
    then = NOW - 20 * 24 * 3600_000
    events = [(then + n, text) for n, text in enumerate(("expired", "old", "good", "new"))]
    answer = {
        "rejectedLogEventsInfo": {
            "expiredLogEventEndIndex": 1,
            "tooOldLogEventEndIndex": 2,
            "tooNewLogEventStartIndex": 3,
        }
    }
    with (
        Stubber(module._copier()._logs) as logs,
        Stubber(module._copier()._lambda) as functions,
    ):
        logs.add_response("put_log_events", answer)
        for _ in range(2):
            functions.add_response("invoke", {"StatusCode": 202})
        functions.add_client_error("invoke", "RequestEntityTooLargeException")
        assert module.handler(envelope(*events), None) == {"copied": 1, "rejected": 3}
        functions.assert_no_pending_responses()
    messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    bodies = [json.loads(message["Body"]) for message in messages["Messages"]]
    assert sorted((body["reason"], body["message"]) for body in bodies) == [
        ("expired", "expired"),
        ("too new", "new"),
        ("too old", "old"),
    ]
    assert {body["logGroup"] for body in bodies} == {"/app/shop"}
    first, second = capsys.readouterr().out.splitlines()
    assert "RequestEntityTooLargeException" in second
    metric = json.loads(first)
    assert metric["RejectedRecords"] == 3
    assert metric["_aws"]["Timestamp"] >= NOW


def test_a_missing_audit_group_fails_so_that_lambda_tries_again(
    queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("logs").delete_log_group(logGroupName="/audit/records")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        module.handler(envelope((NOW, "{}")), None)


@given(
    st.lists(
        st.builds(
            DeliveredEvent,
            st.integers(NOW - 5 * DAY, NOW),
            st.integers(0, 400_000).map("x".__mul__),
        ),
        max_size=30,
    )
)
def test_batches_keep_the_rules_of_put_log_events(events: list[DeliveredEvent]) -> None:
    made = list(batches(events))
    assert [event for batch in made for event in batch] == sorted(events, key=lambda e: e.timestamp)
    for batch in made:
        assert sum(len(e.message) + EVENT_OVERHEAD_BYTES for e in batch) <= 1_048_576
        assert batch[-1].timestamp - batch[0].timestamp < DAY
