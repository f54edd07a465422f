"""The pipeline of the forwarder: handles the triggers of an invocation and sends the notifications.

CloudWatch notifies only of a CHANGE of an alarm's state, so an alarm says where to look, not what to
send. On ALARM, on OK, and by a sweep while the alarm stays in ALARM, all records of the rule since the
last read are read, and sent unless the ledger contains them. Records of urgent rules are sent when a
subscription filter delivers them; records in quiet hours are held until the first sweep afterwards.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import boto3

from audit_rules import (
    AuditConfig,
    FilterPattern,
    Rule,
    Severity,
    load_config,
)
from forwarder._settings import ForwarderSettings
from forwarder.channels import ChannelError, NotificationSender, open_channels
from forwarder.notification import Notification, Reason
from forwarder.stages.evidence import Evidence
from forwarder.stages.ledger import Decision, Ledger
from forwarder.stages.read import FoundRecord, Reader, found_records
from forwarder.stages.render import Renderer
from forwarder.stages.threshold import reaching_threshold
from forwarder.text import clean, shortened
from forwarder.triggers import (
    AlarmChange,
    DeliveredRecords,
    ScheduledSweep,
    Trigger,
    UnknownMessage,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

__all__ = ["Forwarder", "ForwardingError", "Invocation"]

# Ingestion can be late, and an alarm is some minutes behind, so windows overlap by this much.
_OVERLAP_MS: Final = 10 * 60_000
_MAX_LOOK_BACK_MS: Final = 24 * 3600_000
_MAX_AHEAD_MS: Final = 2 * 3600_000  # how far in the future CloudWatch accepts timestamps
_LOOKUP_PAUSE: Final = 2
_MAX_ALARMS_PER_CALL: Final = 100
_MAX_RECORDS_PER_NOTIFICATION: Final = 1000  # claiming them takes some seconds per channel
_MAX_NOTICE_LENGTH: Final = 1000


class ForwardingError(Exception):
    """A trigger or a notification failed; the invocation must be retried."""


@dataclass(slots=True)
class Invocation:
    """One invocation: its request id (`owner` of its claims), its counts of decisions, and its failures."""

    owner: str
    decisions: Counter[str] = field(default_factory=Counter)
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
            ForwardingError: there are failures.
        """
        if self.failures:
            raise ForwardingError("; ".join(self.failures))


