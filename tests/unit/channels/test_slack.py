"""Slack's channel: its keys, what it needs, how a message reads at the other end."""

import json

import pytest

from audit_rules import ConfigError, Severity, parse_config
from audit_rules.channels.slack import SlackChannel
from forwarder.channels import preview
from forwarder.notification import Notification, Reason
from local_cloud.receivers.slack import SlackReceiver

HEAD = '[audit]\nname = "x"\ntime_zone = "UTC"\n[sources]\nlog_groups = ["/app/x"]\n[channels.a]\ntype = "slack"\n'
CHANNEL = SlackChannel(name="a", webhook_secret="audit/slack")
NOTICE = Notification(
    rule_id="large-refund", title="Refund & <more>", description="Look at *it*", owner="Finance",
    severity=Severity.HIGH, reason=Reason.ARRIVED,
)  # fmt: skip


def test_it_is_read_from_its_keys() -> None:
    config = parse_config(f'{HEAD}webhook_secret = "audit/slack"')
    assert config.channels == {"a": CHANNEL}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "channels.a: webhook_secret: is required but missing"),
        ('webhook_secret = "https://hooks.slack.com/services/T0/B0/x"', "looks like the webhook URL itself"),
        ('webhook_secret = "s"\nsender = "a@example.com"', "channels.a: sender: is not a key"),
    ],
)  # fmt: skip
def test_other_keys_are_refused(keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(f"{HEAD}{keys}")
    assert said in str(refused.value)
    assert "hooks.slack.com" not in str(refused.value)


def test_the_forwarder_may_read_that_secret_and_no_other() -> None:
    [grant] = CHANNEL.grants
    assert grant.actions == ("secretsmanager:GetSecretValue",)
    assert grant.resources == ("secret:audit/slack-??????",)


def test_what_is_sent_reads_as_it_was_meant() -> None:
    sent = preview(CHANNEL, NOTICE)
    assert SlackReceiver.rule(sent) == "large-refund"
    assert SlackReceiver.title(sent) == "High: Refund & <more>"
    text = SlackReceiver.text(sent)
    assert "🟠 Refund & <more>" in text
    assert "Look at *it*" in text
    assert "High · for Finance" in text
    assert "Refund &amp; &lt;more&gt;" in SlackReceiver.html(sent)
    suffix, content = SlackReceiver.file(sent)
    assert (suffix, json.loads(content)) == (".json", sent)
    assert SlackReceiver.as_json(sent) == {"message": sent}
