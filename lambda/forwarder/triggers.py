"""Parses the event of an invocation of the forwarder into triggers, such as alarm state changes."""

import gzip
import json
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = [
    "AlarmChange",
    "DeliveredRecords",
    "ScheduledSweep",
    "Trigger",
    "UnknownMessage",
    "triggers_in",
]


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm changed its state from `before` to `state` at `at_ms`, in milliseconds since 1970.

    The states are `OK`, `ALARM` and `INSUFFICIENT_DATA`.
    """

    alarm: str
    state: str
    before: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ScheduledSweep:
    """The EventBridge schedule: send held records, and new records of alarms that stay in ALARM."""


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message of another form; its text is forwarded to all channels."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class DeliveredRecords:
    """Log events from the subscription filter of urgent rules: timestamp in ms since 1970, and line."""

    records: tuple[tuple[int, str], ...]


Trigger = AlarmChange | DeliveredRecords | ScheduledSweep | UnknownMessage


def triggers_in(event: dict[str, Any]) -> Iterator[Trigger]:
    """Yield the triggers in an event of SNS, EventBridge or a subscription filter.

    An event, or an SNS message, of another form becomes an `UnknownMessage`, so that it is not lost.
    """
    if event.get("source") == "aws.events":
        yield ScheduledSweep()
        return
    if "awslogs" in event:
        yield _delivered_records(event)
        return
    records = event.get("Records")
    if not isinstance(records, list):
        yield UnknownMessage("", json.dumps(event, default=repr))
        return
    for record in records:
        notice = record.get("Sns") if isinstance(record, dict) else None
        notice = (
            notice if isinstance(notice, dict) else {"Message": json.dumps(record, default=repr)}
        )
        message = str(notice.get("Message", ""))
        yield _alarm_change(message) or UnknownMessage(str(notice.get("MessageId", "")), message)


def _delivered_records(event: dict[str, Any]) -> Trigger:
    """Decode the event of a subscription filter: JSON, compressed with gzip and encoded in Base64.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    """
    try:
        payload = json.loads(gzip.decompress(b64decode(event["awslogs"]["data"])))
        if payload["messageType"] == "CONTROL_MESSAGE":
            return DeliveredRecords(())
        return DeliveredRecords(
            tuple((int(each["timestamp"]), str(each["message"])) for each in payload["logEvents"])
        )
    except (
        ValueError, TypeError, KeyError, OverflowError, OSError, EOFError, zlib.error, RecursionError
    ):  # fmt: skip
        return UnknownMessage("", json.dumps(event, default=repr))


def _alarm_change(message: str) -> AlarmChange | None:
    """Parse the SNS message of an alarm; return None if it has another form.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
    """
    try:
        alarm = json.loads(message)
        at = datetime.fromisoformat(alarm["StateChangeTime"])
        return AlarmChange(
            alarm=str(alarm["AlarmName"]),
            state=str(alarm["NewStateValue"]),
            before=str(alarm.get("OldStateValue", "")),
            at_ms=int(at.timestamp() * 1000),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
