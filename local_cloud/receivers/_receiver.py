"""The base class of receivers: a server that keeps messages, and how a message is displayed."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

__all__ = ["ReceivedMessage", "Receiver"]


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A notification as it arrived.

    Attributes:
        channel: the name of the channel in `audit.toml`.
        original: the message as sent: a JSON `dict` or an `EmailMessage`.
    """

    channel: str
    original: Any
    arrived: float = field(default_factory=time.monotonic)
    """Seconds of the monotonic clock; orders the messages of all receivers."""


class Receiver(ABC):
    """A server that keeps what is sent to it, in the order of arrival."""

    STYLE: ClassVar[str] = ""
    """CSS for the HTML that `html` returns."""

    def __init__(self) -> None:
        self.received: list[ReceivedMessage] = []

    @property
    def originals(self) -> list[Any]:
        """The original messages."""
        return [message.original for message in self.received]

    @property
    @abstractmethod
    def address(self) -> str:
        """The address that messages are sent to, as passed to `prepare`."""

    @property
    def smtp(self) -> tuple[str, int] | None:
        """Host and port if this is the mail server that SES delivers to, else None."""
        return None

    @abstractmethod
    def __enter__(self) -> Self:
        """Start the server."""

    @abstractmethod
    def __exit__(self, *_: object) -> None:
        """Stop the server."""

    @staticmethod
    @abstractmethod
    def prepare(client: Callable[[str], Any], address: str, channel: Any) -> None:
        """Create what the channel requires in the account; what exists is left unchanged.

        Args:
            client: returns a boto3 client of a service.
            address: the receiver's address.
            channel: the channel of `audit.toml`, with its keys as attributes.
        """

    @staticmethod
    @abstractmethod
    def rule(original: Any) -> str:
        """Return the id of the rule that a message is about."""

    @staticmethod
    @abstractmethod
    def title(original: Any) -> str:
        """Return the line that the recipient sees first."""

    @staticmethod
    @abstractmethod
    def text(original: Any) -> str:
        """Return a message as plain text."""

    @staticmethod
    @abstractmethod
    def html(original: Any) -> str:
        """Return a message as the recipient sees it: an HTML fragment without scripts."""

    @staticmethod
    @abstractmethod
    def file(original: Any) -> tuple[str, bytes]:
        """Return a message as a file: the file name's suffix, and the bytes."""

    @staticmethod
    @abstractmethod
    def as_json(original: Any) -> dict[str, Any]:
        """Return a message as JSON types, for `/_cloud/notifications` and the pytest fixture."""
