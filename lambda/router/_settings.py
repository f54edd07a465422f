"""Reads the settings of the router from the environment variables of the Lambda function."""

import os
from dataclasses import dataclass

__all__ = ["RouterSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """The name of the audit log group, and the URL of the queue of rejected records."""

    audit_log_group: str
    rejected_queue_url: str

    @classmethod
    def from_environment(cls) -> "RouterSettings":
        """Read `AUDIT_LOG_GROUP` and `REJECTED_QUEUE_URL`.

        Raises:
            KeyError: a variable is missing; the message names it.
        """
        try:
            return cls(
                audit_log_group=os.environ["AUDIT_LOG_GROUP"],
                rejected_queue_url=os.environ["REJECTED_QUEUE_URL"],
            )
        except KeyError as error:
            raise KeyError(
                f"the environment variable {error.args[0]} is not set; set it in the"
                " configuration of the Lambda function"
            ) from None
