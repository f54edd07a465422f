"""Builds the parts of an `AuditConfig` from the sections of `audit.toml`."""

from collections.abc import Collection, Mapping
from datetime import time
from ipaddress import ip_network
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from audit_rules._ecs import EVENT_TYPES
from audit_rules._exceptions import FilterPatternError
from audit_rules._further_conditions import FurtherConditions, Materiality, Network, QuietHours
from audit_rules._model import (
    Action,
    Example,
    Rule,
    Sources,
)
from audit_rules._names import Names
from audit_rules._reading import checks
from audit_rules._reading.problems import shown
from audit_rules._reading.table import TableReader
from audit_rules._retention import DEFAULT_RETENTION_DAYS, RETENTION_DAYS, nearest_retentions
from audit_rules._sentence import OPERATIONS, Sentence
from audit_rules._severity import Severity
from audit_rules._when import WHEN, kinds_of, pattern_of
from audit_rules.channels import Channel, channel_types
from audit_rules.patterns import FilterPattern

_IDENTIFIER_ADVICE: Final = (
    "write a lower-case letter, then at most 62 lower-case letters, digits and -"
)
_ACTION_ADVICE: Final = (
    "write what happened in lower case, like user-updated: letters, digits and . _ -"
)
_FAILURE_POLICIES: Final = frozenset({"stderr", "spool", "raise"})
_MINUTES_PER_DAY: Final = 1440  # the longest period of an alarm
_MAX_THRESHOLD: Final = 1_000_000
_MAX_RETENTION: Final = max(RETENTION_DAYS)
# SNS subjects have fewer than 100 characters, alarm descriptions at most 1024.
_MAX_TITLE_LENGTH: Final = 80
_MAX_DESCRIPTION_LENGTH: Final = 600


def read_name(table: TableReader) -> str:
    """Read `name`: a lower-case letter, then at most 30 lower-case letters, digits and hyphens."""
    advice = "write a lower-case letter, then at most 30 lower-case letters, digits and -"
    return table.text("name", checks.matching(checks.NAME, advice))


def read_examples_required(table: TableReader) -> bool:
    """Read `examples`, `required` by default or `optional`; return whether each rule must have examples."""
    offered = {"required", "optional"}
    return (
        table.text("examples", checks.one_of(offered, "policy"), default="required") != "optional"
    )


def read_time_zone(table: TableReader) -> ZoneInfo:
    """Read `time_zone`, an IANA name; UTC stands for an invalid one, which is a problem."""
    return ZoneInfo(table.text("time_zone", checks.time_zone) or "UTC")


def read_retention(table: TableReader) -> int:
    """Read `retention_days`: a period that CloudWatch Logs offers, by default 3653 days."""
    days = table.integer("retention_days", 1, _MAX_RETENTION, default=DEFAULT_RETENTION_DAYS)
    if days not in RETENTION_DAYS:
        nearest = " or ".join(map(str, nearest_retentions(days)))
        table.add_problem(
            "retention_days", f"found {days}, which CloudWatch does not offer; write {nearest}"
        )
    return days


def read_sources(table: TableReader, name: str) -> Sources:
    """Read the log groups of the applications; the trail's own are rejected, because they cause a loop."""
    own = Names(name).own_log_groups()
    is_log_group = checks.matching(
        checks.LOG_GROUP, "write 1 to 512 letters, digits and . - _ / # as CloudWatch allows"
    )

    def check(group: str) -> str | None:
        if group in own:
            return (
                f"found {shown(group)}, which belongs to the audit trail itself and would feed"
                " records back to it in a loop; name log groups of applications only"
            )
        return is_log_group(group)

    sources = Sources(log_groups=table.texts("log_groups", check))
    table.finish()
    return sources


def read_channels(table: TableReader) -> Mapping[str, Channel]:
    """Read all channels; return them by name."""
    is_name = checks.matching(checks.IDENTIFIER, _IDENTIFIER_ADVICE)
    channels: dict[str, Channel] = {}
    for name in table.names():
        if problem := is_name(name):
            table.add_problem("channel name", problem)
        for each in table.variants(name, [{"type": offered} for offered in channel_types()]):
            if channel := _read_channel(each, name):
                channels[name] = channel
    return MappingProxyType(channels)


def _read_channel(table: TableReader, name: str) -> Channel | None:
    types = channel_types()
    offered = table.text("type", checks.one_of(types, "channel type"))
    if not offered:  # the keys of an unknown type are unknown
        return None
    channel = types[offered].read(table, name)
    table.finish()
    return channel


def read_action(table: TableReader, name: str) -> Action:
    """Read the action `name` from its table in `[actions]`."""
    if problem := checks.matching(checks.ACTION, _ACTION_ADVICE)(name):
        table.add_problem("action name", problem)
    category = table.texts("category", checks.one_of(EVENT_TYPES, "ECS event.category"))
    action = Action(
        name=name,
        sentence=Sentence(table.text("sentence", checks.sentence)),
        category=category,
        type=table.texts("type", _event_type(category)),
        severity=Severity(table.text("severity", checks.severity, default="low") or Severity.LOW),
        on_failure=table.text(
            "on_failure", checks.one_of(_FAILURE_POLICIES, "failure policy"), default=""
        ),
        fields=_fields(table),
    )
    table.finish()
    return action


def _fields(table: TableReader) -> tuple[str, ...]:
    table.allow(["fields"])
    return table.texts("fields", checks.field_path) if "fields" in table.names() else ()


