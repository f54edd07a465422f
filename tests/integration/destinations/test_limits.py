"""When the queue of a destination is sent, how much a call has, and how often it is made."""

import inspect
import json
import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep, time
from types import SimpleNamespace
from typing import Any

import botocore.awsrequest
import pytest
from botocore.exceptions import CredentialRetrievalError, EndpointConnectionError

import audit_lib
from audit_lib.destinations._client import client_of
from audit_lib.destinations._entries import Entry, Limits, batches
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler
from audit_lib.destinations.dynamodb import DynamoDBHandler, _item
from audit_lib.destinations.firehose import FirehoseHandler

UNREACHABLE = EndpointConnectionError(endpoint_url="https://logs")


class Logs:
    """A service that accepts everything, or raises what `fault` returns."""

    meta = SimpleNamespace(region_name="eu-west-1")

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.tried = 0
        self.fault: Callable[[], Exception | None] = lambda: None

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803
        self.tried += 1
        if (error := self.fault()) is not None:
            raise error
        found = [json.loads(event["message"])["message"] for event in logEvents]
        self.messages += [text for text in found if not text.startswith("Audit chain")]
        return {"ResponseMetadata": {"RequestId": "1"}}


@pytest.fixture
def logs() -> Logs:
    return Logs()


Make = Callable[..., CloudWatchLogsHandler]


@pytest.fixture
def make(logs: Logs) -> Iterator[Make]:
    made: list[CloudWatchLogsHandler] = []

    def handler(**arguments: Any) -> CloudWatchLogsHandler:
        made.append(CloudWatchLogsHandler("g", "s", client=lambda: logs, **arguments))
        return made[-1]

    yield handler
    logs.fault = lambda: None
    for each in made:
        each.close()


def record(text: str) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "a.audit", "msg": text, "created": time()})


def comes(condition: Callable[[], bool]) -> bool:
    """Return whether a condition holds within 10 seconds."""
    end = monotonic() + 10
    while not condition() and monotonic() < end:
        sleep(0.01)
    return condition()


@pytest.mark.parametrize("kind", [CloudWatchLogsHandler, DynamoDBHandler, FirehoseHandler])
def test_the_defaults_are_those_of_the_page(kind: Any) -> None:
    arguments = inspect.signature(kind).parameters
    assert arguments["retry_for"].default == 30
    assert arguments["queue_bytes"].default == 16 * 1024 * 1024
    assert arguments["flush_interval"].default in {0.5, 1.0}


def test_a_record_is_sent_within_the_interval_without_flush(logs: Logs, make: Make) -> None:
    make(flush_interval=0.2).handle(record("x"))
    assert comes(lambda: logs.messages == ["x"])


def test_a_call_that_is_full_is_sent_before_the_interval_is_over(logs: Logs, make: Make) -> None:
    handler = make(flush_interval=3600, queue_bytes=40_000)
    handler.handle(record("first"))
    sleep(0.5)  # the thread waits for the interval by now
    assert logs.messages == []
    for number in range(15):  # over half of the queue
        handler.handle(record("x" * 1_000 + str(number)))
    assert comes(lambda: len(logs.messages) > 0)


def test_a_record_longer_than_the_queue_is_sent(logs: Logs, make: Make) -> None:
    make(queue_bytes=100, flush_interval=0).handle(record("x" * 5_000))
    assert comes(lambda: len(logs.messages) == 1)


@pytest.mark.parametrize(("count", "sizes"), [(8, [8]), (9, [8, 1]), (17, [8, 8, 1])])
def test_a_batch_leaves_room_for_the_two_lines_of_the_chain(count: int, sizes: list[int]) -> None:
    entries = [Entry(b"{}", "stderr") for _ in range(count)]
    assert [len(each) for each in batches(entries, Limits(10, 10**6, 10**5))] == sizes


def test_the_default_client_makes_each_call_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    sent: list[str] = []

    def respond(**_: Any) -> Any:
        sent.append("x")
        raw = BytesIO(b"{}")
        raw.stream = lambda **_: iter([b"{}"])  # type: ignore[attr-defined]
        return botocore.awsrequest.AWSResponse("https://logs", 503, {}, raw)

    client = client_of("logs")()
    client.meta.events.register_first("before-send", respond)
    with pytest.raises(client.exceptions.ClientError):
        client.put_log_events(
            logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}]
        )
    assert sent == ["x"]


def test_credentials_that_could_not_be_read_are_read_again(
    logs: Logs, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = [CredentialRetrievalError(provider="p", error_msg="m")]
    logs.fault = lambda: errors.pop() if errors else None
    handler = make(flush_interval=0)
    handler.handle(record("x"))
    handler.flush()
    assert logs.messages == ["x"]
    assert capsys.readouterr().err == ""


def test_a_spool_is_tried_once_and_looked_at_from_time_to_time(
    logs: Logs, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit_lib.destinations._sender._LOOK_AT_SPOOL_SECONDS", 0.3)
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool")
    logs.fault = lambda: UNREACHABLE
    handler = make(flush_interval=0, retry_for=0)
    handler.handle(record("x"))
    handler.flush()
    handler._retrying._retry_for = 60  # the replay would be repeated for so long
    handler._retrying._down = False
    before = logs.tried
    assert comes(lambda: logs.tried > before)
    logs.fault = lambda: None
    assert comes(lambda: logs.messages == ["x"])
    assert logs.tried < before + 40


def test_a_record_of_2_mb_is_an_item_below_400_kb() -> None:
    handler = DynamoDBHandler("t", client=SimpleNamespace)
    sent: list[bytes] = []
    handler._send = sent.extend  # type: ignore[method-assign]
    names = {f"{n:03}{'n' * 900}": "x" * 20_000 for n in range(99)}
    handler.handle(logging.makeLogRecord({"name": "a.audit", "msg": "m", "names": names}))
    handler.close()
    items = [_item(line, 1) for line in sent]
    assert max(len(item["line"]["S"]) for item in items) > 150_000
    assert all(len(item["line"]["S"]) < 380_000 for item in items)
