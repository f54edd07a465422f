"""The base class of this package's errors; the command shows their message without a traceback."""

__all__ = ["AuditOpsError"]


class AuditOpsError(Exception):
    """An operation failed; the message says why and what to do."""
