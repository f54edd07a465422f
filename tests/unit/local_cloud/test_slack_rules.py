"""Slack's limits: below, at and above each."""

from typing import Any

import pytest

from local_cloud.receivers._slack_rules import refusal


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
