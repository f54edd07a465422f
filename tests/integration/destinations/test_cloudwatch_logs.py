"""`CloudWatchLogsHandler` against moto: what arrives, and how the rest is handled."""

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import boto3
import pytest

import audit_lib
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler

from .conftest import BROKEN, DENIED, THROTTLED, Service, answer

GROUP = "/audit/shop"
SPOOL = "spool.jsonl.cloudwatchlogs.eu-west-1.%2Faudit%2Fshop"
HOUR = 3600


@pytest.fixture
def handler(service: Service) -> Iterator[CloudWatchLogsHandler]:
    boto3.client("logs").create_log_group(logGroupName=GROUP)
    made = CloudWatchLogsHandler(
        GROUP, "main", client=service.client("logs"), flush_interval=0.02, retry_for=5
    )
    yield made
    service.always = None
    made.close()


@pytest.fixture
def audit(
    logger: audit_lib.AppLogger, handler: CloudWatchLogsHandler
) -> Iterator[audit_lib.AuditLogger]:
    logger.audit.addHandler(handler)
    yield logger.audit
    logger.audit.removeHandler(handler)


def arrived() -> list[str]:
    """Return the messages of the stream in its order, those of the chain included."""
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    return [event["message"] for page in pages for event in page["events"]]


def event_messages() -> list[str]:
    """Return the messages of the records, without those of the chain."""
    return [
        document["message"]
        for document in map(json.loads, arrived())
        if not document["event"]["action"].startswith("audit-chain")
    ]


def say(audit: audit_lib.AuditLogger, *texts: str) -> None:
    for text in texts:
        audit.event(text, action="tried")


def problems() -> tuple[audit_lib.VerifyProblem, ...]:
    return audit_lib.verify([line.encode() for line in arrived()]).problems


def test_records_arrive_in_order_as_a_chain_that_proves_itself(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler
) -> None:
    texts = [f"record {number}" for number in range(500)]
    say(audit, *texts)
    handler.close()
    assert event_messages() == texts
    report = audit_lib.verify([line.encode() for line in arrived()])
    assert report.problems == ()
    assert [chain.end for chain in report.chains] == ["sealed"]


def test_it_calls_nothing_until_there_is_a_record_and_then_what_a_narrow_role_may(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service
) -> None:
    assert service.calls == []
    say(audit, "one")
    handler.flush()
    say(audit, "two")
    handler.close()
    assert service.calls[:3] == ["PutLogEvents", "CreateLogStream", "PutLogEvents"]
    assert set(service.calls) == {"CreateLogStream", "PutLogEvents"}


def test_a_record_of_300_kb_is_whole_and_one_of_2_mb_is_as_long_as_the_service_takes(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler
) -> None:
    audit.event("one", action="tried", extra={"body": "x" * 300_000})
    audit.event("two", action="tried", extra={"body": "x" * 2_000_000})
    handler.flush()
    whole, shortened = (json.loads(line) for line in arrived()[1:])
    assert whole["body"] == "x" * 300_000
    assert "notes" not in whole.get("changes", {})
    assert shortened["changes"]["notes"] == {"$.body": "shortened"}
    assert max(map(len, arrived())) <= 1_048_576 - 26


def test_what_configure_says_of_the_longest_line_holds_here_too(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler
) -> None:
    audit_lib.configure(max_bytes=4096)
    audit.event("one", action="tried", extra={"body": "x" * 300_000})
    handler.flush()
    assert max(map(len, arrived())) <= 4096


