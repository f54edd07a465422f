"""The configuration, limits and IAM permissions of Slack channels, which use an incoming webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self

from audit_rules._reading import checks
from audit_rules._reading.table import TableReader

from ._channel import Channel, Grant

__all__ = ["CHANNEL", "MAX_HEADER_LENGTH", "MAX_SECTION_FIELDS", "MAX_TEXT_LENGTH", "SlackChannel"]

# https://docs.slack.dev/reference/block-kit/blocks: characters of a header and of a section; fields of a section
MAX_HEADER_LENGTH: Final = 150
MAX_TEXT_LENGTH: Final = 3000
MAX_SECTION_FIELDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackChannel(Channel):
    """A channel that uses a Slack incoming webhook.

    Attributes:
        webhook_secret: the name of a Secrets Manager secret whose value is the webhook's URL; the URL
            itself is a credential and must not be in the configuration.
    """

    TYPE: ClassVar[str] = "slack"
    KEYS: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "webhook_secret": "The NAME of a Secrets Manager secret whose value is the webhook URL.",
        }
    )

    webhook_secret: str

    @classmethod
    def read(cls, table: TableReader, name: str) -> Self:
        return cls(name=name, webhook_secret=table.text("webhook_secret", checks.secret_name))

    @property
    def grants(self) -> tuple[Grant, ...]:
        # Secrets Manager appends a hyphen and six characters to the name in the ARN.
        return (
            Grant(
                service="secretsmanager",
                actions=("secretsmanager:GetSecretValue",),
                resources=(f"secret:{self.webhook_secret}-??????",),
            ),
        )


CHANNEL: Final = SlackChannel
