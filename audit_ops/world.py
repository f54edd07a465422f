"""`World`: an embedded cloud, and around it what a trail needs in it and what it tells.

In this process; `audit_ops.running` reaches one in another.
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
    """A cloud, and real receivers of what it sends: Slack's end of a webhook, a mail server.

    Args:
        region, port: the cloud's, as `LocalCloud` takes them.
    """

    def __init__(self, *, region: str = "eu-west-1", port: int = 0) -> None:
        self.slack = SlackReceiver()
        self.mail = EmailReceiver()
        self._region, self._port = region, port
        self._started = ExitStack()

    def __enter__(self) -> Self:
        """Start it; `LocalCloud` says what it raises."""
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
        """Stop it."""
        self._started.close()

    def prepare(self, config: AuditConfig) -> None:
        """Make what has to be there before the trail of this configuration."""
        prepare(self.cloud.client, config, self.webhooks)

    def put_lines(self, log_group: str, lines: Sequence[str]) -> None:
        """Ship log lines, and wait until all that follows has happened."""
        self.cloud.put_lines(log_group, lines)
        self.cloud.settle()

    def rest(self) -> None:
        """Let time pass until no alarm rings, then empty the receivers.

        Raises:
            TimeoutError: an alarm rings for more than a day.
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
        """Give what the receivers got, Slack's first: `channel` and JSON, `to`, `subject` and text."""
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
