"""What this library raises, all of it.

AuditLibError
├── CatalogueError        (also a ValueError)
├── LoggerConflictError   (also a TypeError)
└── RecordLostError       (also an OSError)

AuditUsageWarning         (a UserWarning)

Data never raises: whatever an application puts into a record, the record is written. These are
about the process around it.
"""

__all__ = [
    "AuditLibError",
    "AuditUsageWarning",
    "CatalogueError",
    "LoggerConflictError",
    "RecordLostError",
]


class AuditLibError(Exception):
    """The root of the tree; catch it to catch everything."""


class CatalogueError(AuditLibError, ValueError):
    """A catalogue of actions cannot be used; the text names the file, the action and the field."""


class LoggerConflictError(AuditLibError, TypeError):
    """A logger of that name exists, and its class cannot be joined with the audit methods.

    Raised by `get_logger` and `AppLogger.audit`. Only a logger class that refuses subclasses is
    like that; every other class is kept and extended.
    """


class RecordLostError(AuditLibError, OSError):
    """Neither stdout nor stderr took the record: this exception is the only trace left of it.

    Raised by the methods of `AuditLogger`. Its text holds the record's id, or its message.
    """


class AuditUsageWarning(UserWarning):
    """A record says something that ECS does not know; it is written, with `labels.audit_problem`.

    To have an error of it while developing: `-W error::audit_lib.AuditUsageWarning`, or pytest's
    `filterwarnings`. The record is written first.
    """
