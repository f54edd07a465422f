"""E-mail, by SES."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self

from audit_rules._reading import checks
from audit_rules._reading.table import TableReader

from ._channel import Channel, Grant

__all__ = ["CHANNEL", "LONGEST_SUBJECT", "MOST_RECIPIENTS", "EmailChannel"]

MOST_RECIPIENTS: Final = 50  # of one message: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
LONGEST_SUBJECT: Final = 98  # under 100, for readers that cut there


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel(Channel):
    """A mailing through SES.

    Attributes:
        sender: an address that is, or whose domain is, a verified identity of the account.
        recipients: the addresses of the mail, 1 to 50.
    """

    TYPE: ClassVar[str] = "email"
    KEYS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "sender": "An address that SES has verified.",
            "recipients": "The addresses that the mail goes to, all at once.",
        }
    )

    sender: str
    recipients: tuple[str, ...]

    @classmethod
    def read(cls, table: TableReader, name: str) -> Self:
        return cls(
            name=name,
            sender=table.text("sender", checks.email),
            recipients=table.texts("recipients", checks.email, most=MOST_RECIPIENTS),
        )

    @property
    def grants(self) -> tuple[Grant, ...]:
        # SES checks the identity that is verified: the address, or its whole domain.
        domain = self.sender.partition("@")[2]
        return (
            Grant(
                service="ses",
                actions=("ses:SendEmail", "ses:SendRawEmail"),
                resources=(f"identity/{self.sender}", f"identity/{domain}"),
                conditions=MappingProxyType(
                    {"StringEquals": MappingProxyType({"ses:FromAddress": (self.sender,)})}
                ),
            ),
        )


CHANNEL: Final = EmailChannel
