"""The content of `audit.toml`, as immutable values.

These classes only hold values; `_config` checks them. An `AuditConfig` from `load_config` or
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
    """An action that can happen, by its ECS `event.action`, and the sentence shown for it.

    `category` and `type` are the ECS arrays `event.category` and `event.type`. `on_failure` is what
    `audit_lib` does when it cannot write a record of the action; empty means the application's setting.
    """

    name: str
    sentence: Sentence
    category: tuple[str, ...]
    type: tuple[str, ...]
    severity: Severity = Severity.LOW
    on_failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A record that a rule must match, or must not match, as agreed with its owner."""

    matches: bool
    record: Mapping[str, Any] = field(hash=False)
    name: str = ""

    @property
    def line(self) -> str:
        """The record as one line of JSON, from a logger whose name ends with `.audit`."""
        logger = {"logger": "example.audit"}
        return json.dumps({"log": logger, **self.record}, default=str, ensure_ascii=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which audit records cause notifications, of which channels, and with which texts.

    `threshold` records within `window_minutes` put the rule's alarm into ALARM. `labels` holds display
    names of fields and record types. `description` and `runbook` may be empty. `pattern` is built from
    `when` where the file has one; `further_conditions` are those that a pattern cannot express.
    `message` replaces the action's sentence. Records that arrive in `quiet_hours` are sent afterwards.
    Records of an `urgent` rule are sent when they arrive, without waiting for the alarm.
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
        """Return whether the conditions that a pattern cannot express hold for the record."""
        return self.further_conditions.holds(record)

    def matches(self, message: str | LogEvent) -> bool:
        """Return whether the rule matches the log message. Never raises."""
        event = FilterPattern.read(message)
        return self.pattern.matches(event) and self.applies_to(event.json or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The whole `audit.toml`. `name` is the prefix of every AWS name.

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

    @property
    def urgent_pattern(self) -> FilterPattern | None:
        """One pattern that selects the records of all urgent rules; None without urgent rules.

        It is a single pattern because a log group can have only two subscription filters. If the
        combined pattern is too long, it is the pattern of all audit records.
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
