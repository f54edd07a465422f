"""Defines the severities of rules and actions."""

from enum import StrEnum

__all__ = ["Severity"]


class Severity(StrEnum):
    """The severity of a rule or an action; defined from the least to the most severe. Members compare as texts."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
