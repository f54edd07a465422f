"""Defines the severities of rules and actions."""

from enum import StrEnum

__all__ = ["Severity"]


class Severity(StrEnum):
    """The severity of a rule or an action; the members are in ascending order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
