"""Defines the base class of the errors whose message the `audit` command shows without a traceback."""

__all__ = ["AuditOpsError", "reason_of"]


class AuditOpsError(Exception):
    """An operation failed; the message says why and what to do."""


def reason_of(error: Exception) -> str:
    """Return why a file could not be read: the text of the system without number and path, if there is one."""
    return getattr(error, "strerror", None) or str(error)
