"""The Slack receiver answers as Slack's webhooks do."""

import json
import urllib.request
from urllib.error import HTTPError

import pytest

from local_cloud.receivers.slack import SlackReceiver


def posted(
    address: str, body: bytes, content_type: str = "application/json"
) -> tuple[int, str, str | None]:
    request = urllib.request.Request(address, body, {"Content-Type": content_type})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers["Retry-After"]
    except HTTPError as error:
        return error.code, error.read().decode(), error.headers["Retry-After"]


@pytest.mark.parametrize(
    ("path", "body", "content_type", "expected"),
    [
        ("c", b'{"text": "t"}', "application/json", (200, "ok", None)),
        ("c", b'{"text": "t"}', "application/json; charset=utf-8", (200, "ok", None)),
        ("c", b'{"text": "t"}', "text/plain", (400, "invalid_payload", None)),
        ("c", b"{", "application/json", (400, "invalid_payload", None)),
        ("c", b'{"blocks": [{}]}', "application/json", (400, "invalid_blocks", None)),
        ("c", b"{}", "application/json", (400, "no_text", None)),
        ("", b'{"text": "t"}', "application/json", (404, "no_service", None)),
        ("c/d", b'{"text": "t"}', "application/json", (404, "no_service", None)),
        ("../../T1/B0/c", b'{"text": "t"}', "application/json", (404, "no_service", None)),
    ],
)
def test_the_receiver_answers_as_slack_does(
    path: str, body: bytes, content_type: str, expected: tuple[int, str, str | None]
) -> None:
    with SlackReceiver() as receiver:
        assert posted(receiver.address + path, body, content_type) == expected
        assert len(receiver.received) == (expected[0] == 200)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((403, {}), (403, "action_prohibited", None)),
        ((404, {}), (404, "no_service", None)),
        ((410, {}), (410, "channel_is_archived", None)),
        ((429, {}), (429, "rate_limited", "1")),
        ((429, {"Retry-After": "7"}), (429, "rate_limited", "7")),
    ],
)
def test_a_test_can_choose_the_next_answer(
    answer: tuple[int, dict[str, str]], expected: tuple[int, str, str | None]
) -> None:
    with SlackReceiver() as receiver:
        receiver.answers = [answer]
        body = json.dumps({"text": "t"}).encode()
        assert posted(receiver.address + "c", body) == expected
        assert receiver.received == []
