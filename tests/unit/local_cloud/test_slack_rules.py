"""Slack's limits: below, at and above each."""

import json
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest

from local_cloud.receivers._slack_rules import refusal
from local_cloud.receivers.slack import SlackReceiver


def text(length: int, type_: str = "mrkdwn", letter: str = "x") -> dict[str, str]:
    return {"type": type_, "text": letter * length}


def header(length: int, type_: str = "plain_text") -> dict[str, Any]:
    return {"type": "header", "text": text(length, type_)}


def section(**given: Any) -> dict[str, Any]:
    return {"type": "section", **given}


def context(*elements: Any) -> dict[str, Any]:
    return {"type": "context", "elements": list(elements)}


DIVIDER = {"type": "divider"}


@pytest.mark.parametrize(
    ("blocks", "accepted"),
    [
        ([header(1)], True),
        ([header(150)], True),
        ([header(151)], False),
        ([header(0)], False),
        ([header(5, "mrkdwn")], False),
        ([section(text=text(3000))], True),
        ([section(text=text(3001))], False),
        ([section(text=text(1500, letter="\N{POLICE CARS REVOLVING LIGHT}"))], True),
        ([section(text=text(1501, letter="\N{POLICE CARS REVOLVING LIGHT}"))], False),
        ([section(text=text(0))], False),
        ([section(fields=[text(2000)] * 10)], True),
        ([section(fields=[text(2001)])], False),
        ([section(fields=[text(1)] * 11)], False),
        ([section(fields=[])], False),
        ([section()], False),
        ([section(text="bare")], False),
        ([section(text=text(1), colour="red")], False),
        ([section(text=text(1) | {"emoji": True})], False),
        ([section(text=text(1, "plain_text") | {"emoji": True})], True),
        ([context(*[text(1)] * 10)], True),
        ([context(*[text(1)] * 11)], False),
        ([context()], False),
        ([DIVIDER] * 50, True),
        ([DIVIDER] * 51, False),
        ([DIVIDER | {"block_id": "x" * 255}], True),
        ([DIVIDER | {"block_id": "x" * 256}], False),
        ([{"type": "unknown"}], False),
        (["divider"], False),
        ({"type": "divider"}, False),
    ],
)
def test_blocks_are_held_to_slacks_limits(blocks: Any, accepted: bool) -> None:
    assert refusal({"text": "t", "blocks": blocks}) == (None if accepted else "invalid_blocks")


@pytest.mark.parametrize(
    ("post", "error"),
    [
        ({"text": "t"}, None),
        ({"blocks": [DIVIDER]}, None),
        ({"text": ""}, "no_text"),
        ({}, "no_text"),
        ({"blocks": []}, "no_text"),
        ([], "invalid_payload"),
        ({"text": 1}, "invalid_payload"),
        ({"text": "t", "colour": "red"}, "invalid_payload"),
    ],
)
def test_a_document_without_text_or_of_another_form_is_refused(
    post: Any, error: str | None
) -> None:
    assert refusal(post) == error


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
