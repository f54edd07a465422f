"""The check of the alarms: what CloudWatch counted is read from the audit log group and put into the outbox.

It is the second way to a notification, which does not depend on the subscription of the matcher. CloudWatch
notifies only of a CHANGE of an alarm's state, so an alarm says where to look, not what to send: on ALARM, on
OK, and by a schedule while the alarm stays in ALARM, all records of the rule since the last check are read.
What the outbox has already is not put again.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from audit_rules import AuditConfig, Rule
from forwarder.matcher import Matcher
from forwarder.notification import Reason
from forwarder.stages.match import WatchedSince
from forwarder.stages.read import FoundRecord, Reader
from forwarder.triggers import AlarmChange, ScheduledSweep, Trigger, UnknownMessage

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Check", "CheckError", "Marks"]

# Ingestion can be late, and an alarm is some minutes behind, so windows overlap by this much.
_OVERLAP_MS: Final = 10 * 60_000
_MAX_LOOK_BACK_MS: Final = 24 * 3600_000
_MAX_AHEAD_MS: Final = 2 * 3600_000  # how far in the future CloudWatch accepts timestamps
_LOOKUP_PAUSE: Final = 2
_SETTLE_SECONDS: Final = 5  # meanwhile the matcher has put the records that caused the alarm
_MAX_ALARMS_PER_CALL: Final = 100
_RECORDS_AT_ONCE: Final = 1000


class CheckError(Exception):
    """A trigger failed; the invocation must be retried."""


class Marks:
    """What the check has to remember, in the outbox table: how far it read, and since when rules watch."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read_until(self, rule_id: str) -> int:
        """Return the time in ms since 1970 until which a rule's records are in the outbox; 0 if unknown."""
        item = self._item(f"read#{rule_id}")
        return int(item["until_ms"]["N"]) if item else 0

    def note_read(self, rule_id: str, until_ms: int) -> None:
        """Store the time in ms since 1970 until which a rule's records are in the outbox."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={"id": {"S": f"read#{rule_id}"}, "until_ms": {"N": str(until_ms)}},
        )

    def watched_since(self, rules: Iterable[Rule], now_ms: int) -> WatchedSince:
        """Return since when each rule watches each of its channels; store it for new ones.

        A new one watches since a minute ago, because the check runs each minute.
        """
        pairs = [(rule.id, channel) for rule in rules for channel in rule.channels]
        item = self._item("since")
        known = json.loads(item["pairs"]["S"]) if item else {}
        new = {f"{rule}#{channel}": now_ms - 60_000 for rule, channel in pairs}
        if not new.keys() <= known.keys():
            known = new | known
            self._dynamodb.put_item(
                TableName=self._table,
                Item={"id": {"S": "since"}, "pairs": {"S": json.dumps(known)}},
            )
        return {(rule, channel): int(known[f"{rule}#{channel}"]) for rule, channel in pairs}

    def _item(self, id_: str) -> Mapping[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": id_}}, ConsistentRead=True
        )
        return answer.get("Item", {})


@dataclass(slots=True)
class Checked:
    """What one invocation did: the numbers of items by state, and its failures."""

    states: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def collecting_failures(self, about: str) -> Iterator[None]:
        """Suppress any exception of the `with` block, and append it to `failures`, with what it is about."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - `raise_failures` raises it
            self.failures.append(f"{about}: {type(error).__name__}: {error}")

    def raise_failures(self) -> None:
        """Raise one exception with the texts of all failures, if there are any.

        Raises:
            CheckError: there are failures.
        """
        if self.failures:
            raise CheckError("; ".join(self.failures))