def test_one_line_that_is_too_long_takes_none_of_its_neighbours_along(
    audit: audit_lib.AuditLogger,
    handler: CloudWatchLogsHandler,
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler.setFormatter(logging.Formatter("%(message)s"))  # its text is not shortened
    for number in range(100):
        say(audit, "x" * 1_100_000 if number == 50 else f"record {number}")
    handler.flush()
    assert [text for text in arrived() if text.startswith("record")] == [
        f"record {number}" for number in range(100) if number != 50
    ]
    failed = capsys.readouterr().err
    assert failed.startswith(
        "audit_lib: the record below could not be written to CloudWatch Logs, log group /audit/shop:"
    )
    assert "x" * 1_100_000 in failed


def test_one_record_that_the_service_refuses_takes_none_of_its_neighbours_along(
    audit: audit_lib.AuditLogger,
    handler: CloudWatchLogsHandler,
    service: Service,
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(audit, "warm")
    handler.flush()
    refused = answer(400, "InvalidParameterException", "Log event message is not well-formed")
    service.always = lambda body: refused(body) if b"poison" in body else None
    texts = ["poison" if number == 50 else f"record {number}" for number in range(100)]
    say(audit, *texts)
    handler.flush()
    assert event_messages() == ["warm", *(text for text in texts if text != "poison")]
    assert problems() == ()
    failed = capsys.readouterr().err
    assert failed.count("could not be written") == 1
    assert "not well-formed" in failed
    assert json.loads(failed.splitlines()[1])["message"] == "poison"
    assert len(service.calls) < 30


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN, answer(503, "ServiceUnavailableException")])
def test_what_may_pass_is_tried_again_and_arrives_once(
    fault: Any, audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service
) -> None:
    service.faults += [fault, fault]
    say(audit, "one", "two")
    handler.flush()
    assert event_messages() == ["one", "two"]
    assert problems() == ()


def test_a_lost_answer_makes_a_second_copy_and_no_false_alarm(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service
) -> None:
    say(audit, "before")
    handler.flush()
    service.lost_answers = 1
    say(audit, "one")
    handler.close()
    assert event_messages() == ["before", "one", "one"]
    first, second = (json.loads(line) for line in arrived() if '"message":"one"' in line)
    assert first["event"]["id"] == second["event"]["id"]
    assert problems() == ()


