"""The ways to people: one file a channel, each with one method, `send`."""

from typing import Protocol

from forwarder.notification import Notification

__all__ = ["Channel", "ChannelError"]


class Channel(Protocol):
    """A way to people."""

    def send(self, notification: Notification) -> None:
        """Send it.

        Raises:
            ChannelError: it was not delivered; trying again later may help.
        """


class ChannelError(Exception):
    """A channel did not take a notification. Its text names the channel and no secret."""