@dataclass(slots=True, kw_only=True)
class Check:
    """Puts the records that alarms counted into the outbox, unless they are there."""

    config: AuditConfig
    reader: Reader
    marks: Marks
    matcher: Matcher
    cloudwatch: "CloudWatchClient"
    lookup_seconds: int
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    sleep: Callable[[float], None] = time.sleep

    def run(self, triggers: Iterable[Trigger]) -> Checked:
        """Handle each trigger; a failure does not stop the others."""
        checked = Checked()
        for trigger in triggers:
            with checked.collecting_failures(_described(trigger)):
                self._handle(trigger, checked)
        return checked

    def _handle(self, trigger: Trigger, checked: Checked) -> None:
        rules = {self.config.names.alarm(rule.id): rule for rule in self.config.rules}
        match trigger:
            case AlarmChange(alarm, "ALARM", _, at_ms) if alarm in rules:
                self._on_alarm(rules[alarm], at_ms, checked)
            case AlarmChange(alarm, "OK", "ALARM", at_ms) if alarm in rules:
                rule = rules[alarm]
                self._catch_up(
                    rule, self.marks.read_until(rule.id) or at_ms - _MAX_LOOK_BACK_MS, checked
                )
            case AlarmChange(_, "OK" | "INSUFFICIENT_DATA"):
                pass  # a new alarm, or one of a removed rule: nothing to send
            case AlarmChange(alarm, state, _, at_ms):
                text = (
                    f"The alarm {alarm} is {state}; it does not belong to a rule of audit.toml. Delete"
                    " the alarm, or remove the trail's SNS topic from its actions."
                )
                self._forward_message(f"{alarm}@{at_ms}", text)
            case UnknownMessage(id_, text):
                self._forward_message(id_ or text, text)
            case ScheduledSweep():
                self._sweep(rules, checked)

    def _on_alarm(self, rule: Rule, at_ms: int, checked: Checked) -> None:
        """Put the records that caused the alarm.

        While they cannot be read, read again every 2 seconds for `lookup_seconds`; then put a notice that they
        were not found.
        """
        since = max(at_ms, self.marks.read_until(rule.id))
        waited = 0
        self.sleep(_SETTLE_SECONDS)
        while True:
            found, now_ms = self._read(rule, since)
            missing = not rule.reaching([record.timestamp_ms for record in found])
            if not missing or waited >= self.lookup_seconds:
                break
            self.sleep(_LOOKUP_PAUSE)
            waited += _LOOKUP_PAUSE
            since = at_ms - _MAX_LOOK_BACK_MS  # or they are older than expected
        if missing:
            text = (
                f"The alarm of the rule {rule.title!r} went into ALARM, but its records could not be"
                " found in the audit log group yet. They are sent when they are found."
            )
            self.matcher.notice(
                rule.channels, text, reason=Reason.NOT_FOUND, id_=f"{rule.id}@{at_ms}"
            )
        self._put(rule, found, now_ms, checked)

    def _sweep(self, rules: Mapping[str, Rule], checked: Checked) -> None:
        """Note since when rules watch, count thresholds again, and read for the alarms in ALARM."""
        with checked.collecting_failures("since"):
            self.marks.watched_since(self.config.rules, self.now_ms())
        with checked.collecting_failures("thresholds"):
            checked.states += self.matcher.count_again()
        names = list(rules)
        for first in range(0, len(names), _MAX_ALARMS_PER_CALL):
            pages = self.cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNames=names[first : first + _MAX_ALARMS_PER_CALL], StateValue="ALARM"
            )
            for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
                changed = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
                rule = rules[alarm["AlarmName"]]
                with checked.collecting_failures(f"rule {rule.id!r}"):
                    at_ms = int(changed.timestamp() * 1000)
                    self._catch_up(rule, max(at_ms, self.marks.read_until(rule.id)), checked)

    def _catch_up(self, rule: Rule, since_ms: int, checked: Checked) -> None:
        found, now_ms = self._read(rule, since_ms)
        self._put(rule, found, now_ms, checked)

    def _read(self, rule: Rule, since_ms: int) -> tuple[list[FoundRecord], int]:
        now_ms = self.now_ms()
        since_ms = max(since_ms, now_ms - _MAX_LOOK_BACK_MS)
        since_ms -= rule.window_minutes * 60_000 + _OVERLAP_MS
        return self.reader.read(rule, since_ms=since_ms, until_ms=now_ms + _MAX_AHEAD_MS), now_ms

    def _put(self, rule: Rule, found: list[FoundRecord], read_ms: int, checked: Checked) -> None:
        """Put records that are complete until `read_ms`, a time in ms since 1970."""
        since = self.marks.watched_since(self.config.rules, read_ms)
        for at in range(0, len(found), _RECORDS_AT_ONCE):
            part = found[at : at + _RECORDS_AT_ONCE]
            checked.states += self.matcher.match(
                part, reason=Reason.FOUND, rules=[rule], since=since, selected=True
            )
            # After a timeout, the next invocation continues from here.
            self.marks.note_read(rule.id, min(part[-1].timestamp_ms, read_ms))
        self.marks.note_read(rule.id, read_ms)

    def _forward_message(self, id_: str, text: str) -> None:
        """Put a message that does not belong to a rule for all channels."""
        self.matcher.notice(self.config.channels, text, reason=Reason.NOTICE, id_=f"message#{id_}")


def _described(trigger: Trigger) -> str:
    """Return what a failure of a trigger is about."""
    match trigger:
        case AlarmChange(alarm):
            return f"alarm {alarm!r}"
        case ScheduledSweep():
            return "scheduled sweep"
    return "message that is not from an alarm"
