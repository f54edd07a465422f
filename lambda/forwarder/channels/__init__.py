"""The ways to people: one file a type of channel, called after the type.

Each has `open_channel`, which returns the way, and `preview`, which returns the message that would be sent.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

from audit_rules import AuditConfig
from audit_rules import Channel as ChannelConfig
from forwarder.notification import Notification

__all__ = ["Channel", "ChannelError", "open_channels", "preview"]


class Channel(Protocol):
    """A way to people."""

    def send(self, notification: Notification) -> None:
        """Send it.

        Raises:
            ChannelError: it was not delivered; trying again later may help.
        """


class ChannelError(Exception):
    """A channel did not take a notification. Its text names the channel and no secret."""


class _Module(Protocol):
    """What a file of this folder defines."""

    def open_channel(self, channel: Any, client: Callable[[str], Any]) -> Channel: ...

    def preview(self, channel: Any, notification: Notification) -> Any: ...


def open_channels(config: AuditConfig, client: Callable[[str], Any]) -> dict[str, Channel]:
    """Return the channels of the configuration, by name.

    Args:
        config: whose channels.
        client: returns a boto3 client of a service.
    """
    return {
        name: _module(channel).open_channel(channel, client)
        for name, channel in config.channels.items()
    }


def preview(channel: ChannelConfig, notification: Notification) -> Any:
    """Return the message that the channel would send: a `dict` of JSON, or an `EmailMessage`."""
    return _module(channel).preview(channel, notification)


def _module(channel: ChannelConfig) -> _Module:
    return cast("_Module", import_module(f"{__name__}.{channel.TYPE}"))
