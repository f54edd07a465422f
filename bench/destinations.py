"""Compares `CloudWatchLogsHandler` with `watchtower`: what arrives in each trial, and the cost of a call.

Both write to moto's CloudWatch Logs in this process, which accepts calls that AWS rejects: the trial
rejects those.
"""

import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from statistics import median
from threading import Event, Thread
from typing import Any, Final

import boto3
import watchtower
from ecs_logging import StdlibFormatter
from moto import mock_aws

import audit_lib
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler

GROUP: Final = "/audit/bench"
HOUR: Final = 3600
Fault = Callable[[dict[str, Any]], Any]


class Trial:
    """A new log group, a client with injected faults, and one of the handlers."""

    def __init__(self, kind: str, fault: Fault | None = None) -> None:
        self.calls: set[str] = set()
        self.fault = fault
        client = boto3.client("logs", region_name="eu-west-1")
        client.create_log_group(logGroupName=GROUP)
        client.meta.events.register_first("before-call", self._before)
        self.handler: logging.Handler
        if kind == "ours":
            self.handler = CloudWatchLogsHandler(
                GROUP, "main", client=lambda: client, flush_interval=0.1, queue_bytes=1_000_000
            )
        else:
            self.handler = watchtower.CloudWatchLogHandler(
                GROUP, log_stream_name="main", boto3_client=client, send_interval=1
            )
            self.handler.setFormatter(StdlibFormatter())

    def _before(self, params: dict[str, Any], event_name: str, **_: Any) -> Any:
        name = event_name.rpartition(".")[2]
        self.calls.add(name)
        if name != "PutLogEvents":
            return None
        events = json.loads(params["body"])["logEvents"]
        return (self.fault and self.fault({"events": events})) or _aws_error(events)

    def log(self, text: str, hours: float = 0, **extra: Any) -> None:
        created = time.time() + hours * HOUR
        values = {"name": "shop.audit", "msg": text, "created": created, "levelno": logging.INFO}
        self.handler.handle(logging.makeLogRecord(values | {"levelname": "INFO"} | extra))

    def arrived(self) -> list[dict[str, Any]]:
        """Return the records; one that is not complete JSON is empty."""
        pages = boto3.client("logs", region_name="eu-west-1").get_paginator("filter_log_events")
        found = []
        for page in pages.paginate(logGroupName=GROUP):
            for event in page["events"]:
                try:
                    document = json.loads(event["message"])
                except ValueError:
                    document = {}
                if "chain" not in str(document.get("message")):
                    found.append(document)
        return found


class _Http:
    status_code = 400


def refused(code: str) -> Any:
    return _Http(), {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }


def _aws_error(events: list[dict[str, Any]]) -> Any:
    times = [event["timestamp"] for event in events]
    if max(times) - min(times) >= 24 * HOUR * 1000:
        return refused("InvalidParameterException")
    return None


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Capture standard error, and yield its JSON lines."""
    caught = StringIO()
    lines: list[str] = []
    with warnings.catch_warnings(), redirect_stderr(caught):
        warnings.simplefilter("ignore")
        yield lines
    lines += [line for line in caught.getvalue().splitlines() if line.startswith("{")]


def kept(trial: Trial, sent: int, elsewhere: list[str]) -> str:
    whole = sum(1 for each in trial.arrived() if each)
    beside = f", {len(elsewhere)} on standard error" if elsewhere else ""
    lost = sent - whole - len(elsewhere)
    return f"{whole} of {sent} whole{beside}" + (f", {lost} LOST" if lost else "")


def a_record_of_300_kb(kind: str) -> str:
    trial = Trial(kind)
    with quiet() as lines:
        trial.log("one", body="x" * 300_000)
        trial.handler.close()
    return kept(trial, 1, lines)


def throttled_for_two_seconds(kind: str) -> str:
    until = time.monotonic() + 2
    trial = Trial(
        kind, lambda _: refused("ThrottlingException") if time.monotonic() < until else None
    )
    with quiet() as lines:
        for number in range(100):
            trial.log(f"record {number}")
        trial.handler.flush()
        trial.handler.close()
    return kept(trial, 100, lines)


def one_of_a_hundred_refused(kind: str) -> str:
    def fault(call: dict[str, Any]) -> Any:
        bad = any("poison" in event["message"] for event in call["events"])
        return refused("InvalidParameterException") if bad else None

    trial = Trial(kind, fault)
    with quiet() as lines:
        for number in range(100):
            trial.log("poison" if number == 50 else f"record {number}")
        trial.handler.close()
    return kept(trial, 100, lines)


def out_of_time_and_out_of_order(kind: str) -> str:
    trial = Trial(kind)
    with quiet() as lines:
        for hours in (0, -15 * 24, 3, -25, -1):
            trial.log(f"{hours} h", hours)
        trial.handler.close()
    return kept(trial, 5, lines)


def after_logging_was_shut_down(kind: str) -> str:
    trial = Trial(kind)
    with quiet() as lines:
        trial.log("one")
        trial.handler.close()
        trial.log("two")
        trial.handler.flush()
    return kept(trial, 2, lines)


def no_right_to_write(kind: str) -> str:
    trial = Trial(kind, lambda _: refused("AccessDeniedException"))
    with quiet() as lines:
        for number in range(100):
            trial.log(f"record {number}")
        trial.handler.close()
    return kept(trial, 100, lines)


def a_service_that_stands_still(kind: str) -> str:
    """Count the records in memory while the service does not respond; 20,000 records of 1 KB are written."""
    open_again = Event()
    trial = Trial(kind, lambda _: (open_again.wait(), None)[1])
    written = 0

    def write() -> None:
        nonlocal written
        for number in range(20_000):
            trial.log(f"record {number}", body="x" * 700)
            written += 1

    thread = Thread(target=write)
    with quiet() as lines:
        thread.start()
        thread.join(8)
        held = written
        open_again.set()
        thread.join()
        trial.handler.flush()
        trial.handler.close()
    return f"{held:,} in memory; then {kept(trial, 20_000, lines)}"


def what_it_calls(kind: str) -> str:
    trial = Trial(kind)
    with quiet():
        trial.log("one")
        trial.handler.close()
    return ", ".join(sorted(trial.calls))


def microseconds(kind: str, formatter: logging.Formatter | None) -> float:
    """Return the cost of a call; with a formatter, both handlers write the same document."""
    trial = Trial(kind)
    if formatter:
        trial.handler.setFormatter(formatter)
    rounds = []
    with quiet():
        for _ in range(5):
            began = time.process_time()
            for number in range(400):
                trial.log(f"record {number}")
            rounds.append((time.process_time() - began) / 400 * 1e6)
            trial.handler.flush()
        trial.handler.close()
    return median(rounds)


TRIALS: Final = (
    a_record_of_300_kb, one_of_a_hundred_refused, throttled_for_two_seconds,
    out_of_time_and_out_of_order, after_logging_was_shut_down, no_right_to_write,
    a_service_that_stands_still, what_it_calls,
)  # fmt: skip


def main() -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
    audit_lib.configure()
    for trial in TRIALS:
        print(trial.__name__.replace("_", " "))
        for kind in ("watchtower", "ours"):
            with mock_aws():
                print(f"  {kind:<12}{trial(kind)}")
    print("a call, of the caller's and the thread's CPU time")
    with mock_aws():
        theirs = microseconds("watchtower", None)
    with mock_aws():
        ours = microseconds("ours", None)
    print(f"  watchtower with ecs_logging {theirs:.0f} us, ours {ours:.0f} us: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
