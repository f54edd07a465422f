"""All exceptions and warnings of this library.

AuditLibError
├── CaptureError          (also a RuntimeError)
├── ConfigurationError    (also a ValueError)
│   └── CatalogueError
├── LoggerConflictError   (also a TypeError)
└── RecordLostError       (also an OSError)

AuditUsageWarning         (a UserWarning)

Data never raises: whatever an application puts into a record, the record is written. These are
about the process around it.
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
    """The root of the tree; catch it to catch all of them."""


class CaptureError(AuditLibError, RuntimeError):
    """An ORM cannot audit what it was asked to do; nothing was done. The text says what to do."""


class ConfigurationError(AuditLibError, ValueError):
    """An argument of `configure` cannot be used; the text names it and says what to write."""


class CatalogueError(ConfigurationError):
    """A catalogue of actions cannot be used; the text names the file, the action and the field."""


class LoggerConflictError(AuditLibError, TypeError):
    """A logger of that name exists, and its class cannot be joined with the audit methods.

    Raised by `get_logger` and `AppLogger.audit` for a logger class that refuses subclasses; every
    other class is kept and extended.
    """


class RecordLostError(AuditLibError, OSError):
    """A record could not be written: this exception is the only trace left of it.

    Raised by the methods of `AuditLogger`, where the failure policy is `raise`, or when neither the
    stream nor the place that the policy names accepted it. Its text holds the whole record.
    """


class AuditUsageWarning(UserWarning):
    """A record has a wrong argument; it is written, with `labels.audit_problem`.

    An argument that does not exist or has a wrong type, an action that is not in the catalogue, a
    value that ECS does not have. Each is one WARNING of the ordinary logger `audit_lib` a call site.
    The warning comes too in development: in a test of pytest, or where a filter of `warnings` covers
    it (`-X dev`, `-W`, `warnings.simplefilter`); with Python's default filters there is none.
    `warnings.simplefilter("error", audit_lib.AuditUsageWarning)`, pytest's `filterwarnings` or
    `-W error::UserWarning` makes an error of it (Python reads `-W` before it can import this class).
    The record is written first.
    """
