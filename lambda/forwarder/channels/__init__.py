"""Opens the channels that the forwarder sends notifications to, and previews their messages.

Each channel type has a module here, named after the type. Its `open_channel` returns the sender, its
`preview` the message that would be sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol, cast

from audit_rules import AuditConfig, Channel
from forwarder.notification import Notification

__all__ = ["NotificationSender", "SendResult", "SendStatus", "open_channels", "preview"]


class SendStatus(StrEnum):
    """What a channel did with a message.

    `SENT`: it accepted it. `AGAIN`: it did not, and may later. `CLOSED`: it accepts nothing until somebody
    mends it, such as a webhook that was deleted. `REFUSED`: it does not accept this message. `UNKNOWN`: it was
    sent whole and not answered, so nobody knows.
    """

    SENT = "sent"
    AGAIN = "again"
    CLOSED = "closed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of sending a message once.

    Attributes:
        status: what the channel did with the message.
        about: the id of the message at the channel if it was sent, else the problem and what to do; without
            a secret.
        retry_after: the seconds after which the channel accepts messages again; None if it does not say.
    """

    status: SendStatus
    about: str = ""
    retry_after: float | None = None


class NotificationSender(Protocol):
    """The interface of the senders: sends notifications to the recipients of one channel."""

    def send(self, notification: Notification, *, is_plain: bool = False) -> SendResult:
        """Send a notification, once, and wait at most 30 seconds for the answer.

        Args:
            notification: the notification.
            is_plain: whether it is sent as a short plain text, because the channel refused it.
        """


class _Module(Protocol):
    """The functions that each module of a channel type defines."""

    def open_channel(self, channel: Any, client: Callable[[str], Any]) -> NotificationSender: ...

    def preview(self, channel: Any, notification: Notification) -> Any: ...


def open_channels(
    config: AuditConfig, client: Callable[[str], Any]
) -> dict[str, NotificationSender]:
    """Return the senders of the configured channels, by channel name.

    Args:
        config: the configuration.
        client: returns the boto3 client of a service, which must not try a call again by itself.
    """
    return {
        name: _module(channel).open_channel(channel, client)
        for name, channel in config.channels.items()
    }


def preview(channel: Channel, notification: Notification) -> Any:
    """Return the message that the channel would send: a `dict` of JSON, or an `EmailMessage`."""
    return _module(channel).preview(channel, notification)


def _module(channel: Channel) -> _Module:
    return cast("_Module", import_module(f"{__name__}.{channel.TYPE}"))
