"""Services that are away, refuse, or are not who they seem: no record is lost, doubled or sent elsewhere."""

import datetime as dt
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep, time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import botocore.awsrequest
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

import audit_lib
from audit_lib._output.tally import tally
from audit_lib._record import put_log_events
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler
from audit_lib.destinations.dynamodb import TABLE, AuditTable, DynamoDBHandler, _item
from audit_lib.destinations.firehose import FirehoseHandler

from .conftest import Service

if TYPE_CHECKING:
    from audit_lib.destinations._batching import BatchingHandler

HOUR = 3600
UNREACHABLE = EndpointConnectionError(endpoint_url="https://logs")


class Logs:
    """A log service with the limits of `PutLogEvents`; `fault` decides over each call."""

    def __init__(self, region: str = "eu-west-1") -> None:
        self.meta = SimpleNamespace(region_name=region)
        self.calls: list[list[dict[str, Any]]] = []
        self.tried = 0
        self.fault: Callable[[list[dict[str, Any]]], Any] = lambda _: None
        self.pause = 0.0

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803
        self.tried += 1
        sleep(self.pause)
        times = [event["timestamp"] for event in logEvents]
        size = sum(len(event["message"]) + 26 for event in logEvents)
        if times != sorted(times) or times[-1] - times[0] >= 24 * HOUR * 1000 or size > 1_048_576:
            raise ClientError({"Error": {"Code": "InvalidParameterException"}}, "PutLogEvents")
        found = self.fault(logEvents)
        if isinstance(found, Exception):
            raise found
        self.calls.append(logEvents)
        return found or {"ResponseMetadata": {"RequestId": "1"}}

    @property
    def lines(self) -> list[bytes]:
        return [event["message"].encode() for call in self.calls for event in call]

    @property
    def messages(self) -> list[str]:
        found = [json.loads(line)["message"] for line in self.lines]
        return [text for text in found if not text.startswith("Audit chain")]


def record(text: str, hours: float = 0) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "a.audit", "msg": text, "created": time() + hours * HOUR})


@pytest.fixture(autouse=True)
def _without_failures() -> None:
    tally.clear()


@pytest.fixture
def logs() -> Logs:
    return Logs()


Make = Callable[..., CloudWatchLogsHandler]


@pytest.fixture
def make(logs: Logs) -> Iterator[Make]:
    made: list[CloudWatchLogsHandler] = []

    def handler(group: str = "g", **arguments: Any) -> CloudWatchLogsHandler:
        given = {"client": lambda: logs, "flush_interval": 0.01, "retry_for": 0, **arguments}
        made.append(CloudWatchLogsHandler(group, "s", **given))
        return made[-1]

    yield handler
    logs.fault = lambda _: None
    for each in made:
        each.close()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool")
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.stat().st_size}


def test_yesterdays_spool_arrives_with_a_process_that_writes_nothing(
    logs: Logs, make: Make, spool: Path
) -> None:
    """Its record and the line that seals the chain, whose time is now, are in two calls."""
    logs.fault = lambda _: UNREACHABLE
    first = make()
    first.handle(record("yesterday", -25))
    first.flush()
    assert names(spool) == {"spool.cloudwatchlogs.eu-west-1.g"}
    logs.fault = lambda _: None
    make().close()
    assert logs.messages == ["yesterday"]
    assert names(spool) == set()
    assert audit_lib.verify(logs.lines).complete


