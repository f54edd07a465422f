"""Writes audit records from an application, with `audit_lib.get_logger(__name__).audit`."""

from typing import TYPE_CHECKING, Any

from ._arguments import AuditArguments, EventArguments, RecordArguments
from ._configuration import Config, configure, get_config
from ._context import bind, clear, context, copy_context, unbind
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
from ._record.masking_rules import Drop, Hash, Mask
from ._record.plain import register_type

if TYPE_CHECKING:
    from ._health import Health, health
    from ._proof.verify import ChainHead, VerifiedChain, VerifyProblem, VerifyReport, verify

    __version__: str

__all__ = [
    "AppLogger",
    "AuditArguments",
    "AuditFileHandler",
    "AuditFormatter",
    "AuditHandler",
    "AuditLibError",
    "AuditLogger",
    "AuditUsageWarning",
    "CaptureError",
    "CatalogueError",
    "ChainHead",
    "Config",
    "ConfigurationError",
    "Drop",
    "EventArguments",
    "Hash",
    "Health",
    "LoggerConflictError",
    "Mask",
    "RecordArguments",
    "RecordLostError",
    "VerifiedChain",
    "VerifyProblem",
    "VerifyReport",
    "__version__",
    "bind",
    "clear",
    "configure",
    "context",
    "copy_context",
    "get_config",
    "get_logger",
    "health",
    "register_type",
    "unbind",
    "verify",
]


if not TYPE_CHECKING:  # or every name would exist for type checkers

    def __getattr__(name: str) -> Any:
        """Return the names of the verifier and of `health`, and `__version__`, which are imported on first access."""
        if name in {"ChainHead", "VerifiedChain", "VerifyProblem", "VerifyReport", "verify"}:
            from ._proof import verify  # noqa: PLC0415

            return getattr(verify, name)
        if name in {"Health", "health"}:
            from . import _health  # noqa: PLC0415

            return getattr(_health, name)
        if name == "__version__":
            from importlib import metadata  # noqa: PLC0415

            return metadata.version("audit-lib")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
