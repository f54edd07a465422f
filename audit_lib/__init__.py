"""Audit records from an application: `audit_lib.get_logger(__name__).audit`."""

from typing import TYPE_CHECKING, Any

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
from ._logger import AppLogger, AuditLogger, get_logger
from ._output.handler import AuditFileHandler, AuditFormatter, AuditHandler
from ._record.masking import Drop, Hash, Mask
from ._record.plain import register

if TYPE_CHECKING:
    from ._proof.verify import ChainReport, Head, Problem, Report, verify

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


def __getattr__(name: str) -> Any:
    """Give what verifies when it is asked for: who writes records need not import it."""
    if name in {"ChainReport", "Head", "Problem", "Report", "verify"}:
        from ._proof import verify  # noqa: PLC0415

        return getattr(verify, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
