"""The pipeline: from a reason to look, to people who know.

CloudWatch tells of a CHANGE of an alarm's state only, so the alarm is where to look and not what to
say: on ALARM, on OK, and by a sweep while the alarm keeps ringing, all records of the rule since the
last reading are read, and told unless the ledger has them.
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
from forwarder.channels import ChannelError, Sender, open_channels
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

# Ingestion can be late, and an alarm is some minutes behind: windows overlap by this much.
_OVERLAP_MS: Final = 10 * 60_000
_LONGEST_LOOK_BACK_MS: Final = 24 * 3600_000
_LONGEST_AHEAD_MS: Final = 2 * 3600_000  # what CloudWatch takes from a clock that is fast
_LOOKUP_PAUSE: Final = 2
_MAX_ALARMS_A_CALL: Final = 100
_MOST_AT_ONCE: Final = 1000  # records a notification: claiming them takes some seconds a channel
_LONGEST_NOTICE: Final = 1000


class ForwardingError(Exception):
    """Something could not be told; the invocation has to be tried again."""


@dataclass(slots=True)
class Invocation:
    """One invocation: whose claims are made, what became of the records, what went wrong."""

    owner: str
    decisions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def noting(self, rule: Rule | None = None) -> Iterator[None]:
        """Note what goes wrong, with a rule or at all: what comes after has its turn."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - `raise_failures` raises it
            about = f"rule {rule.id!r}: " if rule else ""
            self.failures.append(f"{about}{type(error).__name__}: {error}")

    def raise_failures(self) -> None:
        """Raise what went wrong, together.

        Raises:
            ForwardingError: something did.
        """
        if self.failures:
            raise ForwardingError("; ".join(self.failures))


