"""Writes what people were told into the audit log group, as audit records of the trail itself.

Each invocation that tells something has a log stream, and a hash chain, of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import audit_lib
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler
from forwarder.stages.match import OWN_ACTION, OWN_NAME

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

__all__ = ["TellingLog", "Told"]

_RETRY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message that a channel accepted.

    Attributes:
        rule: the id of the rule.
        channel: the name of the channel.
        reason: why the records were told: the name of a `Reason`.
        message_id: the id of the message at the channel; empty if it has none.
        digests: the digests of the records, as in the keys of the outbox.
        perhaps_repeat: whether the message may have been sent before.
    """

    rule: str
    channel: str
    reason: str
    message_id: str
    digests: Sequence[str]
    perhaps_repeat: bool


class TellingLog:
    """The audit records of one invocation; nothing is written until something is told.

    A record that CloudWatch Logs does not accept is written to the log of the function: it does not keep
    anybody from being told.
    """

    def __init__(
        self, *, client: "Callable[[], CloudWatchLogsClient]", log_group: str, request_id: str
    ) -> None:
        self._client = client
        self._log_group = log_group
        self._stream = f"{OWN_NAME}/{request_id}"
        self._handler: CloudWatchLogsHandler | None = None

    def add(self, told: Told) -> None:
        """Write the record of a message."""
        logger = audit_lib.get_logger(OWN_NAME).audit
        if self._handler is None:
            self._handler = CloudWatchLogsHandler(
                self._log_group,
                stream=self._stream,
                client=self._client,
                retry_for=_RETRY_SECONDS,
            )
            logger.addHandler(self._handler)
        logger.event(
            "Told the channel %s of records of the rule %s",
            told.channel,
            told.rule,
            action=OWN_ACTION,
            extra={
                "rule": {"id": told.rule},
                "notification": {
                    "channel": told.channel,
                    "reason": told.reason,
                    "message_id": told.message_id,
                    "perhaps_repeat": told.perhaps_repeat,
                    "record_count": len(told.digests),
                    "records": list(told.digests),
                },
            },
        )

    def close(self) -> None:
        """Send what was written, and seal the chain."""
        if self._handler is not None:
            audit_lib.get_logger(OWN_NAME).audit.removeHandler(self._handler)
            self._handler.close()
            self._handler = None
