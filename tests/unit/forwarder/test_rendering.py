"""What readers see, of values that were made to deceive them or that are too much."""

import html as html_lib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules import parse_config
from audit_rules.channels.email import EmailChannel
from forwarder.channels import email, slack
from forwarder.notification import Notification, Reason
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import FoundRecord
from forwarder.stages.render import Renderer
from forwarder.text import clean, one_line, shortened

CONFIG = parse_config(
    """
[audit]
name = "audit"
time_zone = "Europe/Madrid"
[sources]
log_groups = ["/app/shop"]
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com"]
[actions.user-updated]
sentence = "{actor} changed {record}"
category = ["iam"]
type = ["user"]
[[rules]]
id = "phone"
title = "MFA <phone> & more"
description = "Call them."
owner = "Security"
severity = "critical"
channels = ["mail"]
pattern = '{ $.a = 1 }'
"""
)
MAIL = CONFIG.channels["mail"]
assert isinstance(MAIL, EmailChannel)
RENDERER = Renderer(
    config=CONFIG, evidence=Evidence(region="eu-west-1", log_group="/audit/records")
)


def told(*records: dict[str, Any]) -> Notification:
    found = [FoundRecord(1_767_225_600_000 + n, json.dumps(r), r) for n, r in enumerate(records)]
    return RENDERER.notification(CONFIG.rules[0], found, Reason.ARRIVED)


def record(**changes: Any) -> dict[str, Any]:
    return {
        "message": "Changed",
        "event": {"id": "e-1", "action": "user-updated"},
        "user": {"name": "Ana"},
        "changes": {
            "record_type": "user",
            "record_id": "7",
            "before": {},
            "after": changes,
            "fields": dict.fromkeys(changes, "added"),
        },
    }


def texts(node: Any) -> list[str]:
    """Return each text object of a Slack message."""
    if isinstance(node, list):
        return [text for each in node for text in texts(each)]
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [text for each in node.values() for text in texts(each)]
    return []


MENTIONS = ["<!here>", "<!channel>", "<@U1>", "<http://evil|Approve>", "&lt;!here&gt;", "a ``` b"]


@pytest.mark.parametrize("hostile", MENTIONS)
def test_slack_shows_a_hostile_text_as_it_was_typed(hostile: str) -> None:
    tricky = record(**{hostile: hostile}) | {"user": {"name": hostile}, "message": hostile}
    shown = texts(slack.message(told(tricky)))
    marks = {mark for text in shown for mark in re.findall(r"<[^>]*>", text)}
    assert all(mark.startswith("<https://") for mark in marks)
    escaped = hostile.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert any(f"{escaped} changed user 7" in text for text in shown)
    in_code = escaped.replace("`", "\u02cb")
    assert any(f"`{in_code}`\nadded: `{in_code}`" == text for text in shown)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (["reader", "admin"], "reader, admin"),
        ([1, True, None, ""], '1, true, nothing, ""'),
        ([], "none"),
        (["a, b", "c"], '["a, b", "c"]'),
        ([["a"]], '[["a"]]'),
        ([{"a": 1}], '[{"a": 1}]'),
        (["x" * 200, "y" * 200], shortened("x" * 200 + ", " + "y" * 200, 300)),
    ],
)
def test_a_list_is_read_as_one(value: list[Any], shown: str) -> None:
    (change,) = told(record(roles=value)).records[0].changes
    assert change.after == shown


def test_slack_makes_no_links_or_mentions_of_its_own() -> None:
    message = slack.message(told(record(site="http://evil.example", who="@channel")))
    for found in re.finditer(r'\{"type": "mrkdwn".*?\}', json.dumps(message)):
        assert '"verbatim": true' in found[0]
    assert message["unfurl_links"] is message["unfurl_media"] is False


def test_a_message_of_too_much_stays_within_slacks_limits() -> None:
    big = record(**{f"field {n}": "<&`" * 200 for n in range(40)}) | {"message": "<" * 9000}
    message = slack.message(told(*[big] * 12))
    assert len(message["blocks"]) <= 50
    for block in message["blocks"]:
        assert len(block.get("text", {}).get("text", "")) <= 3000
        assert len(block.get("fields", [])) <= 10
        assert all(len(each["text"]) <= 2000 for each in block.get("fields", []))
        assert all(len(each["text"]) <= 3000 for each in block.get("elements", []))
    assert "and 30 more fields; see the evidence" in json.dumps(message)
    assert "(600 characters)" in json.dumps(message)


