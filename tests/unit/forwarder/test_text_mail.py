"""A value cannot add a line to a plain-text mail that looks like one of the notification."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules import Severity
from forwarder.channels import email, slack
from forwarder.notification import FieldChange, Notification, Reason, RecordView
from forwarder.text import clean, one_line
from local_cloud.receivers.slack import SlackReceiver
from tests.unit.forwarder.rendered import change, notified

ENDS = [
    "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029",
    " " * 200, "\xa0" * 200, "\u3000" * 80, "\u2800" * 200, "\u3164" * 80, "\t" * 40, "\u200b\n\u200b",
]  # fmt: skip
HANGUL_FILLER = "\u3164"
FORGED = "Who      Max Mustermann"
LINE = re.compile(
    r"(HIGH: |  |• |\|(?: |$)|-{70}$|Sent because |Show the evidence: https://eu-west-1|and \d+ more"
    r"|(Record|Kind|Who|When|Late|Where|Outcome|Reason|Message|Request|[Rr]ows) {1,8}\S|$)"
)


def hostile(value: str) -> dict[str, Any]:
    """Return a record that has the value in every place that a notification shows."""
    record = change(before={"iban": value, value: value}, after={"iban": value, value: [value]})
    record["message"] = record["event"]["reason"] = value
    record["event"]["outcome"] = value
    record["changes"] |= {"record_type": value, "record_id": value, "notes": {"iban": value}}
    record["user"] = dict.fromkeys(("id", "name", "email", "full_name"), value)
    record |= {
        "source": {"ip": value}, "service": {"name": value, "environment": value},
        "http": {"request": {"id": value}}, "trace": {"id": value}, "export": {"rows": value},
    }  # fmt: skip
    return record


RULE = 'pattern = \'{ $.export.rows = * }\'\n[rules.labels]\n"export.rows" = "Rows"'


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("action", ["customer-updated", "unheard-of"])
def test_no_value_begins_a_line(end: str, action: str) -> None:
    record = hostile(f"DE2{end}{FORGED}{end}    after   DE3")
    record["event"]["action"] = action
    records = [record] * 12
    text = email.plain_text(notified(*records, rule=RULE))
    lines = re.split("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", text)
    assert not any(line.startswith(("Who      Max", "    after   DE3")) for line in lines)
    assert [line for line in lines if not LINE.match(line)] == []
    assert max(len(line) for line in lines if "https://" not in line) <= 76
    assert sum(line.startswith("Who ") for line in lines) == 10


@given(st.text(st.sampled_from("aWho: \t\n\r\x0b\x85\u2028\xa0\u2800\u3164-|•"), max_size=200))
def test_no_text_begins_a_line(value: str) -> None:
    text = email.plain_text(notified(hostile(value), rule=RULE))
    assert [line for line in text.splitlines() if not LINE.match(line)] == []
    assert sum(line.startswith("Who ") for line in text.splitlines()) == 1


@pytest.mark.parametrize("end", ENDS[:11])
def test_no_value_begins_a_line_in_slack(end: str) -> None:
    record = hostile(f"DE2{end}Who: Max")
    text = SlackReceiver.text(slack.message(notified(record, rule=RULE)))
    assert not any(line.startswith("Who: Max") for line in text.splitlines())


def test_no_part_of_any_view_begins_a_line() -> None:
    value = f"after   DE3\n{FORGED}\u00a0\nafter   DE3\n  after   DE3"
    view = RecordView(
        sentence=value, message=value, actor=value, actor_detail=value, record=value, when=value,
        where=value, outcome=value, reason=value, request=value, late=value, details=[("Rows", value)],
        changes=[FieldChange(label=value, before=value, after=value, kind="updated", note=value)],
    )  # fmt: skip
    notification = Notification(
        rule_id=value, title=value, severity=Severity.HIGH, description=value, owner=value,
        reason=Reason.ARRIVED, records=[view], left_out=3, left_out_by=[value],
    )  # fmt: skip
    lines = email.plain_text(notification).splitlines()
    assert [line for line in lines if not LINE.match(line)] == []
    assert not any(line.startswith("Who      Max") for line in lines)
    assert [line for line in lines if line.startswith("    after   ")] == [
        "    after   after   DE3 ⏎ Who [6 blanks] Max Mustermann ⏎ after   DE3 ⏎",
    ]


def test_a_message_that_is_not_about_a_rule_is_set_apart() -> None:
    notification = Notification(
        rule_id="none", title="A message to the audit trail", severity=Severity.HIGH,
        description=clean(f"a\n\n{FORGED}\n-----\n" + "x " * 90), owner="everybody",
        reason=Reason.NOTICE,
    )  # fmt: skip
    lines = email.plain_text(notification).splitlines()
    assert [line for line in lines if not LINE.match(line)] == []
    assert f"| {FORGED}" in lines


def test_blanks_are_counted_where_a_program_would_wrap_after_them() -> None:
    assert one_line("a   b") == "a   b"
    assert one_line("a    b") == "a [4 blanks] b"
    assert one_line(f"a{HANGUL_FILLER * 50}b") == "a [50 blanks] b"
