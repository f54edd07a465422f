"""E-mail's channel: its keys, what it needs, how a mail reads at the other end."""

from email import message_from_bytes
from email.policy import SMTP

import pytest

from audit_rules import ConfigError, Severity, parse_config
from audit_rules.channels.email import MAX_RECIPIENTS, EmailChannel
from forwarder.channels import preview
from forwarder.notification import Notification, Reason
from local_cloud.receivers.email import EmailReceiver

HEAD = '[audit]\nname = "x"\ntime_zone = "UTC"\n[sources]\nlog_groups = ["/app/x"]\n[channels.a]\ntype = "email"\n'
CHANNEL = EmailChannel(name="a", sender="audit@example.com", recipients=("b@example.com",))
NOTICE = Notification(
    rule_id="large-refund", title="Refund", description="<b>Look</b>", owner="Finance",
    severity=Severity.HIGH, reason=Reason.ARRIVED,
)  # fmt: skip


def test_it_is_read_from_its_keys() -> None:
    config = parse_config(f'{HEAD}sender = "audit@example.com"\nrecipients = ["b@example.com"]')
    assert config.channels == {"a": CHANNEL}


@pytest.mark.parametrize(
    ("count", "refused"), [(MAX_RECIPIENTS - 1, False), (MAX_RECIPIENTS, False), (MAX_RECIPIENTS + 1, True)]
)  # fmt: skip
def test_ses_takes_so_many_recipients(count: int, refused: bool) -> None:
    recipients = ", ".join(f'"a{n}@example.com"' for n in range(count))
    text = f'{HEAD}sender = "audit@example.com"\nrecipients = [{recipients}]'
    if refused:
        with pytest.raises(ConfigError, match="recipients: found 51 items; name at most 50"):
            parse_config(text)
    else:
        assert len(parse_config(text).channels["a"].recipients) == count


def test_the_forwarder_may_send_as_that_sender_alone() -> None:
    [grant] = CHANNEL.grants
    assert set(grant.actions) == {"ses:SendEmail", "ses:SendRawEmail"}
    assert set(grant.resources) == {"identity/audit@example.com", "identity/example.com"}
    assert grant.conditions == {"StringEquals": {"ses:FromAddress": ("audit@example.com",)}}


def test_what_is_sent_reads_as_it_was_meant() -> None:
    sent = message_from_bytes(preview(CHANNEL, NOTICE).as_bytes(), policy=SMTP)
    assert EmailReceiver.rule(sent) == "large-refund"
    assert EmailReceiver.title(sent) == "[High] Refund"
    assert "<b>Look</b>" in EmailReceiver.text(sent)
    html = EmailReceiver.html(sent)
    assert html.startswith('<iframe sandbox srcdoc="')
    assert "<b>Look</b>" not in html
    suffix, content = EmailReceiver.file(sent)
    assert suffix == ".eml"
    assert b"X-Audit-Channel: a" in content
    assert EmailReceiver.as_json(sent)["to"] == "b@example.com"
