"""Reads and reviews `audit.toml`, and evaluates CloudWatch Logs filter patterns without AWS.

The package does not call AWS or read the environment, and imports only the standard library, so
that a Lambda asset can contain it unchanged.
"""

from ._config import json_schema, load_config, parse_config
from ._exceptions import AuditRulesError, ConfigError, FilterPatternError
from ._model import (
    Action,
    AuditConfig,
    Example,
    Rule,
    Sources,
)
from ._names import Names
from ._reading.problems import closest
from ._retention import RETENTION_DAYS
from ._review import ExampleResult, ReviewFinding, approve, review, run_examples
from ._sentence import (
    Sentence,
    actor_of,
    member,
    operation_of,
    record_of,
    shown_value,
    target_of,
)
from ._severity import Severity
from .channels import Channel, Grant, channel_types
from .patterns import AUDIT_PATTERN, FilterPattern, in_words

__all__ = [
    "AUDIT_PATTERN",
    "RETENTION_DAYS",
    "Action",
    "AuditConfig",
    "AuditRulesError",
    "Channel",
    "ConfigError",
    "Example",
    "ExampleResult",
    "FilterPattern",
    "FilterPatternError",
    "Grant",
    "Names",
    "ReviewFinding",
    "Rule",
    "Sentence",
    "Severity",
    "Sources",
    "actor_of",
    "approve",
    "channel_types",
    "closest",
    "in_words",
    "json_schema",
    "load_config",
    "member",
    "operation_of",
    "parse_config",
    "record_of",
    "review",
    "run_examples",
    "shown_value",
    "target_of",
]
