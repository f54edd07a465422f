"""The rules as data: `audit.toml` as a typed model, and CloudWatch filter patterns offline.

Nothing here calls AWS or reads the environment, and only the standard library is imported, so
that the package can travel inside a Lambda asset as it is.
"""

from ._config import load_config, parse_config
from ._exceptions import AuditRulesError, ConfigError, FilterPatternError
from ._model import (
    AuditConfig,
    Channel,
    EmailChannel,
    Rule,
    Severity,
    SlackChannel,
    Sources,
)
from ._retention import RETENTION_DAYS
from .patterns import AUDIT_PATTERN, FilterPattern

__all__ = [
    "AUDIT_PATTERN",
    "RETENTION_DAYS",
    "AuditConfig",
    "AuditRulesError",
    "Channel",
    "ConfigError",
    "EmailChannel",
    "FilterPattern",
    "FilterPatternError",
    "Rule",
    "Severity",
    "SlackChannel",
    "Sources",
    "load_config",
    "parse_config",
]
