"""What the function is told by its environment."""

import os
from dataclasses import dataclass

__all__ = ["RouterSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """Where records go, and where those go that CloudWatch does not take any more."""

    audit_log_group: str
    rejected_queue_url: str

    @classmethod
    def from_environment(cls) -> "RouterSettings":
        """Read it.

        Raises:
            KeyError: a variable is missing; the message names it.
        """
        return cls(
            audit_log_group=os.environ["AUDIT_LOG_GROUP"],
            rejected_queue_url=os.environ["REJECTED_QUEUE_URL"],
        )
