"""What all receivers have: a server that keeps messages, and how a message of the type reads."""

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
        original: what was sent: a `dict` of JSON, an `EmailMessage`.
    """

    channel: str
    original: Any
    arrived: float = field(default_factory=time.monotonic)
    """Seconds of a clock that only goes forward: orders the messages of all receivers."""


class Receiver(ABC):
    """A server that keeps what is sent to it, in the order of arrival."""

    STYLE: ClassVar[str] = ""
    """CSS for what `html` returns."""

    def __init__(self) -> None:
        self.received: list[ReceivedMessage] = []

    @property
    def originals(self) -> list[Any]:
        """The messages alone."""
        return [message.original for message in self.received]

    @property
    @abstractmethod
    def address(self) -> str:
        """Where messages go: what `prepare` is given."""

    @property
    def smtp(self) -> tuple[str, int] | None:
        """Host and port, where this is the mail server that SES delivers to."""
        return None

    @abstractmethod
    def __enter__(self) -> Self:
        """Start the server."""

    @abstractmethod
    def __exit__(self, *_: object) -> None:
        """Stop it."""

    @staticmethod
    @abstractmethod
    def prepare(client: Callable[[str], Any], address: str, channel: Any) -> None:
        """Make what the channel requires in the account; what exists is left unchanged.

        Args:
            client: returns a boto3 client of a service.
            address: the receiver's.
            channel: the channel of `audit.toml`, with its keys as attributes.
        """

    @staticmethod
    @abstractmethod
    def rule(original: Any) -> str:
        """Return the id of the rule that a message is about."""

    @staticmethod
    @abstractmethod
    def title(original: Any) -> str:
        """Return the line that its reader sees first."""

    @staticmethod
    @abstractmethod
    def text(original: Any) -> str:
        """Return a message as plain text."""

    @staticmethod
    @abstractmethod
    def html(original: Any) -> str:
        """Return a message as its reader sees it: a piece of HTML in which nothing can run."""

    @staticmethod
    @abstractmethod
    def file(original: Any) -> tuple[str, bytes]:
        """Return a message as a file: the suffix of its name, its bytes."""

    @staticmethod
    @abstractmethod
    def as_json(original: Any) -> dict[str, Any]:
        """Return a message in JSON's types, for `/_cloud/notifications` and the fixture."""
