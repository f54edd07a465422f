"""Why the function was invoked: an alarm changed its state, the sweep's turn came, or neither."""

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
    """An alarm went from `before` to `state` (`OK`, `ALARM`, `INSUFFICIENT_DATA`) at `at_ms`."""

    alarm: str
    state: str
    before: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ScheduledSweep:
    """The schedule's turn: look after the alarms that keep ringing."""


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message that is no alarm's; people get to see it as it came."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class DeliveredRecords:
    """Records that urgent rules may tell: each with its time in ms since 1970, and its line."""

    records: tuple[tuple[int, str], ...]


Trigger = AlarmChange | DeliveredRecords | ScheduledSweep | UnknownMessage


def triggers_in(event: dict[str, Any]) -> Iterator[Trigger]:
    """Give the reasons in an event of SNS, EventBridge or a subscription, each by itself. Never raises."""
    if event.get("source") == "aws.events":
        yield ScheduledSweep()
        return
    if "awslogs" in event:
        yield _arrived(event)
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


def _arrived(event: dict[str, Any]) -> Trigger:
    """Unpack what a subscription delivers: base64 of gzip of JSON.

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
    """Read an alarm's message.

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
