"""The configuration, limits and IAM permissions of e-mail channels, which send with Amazon SES."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self

from audit_rules._reading import checks
from audit_rules._reading.table import TableReader

from ._channel import Channel, Grant

__all__ = ["CHANNEL", "MAX_RECIPIENTS", "MAX_SUBJECT_LENGTH", "EmailChannel"]

MAX_RECIPIENTS: Final = 50  # per message: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_SUBJECT_LENGTH: Final = 98  # some mail clients cut subjects at 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel(Channel):
    """An e-mail channel that uses SES.

    Attributes:
        sender: the sender address; it or its domain must be a verified SES identity of the account.
        recipients: the addresses of the recipients, 1 to 50.
    """

    TYPE: ClassVar[str] = "email"
    KEYS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "sender": "An address that is verified in SES.",
            "recipients": "The addresses of the recipients; all of them receive the same mail.",
        }
    )

    sender: str
    recipients: tuple[str, ...]

    @classmethod
    def read(cls, table: TableReader, name: str) -> Self:
        return cls(
            name=name,
            sender=table.text("sender", checks.email),
            recipients=table.texts("recipients", checks.email, max_items=MAX_RECIPIENTS),
        )

    @property
    def grants(self) -> tuple[Grant, ...]:
        # SES checks the verified identity: the address or its domain.
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
