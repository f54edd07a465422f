"""The triggers of an invocation: alarm state changes, the scheduled sweep, delivered records, other messages."""

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
    """An alarm changed from `before` to `state` (`OK`, `ALARM`, `INSUFFICIENT_DATA`) at `at_ms`."""

    alarm: str
    state: str
    before: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ScheduledSweep:
    """The schedule: check the alarms that stay in ALARM."""


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message that is not from an alarm; it is shown unchanged."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class DeliveredRecords:
    """Records that urgent rules may match: the timestamp in ms since 1970 and the line of each."""

    records: tuple[tuple[int, str], ...]


Trigger = AlarmChange | DeliveredRecords | ScheduledSweep | UnknownMessage


def triggers_in(event: dict[str, Any]) -> Iterator[Trigger]:
    """Yield the triggers in an event of SNS, EventBridge or a subscription filter. Never raises."""
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
    """Decode the event of a subscription filter: JSON, compressed with gzip and encoded in base64.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    """
    try:
        payload = json.loads(gzip.decompress(b64decode(event["awslogs"]["data"])))
        if payload["messageType"] == "CONTROL_MESSAGE":
            return DeliveredRecords(())
        return DeliveredRecords(
            tuple((int(each["timestamp"]), str(each["message"])) for each in payload["logEvents"])
        )
    except (ValueError, TypeError, KeyError, OSError, EOFError, zlib.error, RecursionError):
        return UnknownMessage("", json.dumps(event, default=repr))


def _alarm_change(message: str) -> AlarmChange | None:
    """Parse the message of an alarm, or return None.

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
