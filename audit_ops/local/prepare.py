"""What has to be there before the trail is deployed, on AWS too: sources, secrets, senders."""

from typing import TYPE_CHECKING

from audit_rules import AuditConfig, EmailChannel, SlackChannel

if TYPE_CHECKING:
    from audit_ops.local.cloud import LocalCloud
    from audit_ops.local.receivers import WebhookReceiver

__all__ = ["prepare"]


def prepare(cloud: "LocalCloud", config: AuditConfig, slack: "WebhookReceiver") -> None:
    """Make them in an empty cloud; each Slack channel's webhook is the receiver's, by its name."""
    for name in config.sources.log_groups:
        cloud.client("logs").create_log_group(logGroupName=name)
    senders = set()
    for channel in config.channels.values():
        match channel:
            case SlackChannel():
                cloud.client("secretsmanager").create_secret(
                    Name=channel.webhook_secret, SecretString=slack.url(channel.name)
                )
            case EmailChannel():
                senders.add(channel.sender)
    for sender in sorted(senders):
        cloud.client("sesv2").create_email_identity(EmailIdentity=sender)
