"""Whatever a notification contains, Slack accepts its message: https://docs.slack.dev/reference/block-kit/blocks."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules import Severity
from audit_rules.channels.slack import MAX_MESSAGE_LENGTH
from forwarder.channels import slack
from forwarder.notification import Effect, FieldChange, Notification, Operation, Reason, RecordView
from tests.unit.forwarder.rendered import change, notified


def refused(message: dict[str, Any]) -> list[str]:
    """Return what Slack would refuse of a message."""
    problems = []
    blocks = message["blocks"]
    total = 0
    if not 1 <= len(blocks) <= 50:
        problems.append(f"{len(blocks)} blocks")
    for block in blocks:
        limit = {"header": 150, "section": 3000}.get(block["type"], 3000)
        given_texts = [(block["text"]["text"], limit)] if "text" in block else []
        for name, count, longest in (("fields", 10, 2000), ("elements", 10, 3000)):
            each = block.get(name, [])
            given_texts += [(text["text"], longest) for text in each]
            if len(each) > count or (name in block and not each):
                problems.append(f"{len(each)} {name}")
        total += sum(len(text) for text, _ in given_texts)
        problems += [
            f"{len(text)} characters of {block['type']}"
            for text, most in given_texts
            if not 1 <= len(text) <= most or not text.strip()
        ]
    if total > MAX_MESSAGE_LENGTH:
        problems.append(f"{total} characters")
    return problems


# Few different texts, of which many are as long as the most that a part may have, or longer.
TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["&" * 80, "<" * 300, "`&" * 1500, "x" * 5000, "\n" * 90, "\u2068\u05d0&\u2069" * 99]
    ),
)
CHANGES = st.builds(
    FieldChange,
    label=TEXTS, before=TEXTS, after=TEXTS, note=TEXTS,
    kind=st.sampled_from(["added", "removed", "updated", "?"]),
)  # fmt: skip
RECORDS = st.builds(
    RecordView,
    sentence=TEXTS, message=TEXTS, actor=TEXTS, actor_detail=TEXTS, record=TEXTS, when=TEXTS,
    where=TEXTS, outcome=TEXTS, reason=TEXTS, request=TEXTS, late=TEXTS, operation=st.sampled_from(Operation),
    effect=st.sampled_from(Effect),
    details=st.lists(st.tuples(TEXTS, TEXTS), max_size=8),
    changes=st.lists(CHANGES, max_size=15),
    changes_left_out=st.integers(0, 99),
)  # fmt: skip
NOTIFICATIONS = st.builds(
    Notification,
    rule_id=TEXTS, title=TEXTS, description=TEXTS, owner=TEXTS,
    severity=st.sampled_from(Severity), reason=st.sampled_from(Reason),
    evidence_url=TEXTS, runbook=TEXTS, lead=TEXTS,
    records=st.lists(RECORDS, max_size=20),
    left_out=st.integers(0, 10**6), left_out_by=st.lists(TEXTS, max_size=6),
    perhaps_repeat=st.booleans(),
)  # fmt: skip


@given(NOTIFICATIONS)
def test_no_notification_exceeds_a_limit(notification: Notification) -> None:
    assert refused(slack.message(notification)) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=12),
    max_leaves=30,
)


@given(VALUES, st.sampled_from(["failure", "success", "unknown"]), st.integers(1, 12))
def test_no_fields_of_a_record_exceed_a_limit(value: Any, outcome: str, count: int) -> None:
    record = {
        "message": value, "event": {"action": value, "outcome": outcome, "reason": value},
        "user": {"id": value, "name": value, "email": value, "effective": value},
        "changes": {
            "record_type": value, "record_id": value, "before": value, "after": value, "fields": value,
        },
        "source": {"ip": value}, "service": {"name": value}, "trace": {"id": value},
        "export": {"rows": value},
    }  # fmt: skip
    rule = "pattern = '{ $.export.rows = * || $.changes.after.limit > 5 }'"
    assert refused(slack.message(notified(*[record] * count, rule=rule))) == []


@pytest.mark.parametrize("size", [1, 300])
@pytest.mark.parametrize("records", [1, 10, 11, 52, 1000])
def test_no_record_exceeds_a_limit(records: int, size: int) -> None:
    many = {f"field {n} {'&' * size}": "<&`" * size for n in range(min(size, 40))}
    each = change(before=many, after=many)
    each["message"] = each["user"]["name"] = "&" * size
    given_records = [each | {"event": {"id": str(UUID(int=n))}} for n in range(records)]
    message = slack.message(notified(*given_records))
    assert refused(message) == []


@pytest.mark.parametrize("records", [1, 30, 52, 53, 1000])
def test_the_evidence_of_many_records_is_a_link_that_slack_takes(records: int) -> None:
    each = [change(event={"id": str(UUID(int=n))}) for n in range(records)]
    notification = notified(
        *each, rule='runbook = "https://x.example"\n[rules.when]\nactions = ["a"]'
    )
    link = slack.message(notification)["blocks"][-2]["text"]["text"]
    assert link.startswith("<https://eu-west-1.console.aws.amazon.com/")
    assert link.endswith("|Show the evidence> · <https://x.example|What to do>")
    assert ("filter" in notification.evidence_url) is (records <= 30)


@pytest.mark.parametrize("records", [10, 11, 12, 13, 20])
def test_a_message_has_at_most_50_blocks(records: int) -> None:
    notification = notified(change(), reason=Reason.NOTICE, perhaps_repeat=True, rule=WHEN_RUNBOOK)
    short = RecordView(
        sentence="a", message="", actor="b", actor_detail="", record="", when="", where="", outcome="",
        reason="", request="", changes=[FieldChange(label="c", before="d", after="e", kind="updated")],
    )  # fmt: skip
    given_values = {"records": [short] * records, "left_out": 3, "description": "f"}
    message = slack.message(Notification(**(_values(notification) | given_values)))
    assert refused(message) == []
    shown = sum("fields" in block for block in message["blocks"])
    assert shown == 10
    assert f"and {3 + records - shown} more records" in str(message)


def test_records_that_do_not_fit_are_counted() -> None:
    big = {f"field {n}": "&" * 200 for n in range(10)}
    message = slack.message(notified(*[change(before=big, after=big)] * 12))
    shown = sum(block["type"] == "divider" for block in message["blocks"]) - 1
    assert 1 <= shown < 10
    [more] = [
        block["text"]["text"]
        for block in message["blocks"]
        if "more record" in block.get("text", {}).get("text", "")
    ]
    assert more == f"and {12 - shown} more records, by Ana Souza (2); see the evidence"


def test_a_link_that_is_too_long_does_not_cost_the_message() -> None:
    notification = notified(change(), rule=WHEN_RUNBOOK)
    long = {"evidence_url": f"https://x.example/{'y' * 3000}"}
    text = slack.message(type(notification)(**(_values(notification) | long)))["blocks"][-2]
    assert text["text"]["text"] == (
        "Show the evidence: the link is too long for Slack · <https://x.example|What to do>"
    )


WHEN_RUNBOOK = 'runbook = "https://x.example"\n[rules.when]\nactions = ["a"]'


def _values(notification: Notification) -> dict[str, Any]:
    return {name: getattr(notification, name) for name in Notification.__dataclass_fields__}
