"""What this library raises, all of it.

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
    """The root of the tree; catch it to catch everything."""


class CaptureError(AuditLibError, RuntimeError):
    """What an ORM is asked to do cannot be audited; nothing was done. The text says what to do."""


class ConfigurationError(AuditLibError, ValueError):
    """An argument of `configure` cannot be used; the text names it and says what to write."""


class CatalogueError(ConfigurationError):
    """A catalogue of actions cannot be used; the text names the file, the action and the field."""


class LoggerConflictError(AuditLibError, TypeError):
    """A logger of that name exists, and its class cannot be joined with the audit methods.

    Raised by `get_logger` and `AppLogger.audit`. Only a logger class that refuses subclasses is
    like that; every other class is kept and extended.
    """


class RecordLostError(AuditLibError, OSError):
    """A record could not be written: this exception is the only trace left of it.

    Raised by the methods of `AuditLogger`, where the failure policy is `raise`, or when what it
    names took the record no more than its stream did. Its text holds the whole record.
    """


class AuditUsageWarning(UserWarning):
    """A record says something that ECS does not know; it is written, with `labels.audit_problem`.

    To have an error of it while developing: `-W error::audit_lib.AuditUsageWarning`, or pytest's
    `filterwarnings`. The record is written first.
    """
