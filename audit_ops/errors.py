"""The root of what this package raises for people to read; the command shows its text, no traceback."""

__all__ = ["AuditOpsError"]


class AuditOpsError(Exception):
    """Something cannot be done; the text says why and what to do."""
