"""No value of a record adds a header, a line or a body to a mail."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import SMTP, compat32, strict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.channels import email
from forwarder.notification import Notification
from forwarder.text import clean
from tests.unit.forwarder.rendered import MAIL, change, notified

HEADERS = [
    "From", "To", "Subject", "Date", "Auto-Submitted", "X-Audit-Rule", "X-Audit-Channel",
    "MIME-Version", "Content-Type",
]  # fmt: skip
HOSTILE = [
    "=?utf-8?q?a=0D=0A=0D=0AResolved.?=",
    "=?utf-8?q?a=0D=0ABcc:_evil@example.com?=",
    "=?utf-8?b?YQ0KQmNjOiBldmlsQGV4YW1wbGUuY29t?=",
    "a\r\nBcc: evil@example.com",
    "a\nBcc: evil@example.com",
    "a\r\n\r\nResolved.",
    "a\x0bBcc: b\x0cBcc: c\x1cBcc: d\x85Bcc: e\u2028Bcc: f\u2029Bcc: g",
    f"{'é' * 60}=?utf-8?q?=0D=0A=0D=0AResolved.?=",
    "=\u200b?utf-8?q?=0A?=",
    "= ?utf-8?q?=0A?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3D0D=3D0ABcc:_x=3F=3D?=",
    "\u05d0" * 70 + "\n Bcc: x",
    "x " * 60,
    " " * 90 + "Bcc: x",
    "\ud800\udfff",
]


def titled(title: str) -> Notification:
    notification = notified(change())
    values = {name: getattr(notification, name) for name in Notification.__dataclass_fields__}
    return Notification(**(values | {"title": clean(title), "rule_id": clean(title)}))


def parsed(raw: bytes) -> list[Message]:
    """Return a mail as the strict parser and the oldest one read it."""
    return [message_from_bytes(raw, policy=policy) for policy in (strict + SMTP, compat32)]


def check(notification: Notification) -> None:
    raw = email.mail(notification, MAIL).as_bytes()
    head, _, _ = raw.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert [name.decode() for name in names] == HEADERS
    for message in parsed(raw):
        assert message.keys() == HEADERS
        assert not message.defects
        for value in message.values():
            decoded = str(make_header(decode_header(str(value))))
            assert not any(end in decoded.replace("\r\n ", "") for end in "\r\x0b\x0c\x85\u2028")
        assert message.is_multipart()
        assert [part.get_content_type() for part in message.get_payload()] == [  # type: ignore[union-attr]
            "text/plain", "text/html",
        ]  # fmt: skip
    subject = message_from_bytes(raw, policy=SMTP)["Subject"]
    assert subject == email.subject(notification)
    assert len(subject) <= 98
    assert max(map(len, head.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_a_hostile_value_stays_in_the_subject(hostile: str, outcome: str) -> None:
    record = change(outcome=outcome, message=hostile)
    record["changes"] |= {"record_type": hostile, "record_id": hostile}
    record["user"] = {"name": hostile, "email": hostile, "id": hostile}
    check(notified(record))
    check(titled(hostile))


@pytest.mark.parametrize("hostile", HOSTILE[:3])
def test_an_encoded_word_is_read_as_it_was_written(hostile: str) -> None:
    record = change()
    record["changes"] |= {"record_type": "", "record_id": hostile}
    raw = email.mail(notified(record), MAIL).as_bytes()
    subject = message_from_bytes(raw, policy=SMTP)["Subject"]
    assert subject == f"[High] IBAN changed: {hostile.replace('=?', '= ?')}"


@given(
    st.text(st.sampled_from("=?_utf8-qQbB0DA:, \t\r\n\x85\u2028é\u05d0\U0001f600xx"), max_size=120)
)
def test_no_text_leaves_the_subject(hostile: str) -> None:
    check(titled(hostile))
