"""Reads `audit.toml` from a file or a text, and returns its JSON Schema."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from audit_rules._exceptions import ConfigError
from audit_rules._model import AuditConfig, Rule
from audit_rules._reading.problems import Problems, shown
from audit_rules._reading.table import TableReader

from ._schema import SchemaTable, resolved
from ._sections import (
    read_action,
    read_channels,
    read_examples_required,
    read_labels,
    read_name,
    read_retention,
    read_rule,
    read_sources,
    read_time_zone,
)

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_MAX_METRIC_FILTERS: Final = 100
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
_MAX_REGEX_PATTERNS: Final = 5


def load_config(path: Path) -> AuditConfig:
    """Read an `audit.toml` in UTF-8.

    Raises:
        ConfigError: the file cannot be read, or its content is invalid; lists every problem.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        at_line = error.object.count(b"\n", 0, error.start) + 1
        problem = (
            f"line {at_line}: byte {error.start} (0x{error.object[error.start]:02x}) is not UTF-8;"
            " save the file as UTF-8 text"
        )
        raise ConfigError(str(path), (problem,)) from error
    except OSError as error:
        problem = (
            f"cannot be read: {error.strerror}; name an audit.toml that exists and is readable"
        )
        raise ConfigError(str(path), (problem,)) from error
    return parse_config(text, source=path.name)


def parse_config(text: str, *, source: str = "audit.toml") -> AuditConfig:
    """Parse and check the text of an `audit.toml`.

    Args:
        text: the content of the file.
        source: the name of the file in messages.

    Raises:
        ConfigError: the text is not TOML, or its content is invalid; lists every problem.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"is not valid TOML: {error}"
        if text.startswith("\ufeff"):
            problem = "begins with a byte order mark; save the file as UTF-8 without one"
        raise ConfigError(source, (problem,)) from error
    except RecursionError as error:
        raise ConfigError(
            source, ("is nested too deeply; remove nested arrays and tables",)
        ) from error
    problems = Problems()
    config = _read(TableReader(problems, "", values), problems)
    if problems:
        raise ConfigError(source, tuple(problems))
    return config


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `audit.toml`, for editors."""
    root = SchemaTable()
    _read(root, Problems())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "audit.toml",
        **resolved(root.schema),
    }


def _read(root: TableReader, problems: Problems) -> AuditConfig:
    audit = root.table("audit", required=True)
    name = read_name(audit)
    channels_table = root.table("channels")
    actions = root.table("actions")
    labels = read_labels(root.table("labels"))
    config = AuditConfig(
        name=name,
        time_zone=read_time_zone(audit),
        retention_days=read_retention(audit),
        sources=read_sources(root.table("sources", required=True), name),
        examples_required=read_examples_required(audit),
        channels=read_channels(channels_table),
        actions=MappingProxyType(
            {name: read_action(actions.table(name), name) for name in actions.names()}
        ),
        rules=tuple(
            read_rule(table, channels_table.names(), labels)
            for table in root.tables("rules", label="id")
        ),
    )
    audit.finish()
    root.finish()
    _check_together(config.rules, problems)
    return config


def _check_together(rules: Sequence[Rule], problems: Problems) -> None:
    """Check that ids are unique, and a log group's quotas: 100 metric filters, 5 patterns with regexes."""
    for rule_id, count in Counter(rule.id for rule in rules).items():
        if rule_id and count > 1:
            numbers = [f"rules[{i}]" for i, rule in enumerate(rules, start=1) if rule.id == rule_id]
            problems.add(
                "rules",
                "id",
                f"found {shown(rule_id)} {count} times, in {', '.join(numbers)};"
                " give each rule a unique id",
            )
    if len(rules) > _MAX_METRIC_FILTERS:
        problems.add(
            "rules",
            "",
            f"found {len(rules)} rules; a log group can have at most {_MAX_METRIC_FILTERS} metric"
            " filters, one for each rule: merge some rules with ||",
        )
    with_regex = [rule.id for rule in rules if rule.pattern.regexes]
    if len(with_regex) > _MAX_REGEX_PATTERNS:
        problems.add(
            "rules",
            "pattern",
            f"{len(with_regex)} rules use a %regex% ({', '.join(with_regex)}); a log group can have"
            f" at most {_MAX_REGEX_PATTERNS} such patterns: write the others with = and *",
        )
