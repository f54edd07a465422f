"""`World`: an embedded cloud with what an audit trail needs around it, and receivers of notifications.

It runs in this process; `audit_ops.running` reaches one in another process.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final, Self

from audit_ops.running import prepare
from audit_rules import AuditConfig
from local_cloud.cloud import LocalCloud
from local_cloud.receivers import EmailReceiver, SlackReceiver

__all__ = ["World"]

_DAY_MINUTES: Final = 1440


class World:
    """A cloud, and real receivers of what it sends: a server for Slack's webhooks, a mail server.

    Args:
        region, port: the cloud's, as `LocalCloud` takes them.
    """

    def __init__(self, *, region: str = "eu-west-1", port: int = 0) -> None:
        self.slack = SlackReceiver()
        self.mail = EmailReceiver()
        self._region, self._port = region, port
        self._started = ExitStack()

    def __enter__(self) -> Self:
        """Start the receivers and the cloud; raises what `LocalCloud` raises."""
        with ExitStack() as started:
            started.enter_context(self.slack)
            started.enter_context(self.mail)
            self.cloud = started.enter_context(
                LocalCloud(
                    region=self._region,
                    port=self._port,
                    smtp=self.mail.address,
                    receivers=self,
                )
            )
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the cloud and the receivers."""
        self._started.close()

    def prepare(self, config: AuditConfig) -> None:
        """Make what the trail of this configuration requires: log groups, secrets, senders."""
        prepare(self.cloud.client, config, self.webhooks)

    def put_lines(self, log_group: str, lines: Sequence[str]) -> None:
        """Ship log lines, and wait until all their effects are complete."""
        self.cloud.put_lines(log_group, lines)
        self.cloud.settle()

    def rest(self) -> None:
        """Let time pass until no alarm is in ALARM, then empty the receivers.

        Raises:
            TimeoutError: an alarm is in ALARM for more than a day.
        """
        for _ in range(_DAY_MINUTES):
            if "ALARM" not in self.cloud.health()["alarms"].values():
                self.slack.received.clear()
                self.mail.mails.clear()
                return
            self.cloud.advance(60)
        raise TimeoutError("an alarm has been ringing for a day")

    @property
    def webhooks(self) -> str:
        """The beginning of a Slack webhook's address; the channel's name follows."""
        return self.slack.url("")

    def told(self) -> list[dict[str, Any]]:
        """Return what arrived, Slack's first: `channel` and JSON; `to`, `subject` and text."""
        posts = [
            {"kind": "slack", "channel": post.name, "message": post.payload}
            for post in self.slack.received
        ]
        mails = []
        for mail in self.mail.mails:
            body = mail.get_body(("plain",))
            text = body.get_content() if body is not None else ""
            mails.append(
                {
                    "kind": "email",
                    "to": str(mail["To"]),
                    "subject": str(mail["Subject"]),
                    "text": text,
                }
            )
        return posts + mails