def test_without_the_right_to_write_the_records_are_on_standard_error_at_once(
    audit: audit_lib.AuditLogger,
    handler: CloudWatchLogsHandler,
    service: Service,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.always = DENIED
    say(audit, "one", "two")
    handler.flush()
    failed = capsys.readouterr().err.splitlines()
    assert "AccessDeniedException" in failed[0]
    kept = [json.loads(line)["message"] for line in failed if line.startswith("{")]
    assert kept == ["one", "two"]
    assert len(service.calls) <= 2


def test_a_group_that_is_not_there_is_told_of_and_not_made(
    logger: audit_lib.AppLogger, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    made = CloudWatchLogsHandler(
        "/not/there", "main", client=service.client("logs"), flush_interval=0
    )
    logger.audit.addHandler(made)
    say(logger.audit, "one")
    made.close()
    failed = capsys.readouterr().err
    assert "log group /not/there" in failed
    assert "ResourceNotFoundException" in failed
    assert '"message":"one"' in failed


def test_what_the_service_does_not_take_waits_in_a_spool_of_its_own_and_goes_out_first(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service, tmp_path: Path
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool.jsonl")
    service.always = DENIED
    say(audit, "one", "two")
    handler.flush()
    spool = tmp_path / SPOOL
    assert [json.loads(line)["message"] for line in spool.read_text().splitlines()] == [
        "one",
        "two",
    ]
    service.always = None
    say(audit, "three")
    handler.close()
    assert event_messages() == ["one", "two", "three"]
    assert spool.read_text() == ""
    assert not (tmp_path / "spool.jsonl").exists()
    assert problems() == ()


def test_each_record_that_is_not_taken_goes_where_its_own_action_says(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    audit_lib.configure(
        catalogue={"actions": {"seen": {"on_failure": "stderr"}, "tried": {}}},
        on_failure="spool", spool=tmp_path / "spool.jsonl",
    )  # fmt: skip
    service.always = DENIED
    for action, text in (("seen", "one"), ("tried", "two"), ("seen", "three"), ("tried", "four")):
        audit.event(text, action=action)
    handler.flush()
    kept = [json.loads(line)["message"] for line in (tmp_path / SPOOL).read_text().splitlines()]
    noted = [line for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert kept == ["two", "four"]
    assert [json.loads(line)["message"] for line in noted] == ["one", "three"]


def test_two_groups_have_two_spools(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service, tmp_path: Path
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool.jsonl")
    other = CloudWatchLogsHandler(
        "/not/there", "main", client=service.client("logs"), flush_interval=0
    )
    long = CloudWatchLogsHandler(
        "/" + "x" * 500, "main", client=service.client("logs"), flush_interval=0
    )
    for each in (other, long):
        audit.addHandler(each)
    say(audit, "one")
    for each in (other, long):
        each.close()
        audit.removeHandler(each)
    handler.close()
    assert event_messages() == ["one"]
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept[0] == "spool.jsonl.cloudwatchlogs.eu-west-1.%2Fnot%2Fthere"
    assert len(kept) == 2
    assert len(kept[1]) < 150


def test_an_action_that_must_be_audited_is_there_when_the_call_returns_or_fails(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service
) -> None:
    audit_lib.configure(catalogue={"actions": {"paid": {"on_failure": "raise"}, "tried": {}}})
    audit.event("one", action="paid")
    assert event_messages() == ["one"]
    service.always = DENIED
    with pytest.raises(audit_lib.RecordLostError, match="AccessDenied") as caught:
        audit.event("two", action="paid")
    assert '"message":"two"' in str(caught.value)
    service.always = None
    audit.event("three", action="paid")
    assert event_messages() == ["one", "three"]
    handler.close()
    assert problems() == ()


def test_events_are_sorted_and_parted_by_day_and_those_out_of_time_are_kept_elsewhere(
    service: Service,
    handler: CloudWatchLogsHandler,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool.jsonl")
    now = time()
    ages = {"now": 0, "fortnight": -15 * 24, "future": 3, "yesterday": -25, "earlier": -1}
    for text, hours in ages.items():
        record = logging.makeLogRecord(
            {"name": "a.audit", "msg": text, "created": now + hours * HOUR}
        )
        handler.handle(record)
    handler.close()
    assert [json.loads(line)["message"] for line in arrived() if "audit-chain" not in line] == [
        "yesterday",
        "earlier",
        "now",
    ]
    refused = (tmp_path / f"{SPOOL}.refused").read_text().splitlines()
    kept = {json.loads(line)["message"]: json.loads(line)["@timestamp"] for line in refused}
    assert set(kept) == {"fortnight", "future"}
    assert kept["future"] > kept["fortnight"]
    assert problems() == ()


def test_what_the_service_rejects_in_a_successful_answer_is_kept_elsewhere(
    audit: audit_lib.AuditLogger,
    handler: CloudWatchLogsHandler,
    service: Service,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    say(audit, "warm")
    handler.flush()
    put = handler._put_events
    with monkeypatch.context() as patch:
        patch.setattr(
            handler,
            "_put_events",
            lambda client, events: (
                put(client, events[1:]) | {"rejectedLogEventsInfo": {"expiredLogEventEndIndex": 1}}
            ),
        )
        say(audit, "one", "two")
        handler.flush()
    assert event_messages() == ["warm", "two"]
    failed = capsys.readouterr().err
    assert "expiredLogEventEndIndex" in failed
    assert [json.loads(line)["message"] for line in failed.splitlines()[1:]] == ["one"]
    say(audit, "three")
    handler.close()
    assert event_messages() == ["warm", "two", "three"]


def test_a_full_queue_pushes_back_and_drops_nothing(
    logger: audit_lib.AppLogger, service: Service
) -> None:
    boto3.client("logs").create_log_group(logGroupName=GROUP)
    made = CloudWatchLogsHandler(
        GROUP, "main", client=service.client("logs"), flush_interval=0, queue_bytes=20_000
    )
    logger.audit.addHandler(made)
    open_again = threading.Event()
    service.always = lambda _: (open_again.wait(20), None)[1]
    texts = [f"record {number}" for number in range(100)]
    writer = threading.Thread(target=say, args=(logger.audit, *texts))
    writer.start()
    writer.join(1)
    assert writer.is_alive()  # about 30 fit in
    assert len(made._queue) < 60
    open_again.set()
    writer.join(20)
    made.close()
    assert event_messages() == texts


def test_on_the_root_at_debug_what_botocore_says_of_the_sending_is_not_sent(
    service: Service, handler: CloudWatchLogsHandler
) -> None:
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        logging.getLogger("botocores.neighbour").info("one")
        handler.flush()
        handler.flush()
        handler.close()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert len(arrived()) <= 3  # the record, and the chain's first and last
    assert sum('"message":"one"' in line for line in arrived()) == 1


def test_a_botocore_hook_that_audits_each_call_makes_no_endless_records(
    audit: audit_lib.AuditLogger,
    handler: CloudWatchLogsHandler,
    service: Service,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.always = lambda _: say(audit, "a call to AWS")
    say(audit, "one")
    handler.flush()
    service.always = None
    assert event_messages() == ["one"]
    assert 1 <= capsys.readouterr().err.count('"message":"a call to AWS"') <= 3


def test_eight_threads_lose_nothing(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, service: Service
) -> None:
    service.faults += [THROTTLED, None, BROKEN, None, THROTTLED]
    texts = [[f"thread {t} record {n}" for n in range(200)] for t in range(8)]
    threads = [threading.Thread(target=say, args=(audit, *each)) for each in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handler.close()
    assert sorted(event_messages()) == sorted(text for each in texts for text in each)
    assert problems() == ()


def test_a_record_of_an_hour_ago_begins_a_chain_of_its_own_since_events_are_read_by_time(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler
) -> None:
    say(audit, "now")
    handler.flush()
    earlier = {"name": "a.audit", "msg": "earlier", "created": time() - HOUR}
    handler.handle(logging.makeLogRecord(earlier))
    handler.close()
    report = audit_lib.verify([line.encode() for line in arrived()])
    assert (report.problems, len(report.chains)) == ((), 2)


def test_after_close_a_record_is_sent_at_once(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler
) -> None:
    say(audit, "one")
    handler.close()
    say(audit, "two")
    assert event_messages() == ["one", "two"]
    report = audit_lib.verify([line.encode() for line in arrived()])
    assert report.problems == ()
    assert [chain.end for chain in report.chains] == ["sealed", "sealed"]


def test_a_lambda_function_that_ends_leaves_nothing_to_a_frozen_process(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler
) -> None:
    from audit_lib.adapters.aws_lambda import audited

    handler._sender.flush_interval = 60

    @audited
    def function(event: Any, context: Any) -> str:
        say(audit, "one")
        return "done"

    assert function({}, None) == "done"
    assert event_messages() == ["one"]


def test_a_spool_that_waits_since_another_process_goes_out_with_the_first_record(
    audit: audit_lib.AuditLogger, handler: CloudWatchLogsHandler, tmp_path: Path
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool.jsonl")
    old = '{"@timestamp":"2020-01-01T00:00:00.000Z","message":"too old","event":{"action":"x"}}\n'
    new = old.replace("2020-01-01T00", _this_hour()).replace("too old", "old")
    (tmp_path / SPOOL).write_text(old + new)
    say(audit, "one")
    handler.close()
    assert event_messages() == ["old", "one"]
    assert (tmp_path / SPOOL).read_text() == ""
    assert "too old" in (tmp_path / f"{SPOOL}.refused").read_text()


def _this_hour() -> str:
    from datetime import UTC, datetime

    return f"{datetime.now(UTC):%Y-%m-%dT%H}"


def test_nothing_takes_it_and_flush_says_so(
    audit: audit_lib.AuditLogger,
    handler: CloudWatchLogsHandler,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.always = DENIED
    monkeypatch.setattr("sys.stderr", None)
    say(audit, "one")
    with pytest.raises(audit_lib.RecordLostError, match='"message":"one"'):
        handler.flush()
    handler.flush()  # the loss is reported once


def test_dict_config_takes_it(service: Service, logger: audit_lib.AppLogger) -> None:
    import logging.config

    boto3.client("logs").create_log_group(logGroupName=GROUP)
    logging.config.dictConfig({
        "version": 1,
        "incremental": False,
        "disable_existing_loggers": False,
        "handlers": {
            "cloudwatch": {
                "class": "audit_lib.destinations.cloudwatch_logs.CloudWatchLogsHandler",
                "group": GROUP,
                "flush_interval": 0,
            }
        },
        "loggers": {logger.audit.name: {"handlers": ["cloudwatch"]}},
    })  # fmt: skip
    say(logger.audit, "one")
    (made,) = logger.audit.handlers
    made.close()
    logger.audit.removeHandler(made)
    assert event_messages() == ["one"]
