"""Which of Slack's answers are tried again: those beside each limit, and the limits."""

from typing import Any

import pytest

from audit_rules import Severity
from forwarder.channels import ChannelError
from forwarder.channels.slack import SlackWebhook
from forwarder.notification import Notification, Reason
from local_cloud.receivers.slack import SlackReceiver

NOTICE = Notification(
    rule_id="r", title="T", description="", owner="O", severity=Severity.LOW, reason=Reason.ALARM
)


class Secrets:
    def __init__(self, address: str) -> None:
        self.address = address

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": f"{self.address}x"}


@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (404, False), (428, False), (429, True), (430, False), (499, False), (500, True),
     (501, True), (503, True), (599, True)],
)  # fmt: skip
def test_busy_and_broken_are_tried_again_and_refused_is_not(status: int, again: bool) -> None:
    with SlackReceiver() as receiver:
        receiver.answers = [(status, {})]
        secrets: Any = Secrets(receiver.address)
        webhook = SlackWebhook(name="c", secret="s", secrets=secrets, sleep=lambda _: None)
        if again:
            webhook.send(NOTICE)
        else:
            with pytest.raises(ChannelError, match=f"Slack answered {status}"):
                webhook.send(NOTICE)
        assert len(receiver.received) == again


@pytest.mark.parametrize(("failures", "arrives"), [(1, True), (2, True), (3, False), (4, False)])
def test_it_is_tried_three_times(failures: int, arrives: bool) -> None:
    with SlackReceiver() as receiver:
        receiver.answers = [(500, {})] * failures
        secrets: Any = Secrets(receiver.address)
        webhook = SlackWebhook(name="c", secret="s", secrets=secrets, sleep=lambda _: None)
        if arrives:
            webhook.send(NOTICE)
        else:
            with pytest.raises(ChannelError):
                webhook.send(NOTICE)
        assert len(receiver.received) == arrives
