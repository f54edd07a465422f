"""Audit records from an application: `audit_lib.get_logger(__name__).audit`."""

from ._configuration import configure
from ._context import bind, carry, context
from ._exceptions import (
    AuditLibError,
    AuditUsageWarning,
    CaptureError,
    CatalogueError,
    ConfigurationError,
    LoggerConflictError,
    RecordLostError,
)
from ._handler import AuditFileHandler, AuditFormatter, AuditHandler
from ._logger import AppLogger, AuditLogger, get_logger
from ._masking import Drop, Hash, Mask
from ._plain import register
from ._verify import ChainReport, Head, Problem, Report, verify

__all__ = [
    "AppLogger",
    "AuditFileHandler",
    "AuditFormatter",
    "AuditHandler",
    "AuditLibError",
    "AuditLogger",
    "AuditUsageWarning",
    "CaptureError",
    "CatalogueError",
    "ChainReport",
    "ConfigurationError",
    "Drop",
    "Hash",
    "Head",
    "LoggerConflictError",
    "Mask",
    "Problem",
    "RecordLostError",
    "Report",
    "bind",
    "carry",
    "configure",
    "context",
    "get_logger",
    "register",
    "verify",
]
