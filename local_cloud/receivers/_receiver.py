"""The base class of the receivers, and the message that they keep."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from local_cloud.services.faults import Fault

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
    """The time of arrival in seconds of `time.monotonic`, to order the messages of all receivers."""


class Receiver(ABC):
    """A server that keeps the messages sent to it, in the order of arrival, and displays them.

    It is a context manager that starts and stops the server.

    Attributes:
        fault: returns the fault that the next message meets, or None. A receiver without `AWS_CALL` asks it once
            for each message, and answers as it says.
    """

    AWS_CALL: ClassVar[tuple[str, str] | None] = None
    """The AWS service and operation that messages go through, which fail instead of the receiver."""

    STYLE: ClassVar[str] = ""
    """CSS for the HTML that `html` returns."""

    def __init__(self) -> None:
        self.received: list[ReceivedMessage] = []
        self.fault: Callable[[], Fault | None] = lambda: None

    @property
    def originals(self) -> list[Any]:
        """The messages as sent, in the order of arrival."""
        return [message.original for message in self.received]

    @property
    @abstractmethod
    def address(self) -> str:
        """The server's address, in the form that `prepare` expects."""

    @property
    def smtp(self) -> tuple[str, int] | None:
        """Host and port if this is an SMTP server, to which SES messages are sent; else None."""
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
        """Create the AWS resources that the channel requires; existing ones are left unchanged.

        Args:
            client: returns a boto3 client of a service.
            address: the receiver's address.
            channel: the channel of `audit.toml`, with its keys as attributes.
        """

    @staticmethod
    @abstractmethod
    def rule(original: Any) -> str:
        """Return the id of the rule that caused a message."""

    @staticmethod
    @abstractmethod
    def title(original: Any) -> str:
        """Return a message's title, such as an e-mail's subject."""

    @staticmethod
    @abstractmethod
    def text(original: Any) -> str:
        """Return a message as plain text."""

    @staticmethod
    @abstractmethod
    def html(original: Any) -> str:
        """Return a message as its recipient sees it: an HTML fragment in which no script runs."""

    @staticmethod
    @abstractmethod
    def file(original: Any) -> tuple[str, bytes]:
        """Return a message as a file: the file name's suffix, such as `.eml`, and the content."""

    @staticmethod
    @abstractmethod
    def as_json(original: Any) -> dict[str, Any]:
        """Return a message in JSON types, for `/_cloud/notifications` and the pytest fixture."""
