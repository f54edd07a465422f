"""Reads the settings of the router from the environment variables of the Lambda function."""

import os
from dataclasses import dataclass

__all__ = ["RouterSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """The names of the audit log group and of the matcher, and the URL of the queue of rejected records."""

    audit_log_group: str
    rejected_queue_url: str
    matcher: str

    @classmethod
    def from_environment(cls) -> "RouterSettings":
        """Read `AUDIT_LOG_GROUP`, `REJECTED_QUEUE_URL` and `MATCHER`.

        Raises:
            KeyError: a variable is missing; the message names it.
        """
        try:
            return cls(
                audit_log_group=os.environ["AUDIT_LOG_GROUP"],
                rejected_queue_url=os.environ["REJECTED_QUEUE_URL"],
                matcher=os.environ["MATCHER"],
            )
        except KeyError as error:
            raise KeyError(
                f"the environment variable {error.args[0]} is not set; set it in the"
                " configuration of the Lambda function"
            ) from None