@pytest.mark.parametrize("hours", [-25, -23.999, 0])
def test_a_record_of_any_age_is_sent_and_sealed_after_close(
    logs: Logs, make: Make, hours: float, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = make()
    handler.close()
    handler.handle(record("late", hours))
    assert logs.messages == ["late"]
    assert audit_lib.verify(logs.lines).complete
    assert capsys.readouterr().err == ""
    assert len(logs.calls) == (1 if hours == 0 else 2)


def test_each_destination_has_its_own_spool(logs: Logs, make: Make, spool: Path) -> None:
    """In two regions, in two accounts, with a name that looks like another one's."""
    refused = ClientError({"Error": {"Code": "InvalidParameterException"}}, "PutLogEvents")
    down = Logs("us-east-1")
    down.fault = lambda _: UNREACHABLE
    logs.fault = lambda _: refused
    for handler in (
        make("/a", client=lambda: down),
        make("/a.refused", client=lambda: down),
        make("/a", client=lambda: down, spool_place="123456789012"),
        make("/a"),
    ):
        handler.handle(record("x"))
        handler.flush()
    assert names(spool) == {
        "spool.cloudwatchlogs.us-east-1.%2Fa",
        "spool.cloudwatchlogs.us-east-1.%2Fa%2Erefused",
        "spool.cloudwatchlogs.123456789012.%2Fa",
        "spool.cloudwatchlogs.eu-west-1.%2Fa.refused",
    }
    down.fault = lambda _: None


WRONG: list[dict[str, Any]] = [
    *({"target": target} for target in (None, 5, "", "\ud800", "a\0b", b"g", "a\n")),
    *(
        {"flush_interval": each}
        for each in ("1", None, float("inf"), float("nan"), -1, True, 90_000)
    ),
    *({"retry_for": each} for each in ("1", None, float("nan"), -1)),
    *({"queue_bytes": each} for each in ("1", None, 0, -1, 1.5, True)),
    {"spool_place": ""},
]


@pytest.mark.parametrize("kind", [CloudWatchLogsHandler, DynamoDBHandler, FirehoseHandler])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_argument_is_known_at_once(kind: Any, wrong: dict[str, Any]) -> None:
    made: list[int] = []
    arguments = {"target": "g", **wrong}
    with pytest.raises(audit_lib.ConfigurationError, match=r": found .+; write "):
        kind(arguments.pop("target"), client=lambda: made.append(1), **arguments)
    assert made == []


@pytest.mark.parametrize("wrong", [0, 1.5, "1", True])
def test_days_to_keep_are_a_whole_number(wrong: Any) -> None:
    with pytest.raises(audit_lib.ConfigurationError, match="keep_days"):
        DynamoDBHandler("t", keep_days=wrong, client=Logs)


def test_retries_may_go_on_for_ever(make: Make) -> None:
    make(retry_for=float("inf"))


@pytest.mark.parametrize("path", ["a\0b", "", "\ud800"])
def test_a_spool_has_a_path_that_a_file_can_have(path: str) -> None:
    with pytest.raises(audit_lib.ConfigurationError, match="spool: found"):
        audit_lib.configure(spool=path)


def test_a_spool_that_cannot_be_read_keeps_no_record_back(
    logs: Logs, make: Make, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender died, and was started again for ever."""
    (spool / "spool.cloudwatchlogs.eu-west-1.g").write_text("{}\n")
    monkeypatch.setattr("audit_lib._output.spool.Spool.replay", lambda *_, **__: 1 / 0)
    handler = make()
    handler.handle(record("x"))
    handler.flush()
    assert logs.messages == ["x"]


def test_flush_waits_for_all_whatever_their_order(logs: Logs, make: Make) -> None:
    """Records are sent by their times: the last one that was queued may be sent first."""
    logs.pause = 0.1
    handler = make(flush_interval=5)
    for days in range(4):
        handler.handle(record(f"{days}", -48 * days))
    handler.flush()
    assert logs.messages == ["3", "2", "1", "0"]


def test_two_destinations_on_the_root_do_not_feed_each_other(service: Service) -> None:
    """At DEBUG, each would send what botocore logs while the other one sends."""
    boto3.client("logs").create_log_group(logGroupName="g")
    two = [
        CloudWatchLogsHandler("g", name, client=service.client("logs"), flush_interval=0.01)
        for name in ("one", "two")
    ]
    root = logging.getLogger()
    level = root.level
    try:
        for handler in two:
            root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        logging.getLogger("app").info("hello")
        end = monotonic() + 1.5
        while monotonic() < end:
            for handler in two:
                handler.flush()
    finally:
        root.setLevel(level)
        for handler in two:
            root.removeHandler(handler)
            handler.close()
    assert len(service.calls) < 20


def test_health_says_that_a_call_is_being_retried(logs: Logs, make: Make) -> None:
    logs.fault = lambda _: UNREACHABLE
    handler = make(retry_for=60)
    handler.handle(record("x"))
    end = monotonic() + 10
    while logs.tried < 2 and monotonic() < end:
        sleep(0.01)
    found = audit_lib.health()
    logs.fault = lambda _: None
    handler.flush()
    assert found["ok"] is False
    assert found["queued"] >= 1
    assert found["last_failure"] is not None
    assert found["last_failure"]["instead"] == "retried"
    assert "EndpointConnectionError" in found["last_failure"]["error"]
    assert audit_lib.health()["ok"] is True
    assert handler.waiting == 0


@pytest.mark.parametrize("last_hours", [0, -15 * 24])
def test_health_is_that_of_the_last_record_whatever_was_sent_last(
    make: Make, last_hours: float, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = make(flush_interval=5)
    handler.handle(record("first", -15 * 24 - last_hours))
    handler.handle(record("last", last_hours))
    handler.flush()
    assert audit_lib.health()["ok"] is (last_hours == 0)
    assert "older than 14 days" in capsys.readouterr().err
    handler.handle(record("good"))
    handler.flush()
    assert audit_lib.health()["ok"] is True


def test_health_is_that_of_the_last_record_also_if_an_earlier_one_is_refused_later(
    logs: Logs, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = ClientError({"Error": {"Code": "InvalidParameterException"}}, "PutLogEvents")
    logs.fault = lambda events: refused if "poison" in str(events) else None
    handler = make(flush_interval=5)
    handler.handle(record("poison"))
    handler.handle(record("good", -1))  # sent first, by its time
    handler.flush()
    assert logs.messages == ["good"]
    assert "poison" in capsys.readouterr().err
    assert audit_lib.health()["ok"] is True


def test_only_spools_are_spools(spool: Path) -> None:
    kept = ["spool", "spool.firehose.eu-west-1.s", "spool.firehose._.%2Fa%2Eb-1.refused"]
    for name in (*kept, "spool.bak", "spool.123", "spool.firehose.eu-west-1.s.123", "spool.x.gz"):
        (spool / name).write_text("{}\n")
    assert {Path(path).name for path in audit_lib.health()["spools"]} == set(kept)


def test_a_spool_is_sought_beside_a_path_with_brackets(tmp_path: Path) -> None:
    audit_lib.configure(spool=tmp_path / "sp[o]ol")
    (tmp_path / "sp[o]ol.firehose.eu-west-1.s").write_text("{}\n")
    (tmp_path / "spool.firehose.eu-west-1.s").write_text("{}\n")
    assert [Path(path).name for path in audit_lib.health()["spools"]] == [
        "sp[o]ol.firehose.eu-west-1.s"
    ]


def test_a_refused_record_is_stored_once_however_long_an_outage_is(
    logs: Logs, make: Make, spool: Path
) -> None:
    refused = ClientError({"Error": {"Code": "InvalidParameterException"}}, "PutLogEvents")
    logs.fault = lambda _: UNREACHABLE
    handler = make()
    for text, hours in (("poison", 0), ("good", 0.001)):
        handler.handle(record(text, hours))
    handler.flush()

    def without_poison(events: list[dict[str, Any]]) -> Any:
        return refused if "poison" in str(events) else UNREACHABLE

    for _ in range(4):
        logs.fault = without_poison
        handler.handle(record("more"))
        handler.flush()
    assert names(spool) == {"spool.cloudwatchlogs.eu-west-1.g"}
    logs.fault = lambda events: refused if "poison" in str(events) else None
    handler.handle(record("last"))
    handler.flush()
    assert sorted(set(logs.messages)) == ["good", "last", "more"]
    stored = (spool / "spool.cloudwatchlogs.eu-west-1.g.refused").read_text().splitlines()
    assert [json.loads(line)["message"] for line in stored] == ["poison"]


@pytest.mark.parametrize("ending", [False, True])
@pytest.mark.parametrize("less", [0, 200, 1024, 3000])
def test_a_line_as_long_as_the_service_accepts_may_open_a_chain(
    logs: Logs, make: Make, less: int, ending: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    audit_lib.configure(max_bytes=put_log_events.MESSAGE_BYTES)
    handler = make()
    if ending:
        handler.close()
    extra = {"body": "x" * 1_200_000}
    audit_lib.configure(max_bytes=put_log_events.MESSAGE_BYTES - less)
    long = logging.makeLogRecord({"name": "a.audit", "msg": "long", **extra})
    handler.handle(long)
    handler.flush()
    handler.handle(record("next"))
    handler.close()
    assert logs.messages == ["long", "next"]
    assert max(map(len, logs.lines)) > put_log_events.MESSAGE_BYTES * 0.4
    assert audit_lib.verify(logs.lines).complete
    assert capsys.readouterr().err == ""


def test_a_line_that_needs_the_whole_call_is_sent(logs: Logs, make: Make) -> None:
    handler = make()
    handler.setFormatter(logging.Formatter("%(message)s"))
    room = put_log_events.MESSAGE_BYTES - 220
    handler.handle(record('{"@timestamp":"2026' + "x" * (room - 21) + '"}'))
    handler.flush()
    assert len(logs.lines) == 2
    assert len(logs.calls) == 2


TRANSIENT = [
    (400, "429"), (400, "408"), (408, "X"), (429, "X"), (500, "X"), (400, "ThrottledException"),
    (400, "RequestThrottledException"), (400, "SlowDown"), (400, "RequestTimeoutException"),
    (400, "ExpiredTokenException"), (400, "ExpiredToken"), (400, "BandwidthLimitExceeded"),
]  # fmt: skip


def http(status: int, content: bytes, headers: dict[str, str] | None = None) -> Any:
    raw = BytesIO(content)
    raw.stream = lambda **_: iter([content])  # type: ignore[attr-defined]
    return botocore.awsrequest.AWSResponse("https://logs", status, headers or {}, raw)


class Proxied:
    """Real clients, the first answers of which a proxy gives."""

    def __init__(self, service: str, *answers: Any) -> None:
        self.service, self.answers, self.sent = service, list(answers), 0

    def client(self) -> Any:
        client: Any = boto3.session.Session().client(self.service)  # type: ignore[call-overload]
        client.meta.events.register_first("before-send", self._respond)
        return client

    def _respond(self, **_: Any) -> Any:
        self.sent += 1
        return self.answers.pop(0) if self.answers else None


PROXIED = {
    "HTML": http(200, b"<html>Please sign in</html>", {"content-type": "text/html"}),
    "empty": http(200, b""),
    "204": http(204, b""),
    "500 with a list": http(500, b'["down"]'),
    "200 with a list": http(200, b'["up"]'),
    "200 with a text": http(200, b'"up"'),
}


@pytest.mark.parametrize("given", PROXIED)
@pytest.mark.parametrize("kind", ["logs", "dynamodb", "firehose"])
def test_an_answer_that_is_not_the_services_is_not_taken_for_one(
    service: Service, given: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    proxied = Proxied(kind, PROXIED[given])
    handler: BatchingHandler
    if kind == "logs":
        boto3.client("logs").create_log_group(logGroupName="g")
        boto3.client("logs").create_log_stream(logGroupName="g", logStreamName="s")
        handler = CloudWatchLogsHandler("g", "s", client=proxied.client, flush_interval=0)
    elif kind == "dynamodb":
        boto3.client("dynamodb").create_table(TableName="g", **TABLE)
        handler = DynamoDBHandler("g", client=proxied.client, flush_interval=0)
    else:
        boto3.client("s3").create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        boto3.client("firehose").create_delivery_stream(
            DeliveryStreamName="g",
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/r", "BucketARN": "arn:aws:s3:::bucket",
            },
        )  # fmt: skip
        handler = FirehoseHandler("g", client=proxied.client, flush_interval=0)
    handler.handle(record("x"))
    handler.flush()
    assert proxied.sent == 2
    assert capsys.readouterr().err == ""
    handler.close()


@pytest.mark.parametrize(("status", "code"), TRANSIENT)
def test_each_temporary_error_is_retried(
    logs: Logs, make: Make, status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    errors = [ClientError(response, "PutLogEvents")]
    logs.fault = lambda _: errors.pop() if errors else None
    handler = make(retry_for=5)
    handler.handle(record("x"))
    handler.flush()
    assert logs.messages == ["x"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error",
    [
        NoCredentialsError(),
        ClientError({"Error": {"Code": "ExpiredTokenException"}}, "PutLogEvents"),
    ],
)
def test_credentials_that_come_later_are_found_by_a_new_client(
    make: Make, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client keeps the credentials, or their absence, that it was made with."""
    made: list[Logs] = []

    def client() -> Logs:
        made.append(Logs())
        if len(made) == 1:
            made[0].fault = lambda _: error
        return made[-1]

    handler = make(client=client)
    for text in ("one", "two"):
        handler.handle(record(text))
        handler.flush()
    assert made[1].messages == ["two"]
    assert len(made) == 2


def test_an_exception_of_a_signal_handler_is_not_retried_after_close(
    logs: Logs, make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise TimeoutError("the job took too long")

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        handler = make(retry_for=30)
        handler.close()
        logs.fault = lambda _: os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(TimeoutError, match="too long"):
            handler.handle(record("x"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert logs.tried == 1
    assert '"message":"x"' in capsys.readouterr().err


@pytest.fixture
def table(service: Service) -> Iterator[tuple[DynamoDBHandler, AuditTable]]:
    boto3.client("dynamodb").create_table(TableName="t", **TABLE)
    handler = DynamoDBHandler("t", client=service.client("dynamodb"), flush_interval=0)
    yield handler, AuditTable("t")
    handler.close()


def test_a_record_is_found_by_the_id_with_which_it_was_written(
    table: tuple[DynamoDBHandler, AuditTable], logger: audit_lib.AppLogger
) -> None:
    class Colour(Enum):
        RED = "red"

    handler, reader = table
    logger.audit.addHandler(handler)
    at = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    ids: list[Any] = [
        (1, "ä"), [1], {"a": 1}, {"password": "hunter22"}, Decimal("1.50"), True, None, float("nan"),
        at, at - dt.datetime(2025, 1, 1, tzinfo=dt.UTC), b"x", Colour.RED, uuid4(), 5, "five", 2.5,
        2**60, "\ud800",
    ]  # fmt: skip
    for number, each in enumerate(ids):
        logger.audit.record_accessed(f"{number}", "user", record_id=each)
    handler.flush()
    for number, each in enumerate(ids):
        assert [found["message"] for found in reader.history_of("user", each)] == [str(number)]
    logger.audit.removeHandler(handler)


@pytest.mark.parametrize("actor", [0, 7, "7", True, 1.5, "0"])
def test_a_user_is_found_by_any_id(
    table: tuple[DynamoDBHandler, AuditTable], logger: audit_lib.AppLogger, actor: Any
) -> None:
    handler, reader = table
    logger.audit.addHandler(handler)
    with audit_lib.context(user={"id": actor}):
        logger.audit.event("x", action="a")
    with audit_lib.context(user={"id": ""}):
        logger.audit.event("y", action="a")
    handler.flush()
    assert [found["message"] for found in reader.done_by(actor)] == ["x"]
    logger.audit.removeHandler(handler)


def item_size(item: dict[str, Any]) -> int:
    """Return the size of an item as DynamoDB counts it: names and texts in UTF-8."""
    texts = {name: value.get("SS") or list(value.values()) for name, value in item.items()}
    return sum(len(name) + sum(len(text.encode()) for text in of) for name, of in texts.items())


def test_a_record_with_long_names_is_found(
    table: tuple[DynamoDBHandler, AuditTable], logger: audit_lib.AppLogger,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    handler, reader = table
    logger.audit.addHandler(handler)
    after = {f"{n:03}{'n' * 900}": "x" * 1_800 for n in range(99)}
    logger.audit.record_updated("m", "user", {}, after, record_id=7)
    handler.flush()
    assert [found["message"] for found in reader.history_of("user", 7)] == ["m"]
    assert capsys.readouterr().err == ""
    logger.audit.removeHandler(handler)


@pytest.mark.parametrize(("letter", "count"), [("n", 99), ("\u00e4", 60), ("\u20ac", 60)])
def test_an_item_with_long_names_is_below_400_kb(letter: str, count: int) -> None:
    fields = {f"{n:03}{letter * 900}": "updated" for n in range(count)}
    long = letter * 5_000
    document = {
        "@timestamp": "2026-01-01T00:00:00.000Z",
        "event": {"id": "i" * 36, "action": "a", "outcome": "success"},
        "user": {"id": "7"},
        "changes": {"fields": fields, "record_type": "user", "record_id": "7"},
    }
    body = json.dumps(document)
    body = f"{body[:-1]},{json.dumps('body')}:{json.dumps('x' * (379_000 - len(body)))}}}"
    found = _item(body.encode() + b"\n", 1)
    assert 380_000 < item_size(found) <= 400 * 1024
    assert 10 <= len(found["fields"]["SS"]) < 100
    document["event"] = {"id": "i", "action": long, "outcome": long}
    document["user"] = {"id": long}
    others = _item(json.dumps(document).encode() + b"\n", 1)
    del others["line"]
    others.pop("fields", None)
    assert item_size(others) <= 5 * 1024


def test_threads_share_what_is_being_sent(logs: Logs, make: Make) -> None:
    """`flush` of each thread waits for the records of all."""
    logs.pause = 0.05
    handler = make()

    def write(number: int) -> None:
        handler.handle(record(f"{number}", -number))
        handler.flush()
        assert str(number) in logs.messages

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logs.messages) == 8