def _event_type(category: Collection[str]) -> checks.Check:
    """Return a check of an `event.type`; without a valid category, which is a problem, any is accepted."""
    types = {kind for each in category for kind in EVENT_TYPES[each]}
    what = f"ECS event.type for the category {', '.join(category)}"
    return checks.one_of(types, what) if types else lambda _: None


def read_rule(
    table: TableReader, channels: Collection[str], labels: Mapping[str, str] = MappingProxyType({})
) -> Rule:
    """Read a rule from its `[[rules]]` table.

    Args:
        table: the table of the rule.
        channels: the names of the channels that the rule may use.
        labels: the labels of all rules; those of the rule itself replace them.
    """
    rule = Rule(
        id=table.text("id", checks.matching(checks.IDENTIFIER, _IDENTIFIER_ADVICE)),
        title=table.text("title", checks.line(_MAX_TITLE_LENGTH)),
        description=table.text(
            "description", checks.paragraph(_MAX_DESCRIPTION_LENGTH), default=""
        ),
        owner=table.text("owner", checks.line(_MAX_TITLE_LENGTH)),
        severity=Severity(table.text("severity", checks.severity) or Severity.LOW),
        channels=table.texts("channels", checks.one_of(channels, "channel")),
        pattern=(condition := _condition(table))[0],
        threshold=table.integer("threshold", 1, _MAX_THRESHOLD, default=1),
        window_minutes=table.integer("window_minutes", 1, _MINUTES_PER_DAY, default=1),
        runbook=table.text("runbook", checks.https_url, default=""),
        labels=MappingProxyType({**labels, **read_labels(table.table("labels"))}),
        examples=tuple(_example(each) for each in table.tables("examples", label="name")),
        further_conditions=condition[1],
        message=_message(table),
        quiet_hours=_quiet_hours(table),
    )
    table.finish()
    return rule


def _condition(table: TableReader) -> tuple[FilterPattern, FurtherConditions]:
    """Read the pattern, or build it from `when`, and the conditions that a pattern cannot express."""
    written = table.text("pattern", checks.rule_pattern, default=_NO_PATTERN)
    if "when" not in table.names():
        if "pattern" not in table.names():
            table.add_problem("pattern", "is missing; write pattern or when")
        return FilterPattern(written), FurtherConditions(materiality=_materiality(table))
    if "pattern" in table.names():
        table.add_problem("pattern", "cannot be combined with when; remove one of them")
    when = table.table("when")
    given = {
        name: when.texts(
            name, checks.changed_field if name == "changed" else checks.line(_MAX_TITLE_LENGTH)
        )
        for name in when.names()
        if name in WHEN
    }
    when.allow([*WHEN, "kinds", *_NETWORKS])
    inside, outside = (_networks(when, name) for name in _NETWORKS)
    kinds = (
        when.texts("kinds", checks.one_of(_KINDS, "kind of operation"))
        if "kinds" in when.names()
        else ()
    )
    when.finish()
    further = FurtherConditions(
        networks=inside,
        outside_networks=outside,
        materiality=_materiality(table),
        kinds=kinds_of({**given, "kinds": kinds}),
    )
    if not given:
        found = f"contains only {', '.join(when.names())}" if when.names() else "is empty"
        when.add_problem("", f"{found}; add one or more of {', '.join(WHEN)}")
    try:
        return pattern_of({**given, "kinds": kinds}), further
    except FilterPatternError as error:
        when.add_problem(
            "",
            f"results in an invalid filter pattern; list fewer values, or split the rule: {error}",
        )
        return FilterPattern(""), further


def _materiality(table: TableReader) -> Materiality | None:
    if "materiality" not in table.names():
        return None
    material = table.table("materiality")
    materiality = Materiality(
        field=material.text("field", checks.field_path),
        by=material.positive("by"),
        percent=material.positive("percent"),
    )
    if not {"by", "percent"} & set(material.names()):
        material.add_problem(
            "", "has neither by nor percent; write by = 1000, percent = 10, or both"
        )
    material.finish()
    return materiality


def _networks(when: TableReader, name: str) -> tuple[Network, ...]:
    if name not in when.names():
        return ()
    return tuple(map(ip_network, when.texts(name, checks.network)))


_NO_PATTERN: Final = " "  # "" in the file is an error
_KINDS: Final = tuple(operation for _, operation in OPERATIONS)
_NETWORKS: Final = ("networks", "outside_networks")


def _quiet_hours(table: TableReader) -> QuietHours | None:
    begin, _, end = table.text("quiet_hours", checks.quiet_hours, default="").partition("-")
    return QuietHours(time.fromisoformat(begin), time.fromisoformat(end)) if end else None


def _message(table: TableReader) -> Sentence | None:
    text = table.text("message", checks.sentence, default="")
    return Sentence(text) if text else None


def _example(table: TableReader) -> Example:
    example = Example(
        name=table.text("name", checks.line(_MAX_TITLE_LENGTH), default=""),
        matches=table.flag("matches"),
        record=MappingProxyType(dict(table.record("record"))),
    )
    table.finish()
    return example


def read_labels(table: TableReader) -> Mapping[str, str]:
    """Read the display names of fields, record types and values."""
    words = {key: table.text(key, checks.line(_MAX_TITLE_LENGTH)) for key in table.names()}
    return MappingProxyType(words)
