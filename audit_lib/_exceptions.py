"""Defines all exceptions and warnings of this library, for its callers.

AuditLibError
├── CaptureError          (also a RuntimeError)
├── ConfigurationError    (also a ValueError)
│   └── CatalogueError
├── LoggerConflictError   (also a TypeError)
└── RecordLostError       (also an OSError)

AuditUsageWarning         (a UserWarning)

The values of a record never raise an exception: a record is written whatever it contains. These errors
concern configuration, logger classes, capture and delivery.
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
    """An ORM operation cannot be audited, or a class that is to be audited is not a mapped model.

    The operation was not executed. The text says what to do instead.
    """


class ConfigurationError(AuditLibError, ValueError):
    """An argument of `configure` or of a destination has a wrong value.

    The text names the argument and what to write.
    """


class CatalogueError(ConfigurationError):
    """A catalogue of actions cannot be read or is wrong; the text names the file, action and field.

    The action and the field are named if only a part of the catalogue is wrong.
    """


class LoggerConflictError(AuditLibError, TypeError):
    """An existing logger has a class that cannot be extended with the methods of this library.

    Raised by `get_logger` and `AppLogger.audit` if Python cannot make a subclass of both classes, or
    cannot assign it to the logger; any other class of a logger is kept and extended.
    """


class RecordLostError(AuditLibError, OSError):
    """A record could not be written; this exception is its only copy.

    Raised by the methods of `AuditLogger` if the failure policy (`on_failure` of `configure`) is
    `raise`, or if neither the destination, nor the spool of the policy, nor standard error accepted
    the record. Its text contains the whole record.
    """


class AuditUsageWarning(UserWarning):
    """A record has a wrong argument; it is written, with `labels.audit_problem`.

    An argument does not exist or has a wrong type, an action is missing or not in the catalogue, or a
    value is not among those of ECS. The ordinary logger `audit_lib` writes one WARNING for each call
    site.

    In development, this warning is issued too: in a test of pytest, or if a filter of `warnings` covers
    it (`-X dev`, `-W`, `warnings.simplefilter`); Python's default filters do not.
    `warnings.simplefilter("error", audit_lib.AuditUsageWarning)`, pytest's `filterwarnings` or
    `-W error::UserWarning` makes an error of it (Python reads `-W` before it can import this class).
    The record is written first.
    """