@dataclass(slots=True, kw_only=True)
class Forwarder:
    """Tells each record of each rule once to each of the rule's channels."""

    config: AuditConfig
    reader: Reader
    ledger: Ledger
    renderer: Renderer
    channels: Mapping[str, Sender]
    cloudwatch: "CloudWatchClient"
    lookup_seconds: int
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_settings(cls, settings: ForwarderSettings) -> "Forwarder":
        """Make one that talks to AWS."""
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
        """Do what each wake-up asks for; one that fails does not stop the others."""
        invocation = Invocation(owner)
        for trigger in triggers:
            with invocation.noting():
                self._answer(trigger, invocation)
        return invocation

    def _answer(self, trigger: Trigger, invocation: Invocation) -> None:
        rules = {self.config.names.alarm(rule.id): rule for rule in self.config.rules}
        match trigger:
            case AlarmChange(alarm, "ALARM" | "OK", _, at_ms) if self._holds(
                rules.get(alarm), at_ms, invocation
            ):
                pass  # the sweep tells it when the quiet hours are over
            case AlarmChange(alarm, "ALARM", _, at_ms) if alarm in rules:
                self._rang(rules[alarm], at_ms, invocation)
            case AlarmChange(alarm, "OK", "ALARM", at_ms) if alarm in rules:
                rule = rules[alarm]
                since = self.ledger.read_until(rule.id) or at_ms - _LONGEST_LOOK_BACK_MS
                self._catch_up(rule, since, Reason.BACK_TO_OK, invocation)
            case AlarmChange(_, "OK" | "INSUFFICIENT_DATA"):
                pass  # a new alarm, or one of a rule that is gone, with nothing to tell
            case AlarmChange(alarm, state, _, at_ms):
                text = f"The alarm {alarm} is {state}; no rule of audit.toml belongs to it."
                self._pass_on(f"{alarm}@{at_ms}", text, invocation)
            case DeliveredRecords(records):
                self._arrived(found_records(records), invocation)
            case UnknownMessage(id_, text):
                self._pass_on(id_ or text, text, invocation)
            case ScheduledSweep():
                self._sweep(rules, invocation)

    def _rang(self, rule: Rule, at_ms: int, invocation: Invocation) -> None:
        """Tell what made the alarm ring; its records may not be visible yet."""
        since = max(at_ms, self.ledger.read_until(rule.id))
        waited = 0
        while True:
            found, now_ms = self._read(rule, since)
            missing = not reaching_threshold(found, rule)
            if not missing or waited >= self.lookup_seconds:
                break
            self.sleep(_LOOKUP_PAUSE)
            waited += _LOOKUP_PAUSE
            since = at_ms - _LONGEST_LOOK_BACK_MS  # or they are older than anybody thinks
        if missing:
            notice = self.renderer.notification(rule, (), Reason.NOT_FOUND)
            self._tell(rule.channels, notice, (rule.id, f"alarm@{at_ms}"), invocation)
        else:
            self._tell_records(rule, found, now_ms, Reason.ALARM, invocation)

    def _arrived(self, records: Sequence[FoundRecord], invocation: Invocation) -> None:
        """Tell of records as they come; the alarm, which rings all the same, finds them told."""
        read = [(record, FilterPattern.read(record.line)) for record in records]
        for rule in (rule for rule in self.config.rules if rule.urgent):
            mine = [record for record, message in read if rule.pattern.matches(message)]
            if mine and not self._holds(rule, self.now_ms(), invocation):
                self._tell_records(rule, mine, None, Reason.ARRIVED, invocation)

    def _holds(self, rule: Rule | None, at_ms: int, invocation: Invocation) -> bool:
        """Whether a rule is in its quiet hours; if so, what it has to tell waits."""
        if rule is None or not self._is_quiet(rule):
            return False
        since = self.ledger.read_until(rule.id) or at_ms - _LONGEST_LOOK_BACK_MS
        self.ledger.hold(rule.id, since)
        invocation.decisions[Decision.HELD] += 1
        return True

    def _is_quiet(self, rule: Rule) -> bool:
        now = datetime.fromtimestamp(self.now_ms() / 1000, self.config.time_zone)
        return rule.quiet_hours is not None and rule.quiet_hours.includes(now)

    def _tell_held(self, rule: Rule, invocation: Invocation) -> None:
        """Tell what came in quiet hours that are over, or that the rule has no more."""
        since = 0 if self._is_quiet(rule) else self.ledger.held_since(rule.id)
        failed = len(invocation.failures)
        if since:
            self._catch_up(rule, since, Reason.HELD, invocation)
            if len(invocation.failures) == failed:
                self.ledger.let_go(rule.id)

    def _sweep(self, rules: Mapping[str, Rule], invocation: Invocation) -> None:
        for rule in rules.values():
            with invocation.noting(rule):
                self._tell_held(rule, invocation)
        names = list(rules)
        for first in range(0, len(names), _MAX_ALARMS_A_CALL):
            pages = self.cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNames=names[first : first + _MAX_ALARMS_A_CALL], StateValue="ALARM"
            )
            for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
                changed = alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]
                rule = rules[alarm["AlarmName"]]
                with invocation.noting(rule):
                    at_ms = int(changed.timestamp() * 1000)
                    if not self._holds(rule, at_ms, invocation):
                        since = max(at_ms, self.ledger.read_until(rule.id))
                        self._catch_up(rule, since, Reason.STILL_IN_ALARM, invocation)

    def _catch_up(self, rule: Rule, since_ms: int, reason: Reason, invocation: Invocation) -> None:
        found, now_ms = self._read(rule, since_ms)
        self._tell_records(rule, found, now_ms, reason, invocation)

    def _read(self, rule: Rule, since_ms: int) -> tuple[list[FoundRecord], int]:
        now_ms = self.now_ms()
        since_ms = max(since_ms, now_ms - _LONGEST_LOOK_BACK_MS)
        since_ms -= rule.window_minutes * 60_000 + _OVERLAP_MS
        return self.reader.read(
            rule, since_ms=since_ms, until_ms=now_ms + _LONGEST_AHEAD_MS
        ), now_ms

    def _tell_records(
        self,
        rule: Rule,
        found: Sequence[FoundRecord],
        read_ms: int | None,
        reason: Reason,
        invocation: Invocation,
    ) -> None:
        """Tell of records; `read_ms` is until when these are all that there are, None: nobody knows."""
        now_ms = self.now_ms() if read_ms is None else read_ms
        material = [record for record in found if rule.applies_to(record.fields)]
        if len(material) < len(found):
            invocation.decisions[Decision.IMMATERIAL] += len(found) - len(material)
        to_tell = reaching_threshold(material, rule)
        invocation.decisions[Decision.BELOW_THRESHOLD] += len(material) - len(to_tell)
        settled = True
        for at in range(0, len(to_tell), _MOST_AT_ONCE):
            if at and settled and read_ms is not None:
                # A function whose time is over goes on from here.
                self.ledger.note_read(rule.id, min(to_tell[at - 1].timestamp_ms, read_ms))
            part = to_tell[at : at + _MOST_AT_ONCE]
            settled = self._tell_part(rule, part, now_ms, reason, invocation) and settled
        if settled and read_ms is not None:
            self.ledger.note_read(rule.id, read_ms)

    def _tell_part(
        self,
        rule: Rule,
        records: Sequence[FoundRecord],
        now_ms: int,
        reason: Reason,
        invocation: Invocation,
    ) -> bool:
        """Tell each channel of the records that it was not told of; whether all of them are settled."""
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

    def _tell(
        self,
        channels: Iterable[str],
        notice: Notification,
        subject: tuple[str, str],
        invocation: Invocation,
    ) -> None:
        """Tell what is no record, once a channel; `subject` is what the ledger knows it by."""
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
        """Send what is claimed, then mark it; whether it went out."""
        try:
            self.channels[name].send(notice)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other channels have their turn
            # A channel's own error is made to be read; another's text may hold an address.
            known = isinstance(error, ChannelError)
            invocation.failures.append(
                str(error) if known else f"channel {name!r}: {type(error).__name__}"
            )
            invocation.decisions[Decision.FAILED] += len(keys)
            for key in keys:
                self.ledger.release(key)
            return False
        for key in keys:
            self.ledger.mark_told(key, now_ms=self.now_ms())
        invocation.decisions[Decision.TOLD] += len(keys)
        return True

    def _pass_on(self, id_: str, text: str, invocation: Invocation) -> None:
        """Tell everybody of a message that belongs to no rule: better odd than lost."""
        notice = Notification(
            rule_id="none",
            title="A message to the audit trail",
            description=shortened(clean(text), _LONGEST_NOTICE) or "(empty)",
            owner="everybody",
            severity=Severity.LOW,
            reason=Reason.UNREADABLE,
        )
        digest = sha256(id_.encode()).hexdigest()[:40]
        self._tell(self.channels, notice, ("message", digest), invocation)


def _key(about: str, channel: str, what: str) -> str:
    """Give what something is known by in the ledger: once for each channel."""
    return f"{about}#{channel}#{what}"
