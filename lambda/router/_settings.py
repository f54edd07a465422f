"""The settings of the function, from its environment variables."""

import os
from dataclasses import dataclass

__all__ = ["RouterSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """The audit log group, and the queue of the records that CloudWatch Logs rejects."""

    audit_log_group: str
    rejected_queue_url: str

    @classmethod
    def from_environment(cls) -> "RouterSettings":
        """Read the settings.

        Raises:
            KeyError: a variable is missing; the message names it.
        """
        return cls(
            audit_log_group=os.environ["AUDIT_LOG_GROUP"],
            rejected_queue_url=os.environ["REJECTED_QUEUE_URL"],
        )
