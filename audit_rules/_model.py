"""Defines the immutable classes that hold the content of `audit.toml`.

These classes only hold values; `_config` checks them. An `AuditConfig` from `load_config` or
`parse_config` is consistent: every channel that a rule names exists, every id is unique.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from ._further_conditions import NO_FURTHER_CONDITIONS, FurtherConditions, QuietHours
from ._names import Names
from ._reading.problems import did_you_mean
from ._sentence import Sentence
from ._severity import Severity
from .channels import Channel
from .patterns import (
    FilterPattern,
    LogEvent,
    NumericComparison,
    TextComparison,
    leaves,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The existing log groups of applications from which audit records are copied."""

    log_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action that applications record, and the sentence that notifications show for it.

    `name` is the ECS `event.action`; `category` and `type` are the ECS arrays `event.category` and
    `event.type`. `on_failure` is what `audit_lib` does when it cannot write a record of the action; empty
    means the application's setting. `fields` are the dotted paths of the application's own fields in its
    records.
    """

    name: str
    sentence: Sentence
    category: tuple[str, ...]
    type: tuple[str, ...]
    severity: Severity = Severity.LOW
    on_failure: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example record that a rule must match (`matches`), or must not match."""

    matches: bool
    record: Mapping[str, Any] = field(hash=False)
    name: str = ""

    @property
    def line(self) -> str:
        """The record as one line of JSON; without a `log` of its own, its logger is `example.audit`."""
        logger = {"logger": "example.audit"}
        return json.dumps({"log": logger, **self.record}, default=str, ensure_ascii=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: the audit records that it matches, the channels that it notifies, and the texts to show.

    `threshold` records within any `window_minutes` are notified, fewer are not. `labels` holds display
    names of fields, record types and values, those of all rules among them. `description` and `runbook`
    may be empty. `pattern` is built from `when` where the file has it; `further_conditions` are conditions
    that a pattern cannot express.
    `message` replaces the action's sentence. Records that arrive in `quiet_hours` are sent afterwards.
    """

    id: str
    title: str
    owner: str
    severity: Severity
    channels: tuple[str, ...]
    pattern: FilterPattern
    description: str = ""
    threshold: int = 1
    window_minutes: int = 1
    runbook: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    examples: tuple[Example, ...] = ()
    further_conditions: FurtherConditions = NO_FURTHER_CONDITIONS
    message: Sentence | None = None
    quiet_hours: QuietHours | None = None

    @property
    def asked(self) -> tuple[tuple[str, ...], ...]:
        """The fields that the conditions compare: the names on the path of each, without repetitions.

        A field of the record is below `changes.fields`, as in `when.changed`, or below its values,
        `changes.before` and `changes.after`. The field of a materiality is below `changes.after`.
        """
        condition = self.pattern.condition
        found = [leaf.selector.path for leaf in leaves(condition)] if condition else []
        if materiality := self.further_conditions.materiality:
            found.append(("changes", "after", *materiality.field.split(".")))
        return tuple(dict.fromkeys(found))

    @property
    def amounts(self) -> frozenset[str]:
        """The dotted fields that are amounts: compared by order, or of the materiality.

        The fields of a changed record are named as below `changes.before` and `changes.after`.
        """
        condition = self.pattern.condition
        found = {
            leaf.selector.path
            for leaf in (leaves(condition) if condition else ())
            if isinstance(leaf, NumericComparison) and leaf.operator not in {"=", "!="}
        }
        names = {".".join(path[2:] if path[0] == "changes" else path) for path in found}
        materiality = self.further_conditions.materiality
        return frozenset(names | ({materiality.field} if materiality else set()))

    @property
    def expects_failure(self) -> bool:
        """Whether the pattern asks for an `event.outcome` other than `success`."""
        condition = self.pattern.condition
        return condition is not None and any(
            isinstance(leaf, TextComparison)
            and leaf.selector.path == ("event", "outcome")
            and leaf.equal != leaf.test.matches("success")
            for leaf in leaves(condition)
        )

    def applies_to(self, record: Mapping[str, Any]) -> bool:
        """Return whether the further conditions hold for the record; does not evaluate the pattern."""
        return self.further_conditions.holds(record)

    def matches(self, message: str | LogEvent) -> bool:
        """Return whether the pattern and the further conditions match the log message. Never raises."""
        event = FilterPattern.read(message)
        return self.pattern.matches(event) and self.applies_to(event.json or {})

    def reaching(self, times_ms: Sequence[int]) -> list[int]:
        """Return which records lie in a time window with at least `threshold` records.

        A window is any period shorter than `window_minutes`; it can begin at each record.

        Args:
            times_ms: the times of the records in ms since 1970, in ascending order.

        Returns:
            The positions of the records in `times_ms`, in ascending order.
        """
        window_ms = self.window_minutes * 60_000
        reached: list[int] = []
        first = covered = 0
        for last, time_ms in enumerate(times_ms):
            while time_ms - times_ms[first] >= window_ms:
                first += 1
            if last - first + 1 >= self.threshold:
                reached += range(max(first, covered), last + 1)
                covered = last + 1
        return reached


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The content of `audit.toml`. `name` is part of the name of every AWS resource.

    `examples_required`: each rule must have an example that it matches and one that it does not.
    """

    name: str
    time_zone: ZoneInfo
    retention_days: int
    sources: Sources
    examples_required: bool = True
    channels: Mapping[str, Channel] = field(hash=False)
    rules: tuple[Rule, ...]
    actions: Mapping[str, Action] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def names(self) -> Names:
        """The names of the trail's AWS resources."""
        return Names(self.name)

    def rule(self, rule_id: str) -> Rule:
        """Return the rule with an id.

        Raises:
            KeyError: no rule has the id.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        advice = did_you_mean(rule_id, (rule.id for rule in self.rules))
        raise KeyError(f"no rule has the id {rule_id!r}; {advice}")
