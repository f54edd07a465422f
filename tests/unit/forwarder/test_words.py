"""What recipients read is true: of failures, of creations, of late records, and of repeats."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from audit_rules.channels.slack import SlackChannel
from forwarder.channels import email, slack
from forwarder.notification import PERHAPS_REPEAT, Notification, Reason
from forwarder.stages.read import FoundRecord, Reader
from forwarder.text import shortened
from local_cloud.receivers.slack import SlackReceiver
from tests.unit.forwarder.rendered import AT_MS, MAIL, WHEN, change, config, found, notified

SLACK = SlackChannel(name="slack", webhook_secret="s")
READERS: list[Callable[[Notification], str]] = [
    lambda notification: SlackReceiver.text(slack.preview(SLACK, notification)),
    email.plain_text,
    email.html,
]
each_channel = pytest.mark.parametrize("read", READERS, ids=["slack", "text", "html"])
LOGIN: dict[str, Any] = {
    "message": "Sign-in",
    "event": {"action": "login", "outcome": "failure", "reason": "wrong password"},
    "user": {"name": "Ana Souza"},
}


def subject(notification: Notification) -> str:
    return str(email.mail(notification, MAIL)["Subject"])


@each_channel
def test_a_failure_reads_as_one(read: Callable[[Notification], str]) -> None:
    notification = notified(change(outcome="failure"))
    assert subject(notification) == (
        "[High] Failed: Ana Souza tried to change customer 9 (IBAN changed)"
    )
    text = read(notification)
    assert "Failed: IBAN changed" in text
    assert "Failed: Ana Souza tried to change customer 9" in text
    assert "Ana Souza changed" not in text
    assert "not done" in text


def test_slack_lists_a_failure_as_one() -> None:
    message = slack.message(notified(change(outcome="failure")))
    assert message["text"] == "High: Failed: Ana Souza tried to change customer 9 (IBAN changed)"
    assert "*not done:* `DE1` → `DE2`" in json.dumps(message, ensure_ascii=False)


@each_channel
def test_an_unknown_outcome_says_so(read: Callable[[Notification], str]) -> None:
    notification = notified(change(outcome="unknown"))
    assert subject(notification).startswith("[High] Outcome unknown: Ana Souza tried to change")
    text = read(notification)
    assert "Outcome unknown: IBAN changed" in text
    assert "not known whether done" in text


def test_what_was_denied_was_refused() -> None:
    record = change(outcome="failure")
    record["event"]["type"] = ["change", "denied"]
    [view] = notified(record).records
    assert view.sentence == "Refused: Ana Souza tried to change customer 9"


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("customer-blocked", "Failed: Ana Souza tried to put customer 9 on the list"),
        ("customer-frobnicated", "Failed: Ana Souza frobnicated customer 9 (not done)"),
        ("login", "Failed: Ana Souza tried to sign in"),
        ("customer-unheard-of", "Failed: “Customer profile saved”"),
    ],
)
def test_a_failure_of_any_action_reads_as_one(action: str, sentence: str) -> None:
    [view] = notified(change(action, "failure")).records
    assert view.sentence == sentence


def test_a_clause_after_the_attempt_is_not_told_as_done() -> None:
    rule = f'message = "{{actor}} moved {{record}}; the money is gone"\n{WHEN}'
    [view] = notified(change(outcome="failure"), rule=rule).records
    assert view.sentence == "Failed: Ana Souza tried to move customer 9"


def test_a_rule_about_failures_keeps_its_title_and_its_message() -> None:
    rule = 'message = "Somebody guesses a password"\n[rules.when]\nactions = ["login"]\noutcomes = ["failure"]'
    notification = notified(LOGIN, LOGIN, rule=rule)
    assert notification.records[0].sentence == "Somebody guesses a password"
    assert subject(notification) == "[High] IBAN changed: 2 records"


def test_a_part_of_several_that_failed_is_counted() -> None:
    notification = notified(change(outcome="failure"), change(), change())
    assert subject(notification) == "[High] IBAN changed: 3 records (1 not done)"
    assert notification.heading == "IBAN changed"
    assert subject(notified(*[change(outcome="failure")] * 3)) == (
        "[High] Failed: IBAN changed: 3 records"
    )


FIELDS = {f"field{n:02}": n for n in range(24)} | {"iban": "DE", "limit": 5, "address": {"city": 1}}


@pytest.mark.parametrize(
    ("rule", "first"),
    [
        ('[rules.when]\nchanged = ["iban"]', ["iban"]),
        ('[rules.when]\nchanged = ["limit", "iban"]', ["iban", "limit"]),
        ('[rules.when]\nchanged = ["address.city"]', ["address"]),
        ("pattern = '{ $.changes.after.limit > 3 }'", ["limit"]),
        ("pattern = '{ $.changes.before.iban = \"x\" || $.changes.fields.limit = * }'", ["iban", "limit"]),
        (f'materiality = {{ field = "limit", by = 1 }}\n{WHEN}', ["limit"]),
    ],
)  # fmt: skip
def test_what_the_rule_asks_for_is_first(rule: str, first: list[str]) -> None:
    record = change(before={}, after=FIELDS)
    changes = notified(record, rule=rule).records[0].changes
    assert len(changes) == 10
    assert [each.label for each in changes[: len(first) + 1]] == [*first, "field00"]


@each_channel
def test_a_field_that_the_rule_compares_is_shown(read: Callable[[Notification], str]) -> None:
    record = {
        "message": "Export", "event": {"action": "customers-exported", "outcome": "success"},
        "user": {"name": "Ana"}, "export": {"rows": 20_000, "file": "a.csv"},
    }  # fmt: skip
    rule = "pattern = '{ $.export.rows > 1000 && $.event.action = \"customers-exported\" }'"
    notification = notified(record, rule=f'{rule}\n[rules.labels]\n"export.rows" = "Rows"')
    assert notification.records[0].details == (("Rows", "20,000"),)
    assert "Rows" in read(notification)


@each_channel
@pytest.mark.parametrize("action", ["customer-unheard-of", "login", "customer-updated"])
def test_the_record_is_always_named(action: str, read: Callable[[Notification], str]) -> None:
    text = read(notified(change(action)))
    assert text.count("customer 9") == 1


def test_the_record_is_named_when_the_sentence_is_cut() -> None:
    rule = f'message = "{{actor}} {"{actor} " * 20}{{record}}"\n{WHEN}'
    record = change()
    record["user"] = {"name": "A" * 70}
    [view] = notified(record, rule=rule).records
    assert "customer 9" not in view.sentence
    assert ("Record", "customer 9") in list(view.rows)


@pytest.mark.parametrize(
    ("sentence", "count", "shown"),
    [
        ("{export.rows|customer|customers}", 1, "1 customer"),
        ("{export.rows|customer|customers}", 0, "0 customers"),
        ("{export.rows|customer|customers}", 20_000, "20,000 customers"),
        ("{export.rows|customer|customers}", 1.5, "1.50 customers"),
        ("{export.rows|customer|customers}", None, "an unknown number of customers"),
        ("{export.rows|customer|customers}", "x", "x customers"),
        ("{export.rows}", 20_000, "20000"),
    ],
)
def test_a_number_has_its_noun(sentence: str, count: Any, shown: str) -> None:
    record = change(export={"rows": count})
    [view] = notified(record, rule=f'message = "{sentence}"\n{WHEN}').records
    assert view.sentence == shown


@pytest.mark.parametrize(
    ("user", "who"),
    [
        ({"id": "1"}, "User 1"),
        ({"id": 1}, "User 1"),
        ({"id": "ana"}, "ana"),
        ({"name": "Ana", "id": "1"}, "Ana · id 1"),
        ({"name": "Ana", "email": "a@b.example", "id": "1"}, "Ana · a@b.example · id 1"),
        ({"email": "a@b.example", "id": "1"}, "a@b.example · id 1"),
        ({"email": "a@b.example", "id": "a@b.example"}, "a@b.example"),
        ({"name": "Ana", "email": "a@b.example", "id": "a@b.example"}, "Ana · a@b.example"),
        ({"name": "a@b.example", "email": "a@b.example"}, "a@b.example"),
        ({"email": "a@b.example", "effective": {"name": "Max"}}, "a@b.example (as Max)"),
        (None, "Somebody unknown"),
    ],
)
def test_who_is_named_once(user: Any, who: str) -> None:
    [view] = notified(change(user=user)).records
    assert ("Who", who) in list(view.rows)


def test_one_address_of_an_identical_request_is_shown_once() -> None:
    record = change(source={"ip": "10.0.0.1"}, http={"request": {"id": "r"}}, trace={"id": "r"})
    [view] = notified(record).records
    assert (view.where, view.request) == ("10.0.0.1", "r")


@pytest.mark.parametrize(
    "message", ["IBAN changed", "iban changed.", "Ana Souza changed customer 9"]
)
def test_a_message_that_repeats_the_heading_is_left_out(message: str) -> None:
    assert notified(change(message=message)).records[0].message == ""


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (1000.0, 50000.1, ("1,000.00", "50,000.10")),
        (1000, 50000.1, ("1,000.00", "50,000.10")),
        (0.125, 0.25, ("0.125", "0.25")),
        (1, 10000, ("1", "10000")),
        (True, 2.5, ("true", "2.50")),
        ("1000.0", "50000.1", ("1000.0", "50000.1")),
        (1e20, -0.5, ("1e+20", "-0.50")),
    ],
)
def test_amounts_read_as_amounts(before: Any, after: Any, shown: tuple[str, str]) -> None:
    [each] = notified(change(before={"limit": before}, after={"limit": after})).records[0].changes
    assert (each.before, each.after) == shown


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ("$.changes.after.limit > 5", "50,000"),
        ("$.changes.before.limit <= 9999", "50,000"),
        ("$.changes.after.limit = 50000", "50000"),
        ("$.changes.after.year > 5", "50000"),
    ],
)
def test_a_number_that_the_rule_compares_by_size_is_an_amount(condition: str, shown: str) -> None:
    record = change(before={"limit": 1000}, after={"limit": 50000})
    [each] = notified(record, rule=f"pattern = '{{ {condition} }}'").records[0].changes
    assert each.after == shown


@each_channel
def test_the_message_of_a_failure_does_not_stand_as_a_fact(
    read: Callable[[Notification], str],
) -> None:
    assert "“" in read(notified(change()))
    text = read(notified(change(outcome="failure")))
    assert "“" not in text
    assert "Message" in text


def test_the_number_of_a_materiality_is_an_amount() -> None:
    rule = f'materiality = {{ field = "limit", by = 1 }}\n{WHEN}'
    record = change(before={"limit": 1000, "year": 2025}, after={"limit": 50000, "year": 2026})
    limit, year = notified(record, rule=rule).records[0].changes
    assert (limit.before, limit.after, year.after) == ("1,000", "50,000", "2026")


@pytest.mark.parametrize(
    ("seconds", "late"),
    [
        (300, None),
        (301, "arrived 5 minutes later, Thu 01 Jan 2026, 01:05:01 CET (Europe/Madrid)"),
        (7200, "arrived 2 hours later, Thu 01 Jan 2026, 03:00:00 CET (Europe/Madrid)"),
        (86400 * 13, "arrived 13 days later, Wed 14 Jan 2026, 01:00:00 CET (Europe/Madrid)"),
    ],
)
@each_channel
def test_a_late_record_says_when_it_arrived(
    seconds: int, late: str | None, read: Callable[[Notification], str]
) -> None:
    text = read(notified(found(change(), ingested_ms=AT_MS + seconds * 1000)))
    assert (late or "never") not in text or late
    assert ("Late" in text) is (late is not None)
    assert late is None or late in text.replace("\n         ", " ")


def test_an_arrival_that_is_not_known_is_not_late() -> None:
    assert notified(change(**{"@timestamp": "2001-01-01T00:00:00Z"})).records[0].late == ""


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_at_the_end_of_the_calendar_is_shown(written: str) -> None:
    assert notified(change(**{"@timestamp": written})).records[0].when.startswith(written[:4])


@each_channel
def test_a_repeat_says_that_it_may_be_one(read: Callable[[Notification], str]) -> None:
    mark = "Perhaps a repeat: this message was sent before"
    assert mark in read(notified(change(), perhaps_repeat=True))
    assert mark not in read(notified(change()))


def test_a_repeat_is_marked_in_the_subject() -> None:
    notification = notified(change(), perhaps_repeat=True)
    assert subject(notification) == "[High] (perhaps a repeat) IBAN changed: customer 9"
    assert slack.message(notification)["text"] == (
        "High (perhaps a repeat): IBAN changed: customer 9"
    )


@each_channel
@pytest.mark.parametrize("reason", Reason)
def test_the_reason_is_said(reason: Reason, read: Callable[[Notification], str]) -> None:
    text = " ".join(read(notified(change(), reason=reason)).split())
    assert f"Sent because {reason}" in text
    assert "Told" not in text


@each_channel
def test_records_that_cannot_be_found_are_said_to_be_missing(
    read: Callable[[Notification], str],
) -> None:
    said = "The records are not in this message, because they cannot be found yet."
    notification = notified(reason=Reason.NOT_FOUND)
    assert said in read(notification)
    assert subject(notification) == "[High] IBAN changed: records not found yet"
    assert said not in read(notified(reason=Reason.NOTICE))
    assert said not in read(notified(change(), reason=Reason.NOT_FOUND))


@each_channel
def test_a_creation_and_a_deletion_are_not_told_as_changes(
    read: Callable[[Notification], str],
) -> None:
    created = read(notified(change("customer-created", before={})))
    assert "a new record was created" in created
    assert "Ana Souza opened customer 9" in created
    deleted = read(notified(change("customer-deleted", after={})))
    assert "the record was deleted" in deleted
    changed = read(notified(change()))
    assert "was created" not in changed
    assert "was deleted" not in changed


def test_the_subject_tells_a_creation_from_a_change() -> None:
    subjects = [
        subject(notified(change(action, before=before, after=after)))
        for action, before, after in (
            ("customer-created", {}, None),
            ("customer-updated", {}, None),
            ("customer-deleted", None, {}),
        )
    ]
    assert subjects == [
        "[High] IBAN changed: customer 9 (newly created)",
        "[High] IBAN changed: customer 9",
        "[High] IBAN changed: customer 9 (deleted)",
    ]


def test_what_was_tried_was_not_created() -> None:
    notification = notified(change("customer-created", "failure", before={}))
    assert "created" not in subject(notification)
    assert "a new record was created" not in email.plain_text(notification)


def test_more_than_ten_fields_and_records_are_counted() -> None:
    notification = notified(*[change(before={}, after=dict.fromkeys("abcdefghijk", 1))] * 11)
    assert notification.records[0].more_changes == "and 1 more field; see the evidence"
    assert notification.more_records == "and 1 more record, by Ana Souza (1); see the evidence"
    actors = [change(user={"name": f"User {n % 8}"}) for n in range(2010)]
    assert notified(*actors).more_records == (
        "and 2,000 more records, by User 2 (250), User 3 (250), User 4 (250), User 5 (250),"
        " User 6 (250), and 3 others; see the evidence"
    )


def test_a_sign_in_is_about_its_person() -> None:
    rule = '[rules.when]\nactions = ["login"]'
    assert subject(notified(LOGIN | {"event": {"action": "login"}}, rule=rule)) == (
        "[High] IBAN changed: Ana Souza"
    )


def test_a_name_in_hebrew_leaves_the_sentence_in_order() -> None:
    [view] = notified(change(user={"name": "דוד"})).records
    assert view.sentence == "\u2068דוד\u2069 changed customer 9"
    # No <bdi>: a browser takes its direction from the first letter, also from an isolated one.
    assert ">\u2068דוד\u2069 changed customer 9<" in email.html(
        notified(change(user={"name": "דוד"}))
    )
    assert "<bdi>" not in email.html(notified(change()))


def test_slack_shows_long_values_below_each_other() -> None:
    def shown(value: str) -> str:
        record = change(before={"iban": value}, after={"iban": value})
        text: str = slack.message(notified(record))["blocks"][4]["fields"][0]["text"]
        return text.partition("\n")[2]

    assert shown("x" * 18) == f"`{'x' * 18}` → `{'x' * 18}`"
    assert shown("x" * 19) == f"`{'x' * 19}`\n→ `{'x' * 19}`"


@pytest.mark.parametrize("text", ["x" * 500, "\u2068א\u2069" * 200, "a… (,,, characters)" * 30])
def test_a_text_that_is_cut_twice_keeps_its_length_and_its_isolates(text: str) -> None:
    once = shortened(text, 200)
    twice = shortened(once, 100)
    assert twice.endswith(f"… ({len(text):,} characters)")
    assert len(twice) <= 100
    assert twice.count("\u2068") == twice.count("\u2069")


def test_the_reader_knows_when_a_record_arrived() -> None:
    class Pages:
        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            event = {"timestamp": 5, "message": "{}", "ingestionTime": 9}
            return [{"events": [event]}]

    class Logs:
        def get_paginator(self, _: str) -> Pages:
            return Pages()

    reader = Reader(logs=Logs(), log_group="x")  # type: ignore[arg-type]
    [record] = reader.read(config().rules[0], since_ms=0, until_ms=9)
    assert (record.timestamp_ms, record.ingested_ms) == (5, 9)
    assert record == FoundRecord(5, "{}", {}, 9)


def test_the_short_text_says_what_failed_and_what_may_be_a_repeat() -> None:
    notification = notified(change(outcome="failure"), perhaps_repeat=True)
    assert notification.short_text.splitlines() == [
        PERHAPS_REPEAT,
        "Failed: Ana Souza tried to change customer 9 (IBAN changed)",
        "Failed: Ana Souza tried to change customer 9",
    ]
