"""Defines the base class of the errors whose message the `audit` command shows without a traceback."""

__all__ = ["AuditOpsError"]


class AuditOpsError(Exception):
    """An operation failed; the message says why and what to do."""
