"""Limits of what channels send: below, at and above."""

import re
from typing import Any

import pytest

from audit_rules import Severity
from audit_rules.channels.email import MAX_SUBJECT_LENGTH
from audit_rules.channels.slack import MAX_HEADER_LENGTH, MAX_SECTION_FIELDS, MAX_TEXT_LENGTH
from forwarder.channels import email, slack
from forwarder.notification import Notification, Reason


def notice(**given: Any) -> Notification:
    values = {
        "rule_id": "r", "title": "T", "description": "D", "owner": "O", "severity": Severity.LOW,
        "reason": Reason.ARRIVED,
    }  # fmt: skip
    return Notification(**(values | given))


def test_slacks_limits_are_the_documented_ones() -> None:
    """https://docs.slack.dev/reference/block-kit/blocks"""
    assert (MAX_HEADER_LENGTH, MAX_TEXT_LENGTH, MAX_SECTION_FIELDS) == (150, 3000, 10)


@pytest.mark.parametrize("length", [147, 148, 149, 500])
def test_a_header_is_as_long_as_slack_allows(length: int) -> None:
    header = slack.message(notice(title="x" * length))["blocks"][0]["text"]["text"]
    shown = re.sub(r"^\S+ ", "", header)
    assert len(header) <= 150
    assert (shown == "x" * length) is (length <= 148)  # the mark of the severity takes two


@pytest.mark.parametrize("length", [2999, 3000, 3001])
def test_a_text_is_as_long_as_slack_allows(length: int) -> None:
    blocks = slack.message(notice(description="x" * length))["blocks"]
    text = blocks[2]["text"]["text"]
    assert len(text) <= 3000
    assert (text == "x" * length) is (length <= 3000)


@pytest.mark.parametrize("length", [91, 92, 93])
def test_a_subject_is_under_100_characters(length: int) -> None:
    subject = email.subject(notice(title="x" * length))
    assert MAX_SUBJECT_LENGTH == 98
    assert len(subject) <= 98
    assert (subject == f"[Low] {'x' * length}") is (length <= 92)
