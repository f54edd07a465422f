"""How urgent something is."""

from enum import StrEnum

__all__ = ["Severity"]


class Severity(StrEnum):
    """How urgent a rule's records are, in rising order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
