"""What Slack's answers mean for a message: those beside each limit, and the limits."""

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

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
        assert re.search(r"\([a-z_]+\)", result.about)  # other texts may repeat the URL
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
    own.read_seconds = 0.2
    result = own.send(NOTICE)
    assert (result.status, silent in result.about) == (UNKNOWN, False)


def test_no_connection_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
    result = webhook(address).send(NOTICE)
    assert (result.status, address in result.about) == (AGAIN, False)


def answering(answer: bytes) -> Iterator[str]:
    """Serve one connection that gets these bytes and is closed; without a byte, no TLS connection either."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                if answer:
                    connection.recv(100_000)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}/services/T0/B0/secret"


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nok", SENT),  # its end is missing
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 40\r\n\r\nCannot POST /services/T0/B0/secret", CLOSED),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: soon\r\n\r\n", AGAIN),
        (b"nonsense\r\n\r\n", UNKNOWN),
    ],
)  # fmt: skip
def test_odd_answers(answer: bytes, means: SendStatus) -> None:
    for address in answering(answer):
        result = webhook(f"http://{address}").send(NOTICE)
        assert (result.status, "secret" in result.about.replace("secret 's'", "")) == (means, False)


def test_a_server_without_tls_got_nothing() -> None:
    for address in answering(b""):
        assert webhook(f"https://{address}").send(NOTICE).status is AGAIN


@pytest.mark.parametrize(
    "address",
    ["", "https://", "https://[hooks", "https://a b/", "https://a:99999/", "http://example.com/",
     "hooks.slack.com/services/T0"],
)  # fmt: skip
def test_a_secret_that_is_no_address_closes_the_channel(address: str) -> None:
    secrets: Any = Secrets(address)
    own = SlackWebhook(name="c", secret="s", secrets=secrets)
    secrets.get_secret_value = lambda **_: {"SecretString": address}
    result = own.send(NOTICE)
    assert result.status is CLOSED
    assert "is not an https:// URL" in result.about
