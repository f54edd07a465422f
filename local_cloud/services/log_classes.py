"""The classes of log groups: what those of the class INFREQUENT_ACCESS do not offer.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
"""

from typing import Final

from moto.core.exceptions import JsonRESTError
from moto.logs.models import LogGroup

__all__ = ["CLASSES", "STANDARD", "check_standard", "class_of", "keep_class"]

STANDARD: Final = "STANDARD"
CLASSES: Final = (STANDARD, "INFREQUENT_ACCESS")
_ATTRIBUTE: Final = "log_group_class"  # moto has no such attribute


class _InvalidOperationError(JsonRESTError):
    code = 400

    def __init__(self, text: str) -> None:
        super().__init__("InvalidOperationException", text)


def keep_class(group: LogGroup, class_: str) -> None:
    """Store the class of a new log group."""
    vars(group)[_ATTRIBUTE] = class_


def class_of(group: LogGroup) -> str:
    """Return the class of a log group."""
    return str(vars(group).get(_ATTRIBUTE, STANDARD))


def check_standard(group: LogGroup, operation: str) -> None:
    """Check that a log group has the class that an operation requires.

    Raises:
        JsonRESTError: `InvalidOperationException`; the log group is not of the class STANDARD.
    """
    if class_of(group) != STANDARD:
        raise _InvalidOperationError(
            f"{operation} is not supported by the log group {group.name} of the class"
            f" {class_of(group)}; use a log group of the class STANDARD"
        )
