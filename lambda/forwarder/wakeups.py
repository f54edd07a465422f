"""Why the function was invoked: an alarm changed its state, the sweep's turn came, or neither."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["AlarmChange", "Sweep", "Unreadable", "Wakeup", "wakeups_in"]


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm went from `before` to `state` (`OK`, `ALARM`, `INSUFFICIENT_DATA`) at `at_ms`."""

    alarm: str
    state: str
    before: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """The schedule's turn: look after the alarms that keep ringing."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no alarm's; people get to see it as it came."""

    id: str
    text: str


Wakeup = AlarmChange | Sweep | Unreadable


def wakeups_in(event: dict[str, Any]) -> Iterator[Wakeup]:
    """Give the reasons in an event of SNS or EventBridge, each by itself. Never raises."""
    if event.get("source") == "aws.events":
        yield Sweep()
        return
    records = event.get("Records")
    if not isinstance(records, list):
        yield Unreadable("", json.dumps(event, default=repr))
        return
    for record in records:
        notice = record.get("Sns") if isinstance(record, dict) else None
        notice = (
            notice if isinstance(notice, dict) else {"Message": json.dumps(record, default=repr)}
        )
        message = str(notice.get("Message", ""))
        yield _alarm_change(message) or Unreadable(str(notice.get("MessageId", "")), message)


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
