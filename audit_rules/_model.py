"""What `audit.toml` says, as values that cannot be changed.

These classes hold; `_config` checks. An `AuditConfig` that came from `load_config` or
`parse_config` is consistent: every channel that a rule names exists, every id is unique.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from ._exceptions import FilterPatternError
from ._further_conditions import NO_FURTHER_CONDITIONS, FurtherConditions, QuietHours
from ._names import Names
from ._sentence import Sentence
from ._severity import Severity
from .channels import Channel
from .patterns import AUDIT_PATTERN, FilterPattern, LogEvent, printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where audit records come from: existing log groups of applications."""

    log_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What can happen, by its ECS `event.action`, and the sentence in which people read it.

    `category` and `type` are the ECS arrays `event.category` and `event.type`. `on_failure` is what
    `audit_lib` does when it cannot write a record of it; empty where the application's own holds.
    """

    name: str
    sentence: Sentence
    category: tuple[str, ...]
    type: tuple[str, ...]
    severity: Severity = Severity.LOW
    on_failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A record that a rule has to match, or must not: what its owner agreed to."""

    matches: bool
    record: Mapping[str, Any] = field(hash=False)
    name: str = ""

    @property
    def line(self) -> str:
        """The record as the line that `audit_lib` would write of it."""
        logger = {"logger": "example.audit"}
        return json.dumps({"log": logger, **self.record}, default=str, ensure_ascii=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which audit records are told, to whom, and in which words.

    `threshold` records within `window_minutes` make the rule's alarm ring. `labels` gives words
    for field names and record types. `description` and `runbook` may be empty. `pattern` is what the
    friendly `when` of the file was made into, where it has one; `beyond` is what no pattern can say.
    `message` is said in the place of the action's sentence; what comes in `quiet_hours` is told after;
    what is `urgent` is told when it comes, without waiting for the alarm.
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
    urgent: bool = False

    def applies_to(self, record: Mapping[str, Any]) -> bool:
        """Whether a record that the pattern selects is told: what no pattern can say."""
        return self.further_conditions.holds(record)

    def matches(self, message: str | LogEvent) -> bool:
        """Whether a log message is told of. Never raises."""
        event = FilterPattern.read(message)
        return self.pattern.matches(event) and self.applies_to(event.json or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The whole of `audit.toml`. `name` is the prefix of every AWS name.

    `examples_required`: each rule has a record that it matches and one that it does not.
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
        """The names of everything in AWS."""
        return Names(self.name)

    @property
    def urgent_pattern(self) -> FilterPattern | None:
        """One pattern for what all urgent rules select: a log group takes two subscriptions.

        Where one has no room for them, it is that of all audit records.
        """
        conditions = [rule.pattern.condition for rule in self.rules if rule.urgent]
        if not conditions:
            return None
        texts = [printed(condition)[1:-1].strip() for condition in conditions if condition]
        try:
            return FilterPattern(f"{{ {' || '.join(texts)} }}")
        except FilterPatternError:
            return AUDIT_PATTERN

    def rule(self, rule_id: str) -> Rule:
        """Find a rule by its id.

        Raises:
            KeyError: there is no such rule.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)
