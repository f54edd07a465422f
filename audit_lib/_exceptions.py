"""All exceptions and warnings of this library.

AuditLibError
├── CaptureError          (also a RuntimeError)
├── ConfigurationError    (also a ValueError)
│   └── CatalogueError
├── LoggerConflictError   (also a TypeError)
└── RecordLostError       (also an OSError)

AuditUsageWarning         (a UserWarning)

The data of a record never raises: a record is written whatever an application puts into it. These
errors concern configuration, logger classes, capture and delivery.
"""

__all__ = [
    "AuditLibError",
    "AuditUsageWarning",
    "CaptureError",
    "CatalogueError",
    "ConfigurationError",
    "LoggerConflictError",
    "RecordLostError",
]


class AuditLibError(Exception):
    """The base class of all exceptions of this library."""


class CaptureError(AuditLibError, RuntimeError):
    """An ORM operation cannot be audited; it was not executed. The text says what to do instead."""


class ConfigurationError(AuditLibError, ValueError):
    """An argument of `configure` cannot be used; the text names it and says what to write."""


class CatalogueError(ConfigurationError):
    """A catalogue of actions cannot be used; the text names the file, the action and the field."""


class LoggerConflictError(AuditLibError, TypeError):
    """A logger of that name exists, and its class cannot be combined with the audit methods.

    Raised by `get_logger` and `AppLogger.audit` for a logger class that cannot be subclassed; any
    other class is kept and extended.
    """


class RecordLostError(AuditLibError, OSError):
    """A record could not be written; this exception is its only copy.

    Raised by the methods of `AuditLogger` if the failure policy is `raise`, or if neither the stream
    nor the fallback of the policy accepted it. Its text contains the whole record.
    """


class AuditUsageWarning(UserWarning):
    """A record has a wrong argument; it is written, with `labels.audit_problem`.

    An argument does not exist or has a wrong type, an action is not in the catalogue, or ECS does
    not have a value. The ordinary logger `audit_lib` writes one WARNING for each call site. In
    development, this warning is issued too: in a test of pytest, or if a filter of `warnings` covers
    it (`-X dev`, `-W`, `warnings.simplefilter`); Python's default filters do not.
    `warnings.simplefilter("error", audit_lib.AuditUsageWarning)`, pytest's `filterwarnings` or
    `-W error::UserWarning` makes an error of it (Python reads `-W` before it can import this class).
    The record is written first.
    """
