"""Opens the channels that the forwarder sends notifications to, and previews their messages.

Each channel type has a module here, named after the type. Its `open_channel` returns the sender, its
`preview` the message that would be sent.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

from audit_rules import AuditConfig, Channel
from forwarder.notification import Notification

__all__ = ["ChannelError", "NotificationSender", "open_channels", "preview"]


class NotificationSender(Protocol):
    """The interface of the senders: sends notifications to the recipients of one channel."""

    def send(self, notification: Notification) -> None:
        """Send the notification.

        Raises:
            ChannelError: the notification was not delivered; a later attempt may succeed.
        """


class ChannelError(Exception):
    """A notification was not delivered. The message names the channel and contains no secret."""


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
        client: returns the boto3 client of a service.
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
