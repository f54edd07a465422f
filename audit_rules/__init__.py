"""The rules as data: `audit.toml` as a typed model, and CloudWatch filter patterns offline.

Nothing here calls AWS or reads the environment, and only the standard library is imported, so
that the package can travel inside a Lambda asset as it is.
"""

from ._config import json_schema, load_config, parse_config
from ._exceptions import AuditRulesError, ConfigError, FilterPatternError
from ._model import (
    Action,
    AuditConfig,
    Channel,
    EmailChannel,
    Example,
    Rule,
    Severity,
    SlackChannel,
    Sources,
)
from ._names import Names
from ._retention import RETENTION_DAYS
from ._review import Finding, Trial, approve, review, trials
from ._sentence import Sentence, actor_of, member, record_of, shown_value, target_of
from .patterns import AUDIT_PATTERN, FilterPattern, in_words

__all__ = [
    "AUDIT_PATTERN",
    "RETENTION_DAYS",
    "Action",
    "AuditConfig",
    "AuditRulesError",
    "Channel",
    "ConfigError",
    "EmailChannel",
    "Example",
    "FilterPattern",
    "FilterPatternError",
    "Finding",
    "Names",
    "Rule",
    "Sentence",
    "Severity",
    "SlackChannel",
    "Sources",
    "Trial",
    "actor_of",
    "approve",
    "in_words",
    "json_schema",
    "load_config",
    "member",
    "parse_config",
    "record_of",
    "review",
    "shown_value",
    "target_of",
    "trials",
]
