"""What Slack's answers mean for a message: those beside each limit, and the limits."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from audit_rules import Severity
from forwarder.channels import SendStatus
from forwarder.channels.slack import SlackWebhook
from forwarder.notification import Notification, Reason
from local_cloud.receivers.slack import SlackReceiver

NOTICE = Notification(
    rule_id="r", title="T", description="", owner="O", severity=Severity.LOW, reason=Reason.ARRIVED
)
SENT, AGAIN, CLOSED, REFUSED, UNKNOWN = SendStatus


class Secrets:
    def __init__(self, address: str) -> None:
        self.address = address

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        return {"SecretString": f"{self.address}x"}


def webhook(address: str) -> SlackWebhook:
    secrets: Any = Secrets(address)
    return SlackWebhook(name="c", secret="s", secrets=secrets)


@pytest.mark.parametrize(
    ("status", "means"),
    [(302, CLOSED), (399, CLOSED), (400, REFUSED), (401, CLOSED), (403, CLOSED), (404, CLOSED),
     (410, CLOSED), (428, CLOSED), (429, AGAIN), (430, CLOSED), (499, CLOSED), (500, AGAIN),
     (501, AGAIN), (503, AGAIN), (599, AGAIN)],
)  # fmt: skip
def test_what_an_answer_means(status: int, means: SendStatus) -> None:
    with SlackReceiver() as receiver:
        receiver.answers = [(status, {"Retry-After": "7"})]
        result = webhook(receiver.address).send(NOTICE)
        assert result.status is means
        assert f"channel 'c': Slack answered {status}" in result.about
        assert receiver.address not in result.about
        assert result.retry_after == (7.0 if means is AGAIN else None)
        assert receiver.received == []


def test_it_is_sent_once_and_accepted() -> None:
    with SlackReceiver() as receiver:
        assert webhook(receiver.address).send(NOTICE).status is SENT
        assert webhook(receiver.address).send(NOTICE, is_plain=True).status is SENT
        assert [list(post) for post in receiver.originals][1] == ["text"]


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_no_answer_to_a_whole_request_is_not_known(silent: str) -> None:
    own = webhook(silent)
    own._http = urllib3.PoolManager(timeout=0.2, retries=False)
    result = own.send(NOTICE)
    assert (result.status, silent in result.about) == (UNKNOWN, False)


def test_no_connection_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
    result = webhook(address).send(NOTICE)
    assert (result.status, address in result.about) == (AGAIN, False)
