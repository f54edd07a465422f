"""Audit records from an application: `audit_lib.get_logger(__name__).audit`."""

from ._context import bind, context
from ._exceptions import (
    AuditLibError,
    AuditUsageWarning,
    LoggerConflictError,
    RecordLostError,
)
from ._handler import AuditFormatter, AuditHandler
from ._logger import AppLogger, AuditLogger, get_logger

__all__ = [
    "AppLogger",
    "AuditFormatter",
    "AuditHandler",
    "AuditLibError",
    "AuditLogger",
    "AuditUsageWarning",
    "LoggerConflictError",
    "RecordLostError",
    "bind",
    "context",
    "get_logger",
]