@dataclass(slots=True, kw_only=True)
class Forwarder:
    """Sends each record that a rule matches to each of the rule's channels, normally once (see `ledger`)."""

    config: AuditConfig
    reader: Reader
    ledger: Ledger
    renderer: Renderer
    channels: Mapping[str, NotificationSender]
    cloudwatch: "CloudWatchClient"
    lookup_seconds: int
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_settings(cls, settings: ForwarderSettings) -> "Forwarder":
        """Create a forwarder with boto3 clients.

        Raises:
            ConfigError: the configuration file is invalid.
        """
        config = load_config(settings.config_file)
        log_group = settings.audit_log_group
        evidence = Evidence(region=settings.region, log_group=log_group)
        return cls(
            config=config,
            reader=Reader(logs=boto3.client("logs"), log_group=log_group),
            ledger=Ledger(dynamodb=boto3.client("dynamodb"), table=settings.ledger_table),
            renderer=Renderer(config=config, evidence=evidence),
            channels=open_channels(config, cache(boto3.client)),
            cloudwatch=boto3.client("cloudwatch"),
            lookup_seconds=settings.lookup_seconds,
        )

    def run(self, triggers: Iterable[Trigger], *, owner: str) -> Invocation:
        """Handle each trigger; return the decisions and failures. A failure does not stop the others."""
        invocation = Invocation(owner)
        for trigger in triggers:
            with invocation.collecting_failures(_described(trigger)):
                self._handle(trigger, invocation)
        return invocation

    def _handle(self, trigger: Trigger, invocation: Invocation) -> None:
        rules = {self.config.names.alarm(rule.id): rule for rule in self.config.rules}
        match trigger:
            case AlarmChange(alarm, "ALARM" | "OK", _, at_ms) if self._hold_if_quiet(
                rules.get(alarm), at_ms, invocation
            ):
                pass  # the sweep sends it after the quiet hours
            case AlarmChange(alarm, "ALARM", _, at_ms) if alarm in rules:
                self._on_alarm(rules[alarm], at_ms, invocation)
            case AlarmChange(alarm, "OK", "ALARM", at_ms) if alarm in rules:
                rule = rules[alarm]
                since = self.ledger.read_until(rule.id) or at_ms - _MAX_LOOK_BACK_MS
                self._catch_up(rule, since, Reason.BACK_TO_OK, invocation)
            case AlarmChange(_, "OK" | "INSUFFICIENT_DATA"):
                pass  # a new alarm, or one of a removed rule: nothing to send
            case AlarmChange(alarm, state, _, at_ms):
                text = (
                    f"The alarm {alarm} is {state}; it does not belong to a rule of audit.toml. Delete"
                    " the alarm, or remove the trail's SNS topic from its actions."
                )
                self._forward_message(f"{alarm}@{at_ms}", text, invocation)
            case DeliveredRecords(records):
                self._on_delivery(found_records(records), invocation)
            case UnknownMessage(id_, text):
                self._forward_message(id_ or text, text, invocation)
            case ScheduledSweep():
                self._sweep(rules, invocation)

    def _on_alarm(self, rule: Rule, at_ms: int, invocation: Invocation) -> None:
        """Send the records that caused the alarm.

        While they cannot be read, read again every 2 seconds for `lookup_seconds`; then send a notification
        that they were not found.
        """
        since = max(at_ms, self.ledger.read_until(rule.id))
        waited = 0
        while True:
            found, now_ms = self._read(rule, since)
            missing = not reaching_threshold(found, rule)
            if not missing or waited >= self.lookup_seconds:
                break
            self.sleep(_LOOKUP_PAUSE)
            waited += _LOOKUP_PAUSE
            since = at_ms - _MAX_LOOK_BACK_MS  # or they are older than expected
        if missing:
            notice = self.renderer.notification(rule, (), Reason.NOT_FOUND)
            self._send_notice(rule.channels, notice, (rule.id, f"alarm@{at_ms}"), invocation)
        else:
            self._send_records(rule, found, now_ms, Reason.ALARM, invocation)

    def _on_delivery(self, records: Sequence[FoundRecord], invocation: Invocation) -> None:
        """Send the records that urgent rules match; the ledger prevents the alarm from sending them again."""
        read = [(record, FilterPattern.read(record.line)) for record in records]
        for rule in (rule for rule in self.config.rules if rule.urgent):
            mine = [record for record, message in read if rule.pattern.matches(message)]
            if mine and not self._hold_if_quiet(rule, self.now_ms(), invocation):
                self._send_records(rule, mine, None, Reason.ARRIVED, invocation)

    def _hold_if_quiet(self, rule: Rule | None, at_ms: int, invocation: Invocation) -> bool:
        """Return whether the rule is now in its quiet hours; if so, store the hold in the ledger."""
        if rule is None or not self._is_quiet(rule):
            return False
        since = self.ledger.read_until(rule.id) or at_ms - _MAX_LOOK_BACK_MS
        self.ledger.hold(rule.id, since)
        invocation.decisions[Decision.HELD] += 1
        return True

    def _is_quiet(self, rule: Rule) -> bool:
        now = datetime.fromtimestamp(self.now_ms() / 1000, self.config.time_zone)
        return rule.quiet_hours is not None and rule.quiet_hours.includes(now)

    def _send_held(self, rule: Rule, invocation: Invocation) -> None:
        """Send the held records if the quiet hours are over or were removed; then delete the hold."""
        since = 0 if self._is_quiet(rule) else self.ledger.held_since(rule.id)
        failed = len(invocation.failures)
        if since:
            self._catch_up(rule, since, Reason.HELD, invocation)
            if len(invocation.failures) == failed:
                self.ledger.release_hold(rule.id)

    def _sweep(self, rules: Mapping[str, Rule], invocation: Invocation) -> None:
        for rule in rules.values():
            with invocation.collecting_failures(f"rule {rule.id!r}"):
                self._send_held(rule, invocation)
        names = list(rules)
        for first in range(0, len(names), _MAX_ALARMS_PER_CALL):
            pages = self.cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNames=names[first : first + _MAX_ALARMS_PER_CALL], StateValue="ALARM"
            )
            for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
                changed = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
                rule = rules[alarm["AlarmName"]]
                with invocation.collecting_failures(f"rule {rule.id!r}"):
                    at_ms = int(changed.timestamp() * 1000)
                    if not self._hold_if_quiet(rule, at_ms, invocation):
                        since = max(at_ms, self.ledger.read_until(rule.id))
                        self._catch_up(rule, since, Reason.STILL_IN_ALARM, invocation)

    def _catch_up(self, rule: Rule, since_ms: int, reason: Reason, invocation: Invocation) -> None:
        found, now_ms = self._read(rule, since_ms)
        self._send_records(rule, found, now_ms, reason, invocation)

    def _read(self, rule: Rule, since_ms: int) -> tuple[list[FoundRecord], int]:
        now_ms = self.now_ms()
        since_ms = max(since_ms, now_ms - _MAX_LOOK_BACK_MS)
        since_ms -= rule.window_minutes * 60_000 + _OVERLAP_MS
        return self.reader.read(rule, since_ms=since_ms, until_ms=now_ms + _MAX_AHEAD_MS), now_ms

    def _send_records(
        self,
        rule: Rule,
        found: Sequence[FoundRecord],
        read_ms: int | None,
        reason: Reason,
        invocation: Invocation,
    ) -> None:
        """Send records; `read_ms` is the time until which they are complete, None if it is unknown."""
        now_ms = self.now_ms() if read_ms is None else read_ms
        material = [record for record in found if rule.applies_to(record.fields)]
        if len(material) < len(found):
            invocation.decisions[Decision.IMMATERIAL] += len(found) - len(material)
        to_send = reaching_threshold(material, rule)
        invocation.decisions[Decision.BELOW_THRESHOLD] += len(material) - len(to_send)
        settled = True
        for at in range(0, len(to_send), _MAX_RECORDS_PER_NOTIFICATION):
            if at and settled and read_ms is not None:
                # After a timeout, the next invocation continues from here.
                self.ledger.note_read(rule.id, min(to_send[at - 1].timestamp_ms, read_ms))
            part = to_send[at : at + _MAX_RECORDS_PER_NOTIFICATION]
            settled = self._send_part(rule, part, now_ms, reason, invocation) and settled
        if settled and read_ms is not None:
            self.ledger.note_read(rule.id, read_ms)

    def _send_part(
        self,
        rule: Rule,
        records: Sequence[FoundRecord],
        now_ms: int,
        reason: Reason,
        invocation: Invocation,
    ) -> bool:
        """Send each record to the channels that have not received it; return whether all have it now."""
        settled = True
        for name in rule.channels:
            claimed: dict[str, FoundRecord] = {}
            for record in records:
                key = _key(rule.id, name, record.key)
                decision = self.ledger.claim(key, owner=invocation.owner, now_ms=now_ms)
                if decision is Decision.TOLD:
                    claimed[key] = record
                else:
                    invocation.decisions[decision] += 1
                    settled = settled and decision is Decision.ALREADY_TOLD
            if claimed:
                notice = self.renderer.notification(rule, tuple(claimed.values()), reason)
                settled = self._send(name, notice, claimed, invocation) and settled
        return settled

    def _send_notice(
        self,
        channels: Iterable[str],
        notice: Notification,
        subject: tuple[str, str],
        invocation: Invocation,
    ) -> None:
        """Send a notification without records, once per channel; `subject` identifies it in the ledger."""
        for name in channels:
            key = _key(subject[0], name, subject[1])
            decision = self.ledger.claim(key, owner=invocation.owner, now_ms=self.now_ms())
            if decision is Decision.TOLD:
                self._send(name, notice, [key], invocation)
            else:
                invocation.decisions[decision] += 1

    def _send(
        self, name: str, notice: Notification, keys: Collection[str], invocation: Invocation
    ) -> bool:
        """Send a notification and mark its claimed items, or release them; return whether it was sent."""
        try:
            self.channels[name].send(notice)
        except Exception as error:  # noqa: BLE001 - the other channels must not be affected
            # The text of a ChannelError is safe to show; that of another error may contain a URL.
            known = isinstance(error, ChannelError)
            invocation.failures.append(
                str(error)
                if known
                else f"channel {name!r}: {type(error).__name__} (the text is not shown, it may contain a secret)"
            )
            invocation.decisions[Decision.FAILED] += len(keys)
            for key in keys:
                self.ledger.release(key)
            return False
        for key in keys:
            self.ledger.mark_told(key, now_ms=self.now_ms())
        invocation.decisions[Decision.TOLD] += len(keys)
        return True

    def _forward_message(self, id_: str, text: str, invocation: Invocation) -> None:
        """Send a message that does not belong to a rule to all channels, cut after 1,000 characters."""
        notice = Notification(
            rule_id="none",
            title="A message to the audit trail",
            description=shortened(clean(text), _MAX_NOTICE_LENGTH) or "(empty)",
            owner="everybody",
            severity=Severity.LOW,
            reason=Reason.UNREADABLE,
        )
        digest = sha256(id_.encode()).hexdigest()[:40]
        self._send_notice(self.channels, notice, ("message", digest), invocation)


def _described(trigger: Trigger) -> str:
    """Return what a failure of a trigger is about."""
    match trigger:
        case AlarmChange(alarm):
            return f"alarm {alarm!r}"
        case DeliveredRecords():
            return "records of urgent rules"
        case ScheduledSweep():
            return "scheduled sweep"
    return "message that is not from an alarm"


def _key(about: str, channel: str, what: str) -> str:
    """Return the key of an item in the ledger; each channel has its own."""
    return f"{about}#{channel}#{what}"