def test_a_cut_falls_into_no_entity() -> None:
    for longest in range(30, 60):
        cut = slack._cut("a" * 20 + "&" * 30, longest)
        assert len(cut) <= longest
        assert re.fullmatch(r"(?:[^&]|&amp;)*", cut)


def test_the_mail_shows_mark_up_as_text_and_keeps_its_lines() -> None:
    note = 'first\r\nsecond <img src="https://evil.example/p.gif">'
    message = email.mail(told(record(note=note) | {"user": {"name": "<b>Ana</b>"}}), MAIL)
    html = message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<img" not in html
    assert "<b>Ana" not in html
    assert "first\nsecond &lt;img" in html
    assert "MFA &lt;phone&gt; &amp; more" in html
    plain = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "<b>Ana</b> changed user 7" in plain
    assert 'second <img src="https://evil.example/p.gif">' in plain


def test_the_subject_is_one_short_line_whatever_the_record_is_called() -> None:
    long = record() | {
        "changes": {"record_type": "x\r\nBcc: evil@example.com", "record_id": "y" * 500}
    }
    message = email.mail(told(long), MAIL)
    assert len(message["Subject"]) < 100
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert message["Subject"].startswith("[Critical] MFA <phone> & more: x ⏎ Bcc: evil@example.com")


def test_right_to_left_text_stays_and_overrides_go() -> None:
    hebrew, arabic = "דוד", "محمد"
    assert clean(hebrew) == f"\u2068{hebrew}\u2069"
    sentence = told(record(name=arabic) | {"user": {"name": f"{hebrew}\u202e"}}).records[0].sentence
    assert hebrew in sentence
    assert "\u202e" not in sentence
    assert clean("Ana\u202egnp.exe") == "Anagnp.exe"


def test_control_characters_are_seen() -> None:
    assert clean("a\x1b[31mb\x00c\u2028d\ud800") == "a\\x1b[31mb\\x00c\\u2028d\\ud800"
    assert one_line("a\n b\r") == "a ⏎ b"


def test_null_empty_and_false_can_be_told_apart() -> None:
    changes = told(record(a=None, b="", c=False, d="False", e=0)).records[0].changes
    assert [change.after for change in changes] == ["nothing", '""', "false", "False", "0"]


def test_a_record_that_names_no_fields_shows_what_it_has() -> None:
    naive = {"message": "Edit", "changes": {"before": {"phone": "1"}, "after": {"phone": "2"}}}
    [change] = told(naive).records[0].changes
    assert (change.label, change.before, change.after) == ("phone", "1", "2")


def test_a_masked_value_says_so() -> None:
    masked = record(password="***")
    masked["changes"]["notes"] = {"password": "masked"}
    assert told(masked).records[0].changes[0].note == "masked"
    assert "masked" in json.dumps(slack.message(told(masked)))


def test_an_id_cannot_change_the_query_of_the_evidence() -> None:
    good = FoundRecord(0, "", {"event": {"id": "e-1"}})
    evil = FoundRecord(0, "", {"event": {"id": 'x"] | limit 0 #'}})
    assert '| filter event.id in ["e-1"]' in Evidence.query([good])
    assert "limit" not in Evidence.query([good, evil])
    url = Evidence(region="eu-west-1", log_group="/audit/records").url([good])
    assert "source~(~'*2faudit*2frecords))" in url
    assert re.fullmatch(r"[A-Za-z0-9:/?=#$~'()*._-]+", url)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text()
                | st.sampled_from(["user", "changes", "fields", "before", "event", "name"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_any_record_can_be_told(value: Any) -> None:
    fields = {
        "user": value,
        "changes": {"fields": value, "before": value, "after": value},
        "event": value,
        "message": value,
        "@timestamp": value,
    }
    for each in (fields, value if isinstance(value, dict) else {}):
        notification = told(each)
        json.dumps(slack.message(notification))
        email.mail(notification, MAIL).as_bytes()  # type: ignore[arg-type]


@given(st.text(), st.integers(25, 200))
def test_shortened_texts_are_no_longer_than_asked(text: str, longest: int) -> None:
    assert len(shortened(clean(text), longest)) <= longest
    assert html_lib.escape(shortened(text, 10**6)) == html_lib.escape(text)
