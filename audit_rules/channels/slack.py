"""The configuration, limits and IAM permissions of Slack channels, which use an incoming webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Self

from audit_rules._reading import checks
from audit_rules._reading.table import TableReader

from ._channel import Channel, Grant

__all__ = [
    "CHANNEL",
    "MAX_BLOCKS",
    "MAX_FIELD_LENGTH",
    "MAX_HEADER_LENGTH",
    "MAX_MESSAGE_LENGTH",
    "MAX_SECTION_FIELDS",
    "MAX_TEXT_LENGTH",
    "SlackChannel",
]

# https://docs.slack.dev/reference/block-kit/blocks: characters of a header, of a section, and of each of its
# fields; fields of a section; blocks of a message
MAX_HEADER_LENGTH: Final = 150
MAX_TEXT_LENGTH: Final = 3000
MAX_FIELD_LENGTH: Final = 2000
MAX_SECTION_FIELDS: Final = 10
MAX_BLOCKS: Final = 50
# Slack does not document how many characters all blocks together may have. It was seen to refuse 13,300
# (https://github.com/slackapi/bolt-js/issues/2509).
MAX_MESSAGE_LENGTH: Final = 12_000


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
