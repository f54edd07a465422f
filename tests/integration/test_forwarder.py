"""The forwarder's three functions, on the events of AWS: who is told what, and how often."""

import base64
import email
import email.policy
import gzip
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

import audit_lib
from audit_ops.telling.outbox import OutboxError, OutboxView
from audit_rules import Rule
from forwarder import handler
from forwarder.channels import SendResult, SendStatus
from forwarder.channels.slack import SlackWebhook
from forwarder.matcher import Waker
from forwarder.notification import Notification, Reason
from forwarder.outbox import Key, Outbox
from forwarder.stages.render import Renderer
from local_cloud.receivers.slack import SlackReceiver

CONFIG = """
[audit]
name = "audit"
time_zone = "Europe/Madrid"
[sources]
log_groups = ["/app/shop"]
[channels.slack]
type = "slack"
webhook_secret = "audit/slack"
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com", "b@example.com"]
[actions.user-updated]
sentence = "{actor} changed {record}"
category = ["iam"]
type = ["user", "change"]
[[rules]]
id = "phone"
title = "MFA phone number changed"
owner = "Security"
severity = "high"
channels = ["slack", "mail"]
pattern = '{ $.changes.fields.mfa_phone = "*" }'
runbook = "https://wiki.example.com/phone?a=1&b=2"
[rules.labels]
user = "User"
mfa_phone = "MFA phone number"
[[rules]]
id = "guesses"
title = "Guesses"
owner = "Security"
severity = "low"
channels = ["slack"]
pattern = '{ $.event.outcome = "failure" }'
threshold = 3
window_minutes = 5
[[rules]]
id = "limit"
title = "Limit moved"
owner = "Finance"
severity = "low"
channels = ["slack"]
message = "{actor} moved the limit of {record}"
[rules.when]
record_types = ["account"]
changed = ["limit"]
outside_networks = ["10.0.0.0/8"]
[rules.materiality]
field = "limit"
percent = 10
[rules.labels]
USD = "US dollars"
"""


@pytest.fixture
def slack() -> Iterator[SlackReceiver]:
    with SlackReceiver() as receiver:
        yield receiver


class Trail:
    """The three functions in this process, on a clock of their own, with the configuration of a file."""

    def __init__(self, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._config_file = config_file
        self._ahead_ms = 0
        self._requests = 0
        self._woken: list[tuple[str, list[str]]] = []

        def wake(_: Waker, channel: str, keys: Sequence[Key] = ()) -> bool:
            self._woken.append((channel, [str(key) for key in keys]))
            return True

        monkeypatch.setattr(Waker, "wake", wake)
        self.use(CONFIG)

    def use(self, config: str) -> None:
        """Have the functions read another configuration, as after a deployment."""
        self._config_file.write_text(config)
        for cached in vars(handler).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()
        self.teller, self.check, self.matcher = (
            handler._teller(), handler._check(), handler._matcher(),
        )  # fmt: skip
        self.teller.now_ms = self.check.now_ms = self.matcher._now_ms = self.now_ms
        self.teller.sleep = self.check.sleep = self.later

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self._ahead_ms

    def later(self, seconds: float) -> None:
        self._ahead_ms += int(seconds * 1000)

    def put(self, *messages: Any, seconds_ago: float = 5) -> None:
        """Put records into the audit log group."""
        now = self.now_ms() - int(seconds_ago * 1000)
        boto3.client("logs").put_log_events(
            logGroupName="/audit/records",
            logStreamName="s",
            logEvents=[
                {"timestamp": now + n, "message": m if isinstance(m, str) else json.dumps(m)}
                for n, m in enumerate(messages)
            ],
        )

    def arrive(self, *messages: Any, seconds_ago: float = 5) -> dict[str, int]:
        """Put records into the audit log group, deliver them to the matcher, and tell what can be told."""
        before = stored()
        self.put(*messages, seconds_ago=seconds_ago)
        return self.deliver(arrival(*(event for event in stored() if event not in before)))

    def deliver(self, event: dict[str, Any]) -> dict[str, int]:
        states = handler.match(event, None)
        self.tell()
        return states

    def alarm(self, *events: Any) -> dict[str, int]:
        try:
            return handler.check(*events, None)
        finally:
            self.tell()

    def tell(self) -> None:
        """Run the teller for each channel that was woken."""
        while self._woken:
            channel, keys = self._woken.pop(0)
            self._requests += 1
            context = SimpleNamespace(aws_request_id=f"r{self._requests}")
            handler.tell({"channel": channel, "keys": keys}, context)

    def sweep(self, seconds: float = 60) -> None:
        """Move the clock, and run what runs each minute."""
        self.later(seconds)
        handler.tell(SWEEP, SimpleNamespace(aws_request_id="sweep"))
        self.tell()

    def states(self) -> dict[str, int]:
        """Return the number of items by state."""
        found: dict[str, int] = {}
        for item in boto3.client("dynamodb").scan(TableName="outbox")["Items"]:
            if "version" in item:
                found[item["state"]["S"]] = found.get(item["state"]["S"], 0) + 1
        return found


@pytest.fixture
def trail(
    aws: None, slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Trail:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName="/audit/records")
    logs.create_log_stream(logGroupName="/audit/records", logStreamName="s")
    create_outbox("outbox")
    boto3.client("secretsmanager").create_secret(
        Name="audit/slack", SecretString=f"{slack.address}x"
    )
    boto3.client("ses").verify_email_identity(EmailAddress="audit@example.com")
    monkeypatch.setenv("AUDIT_LOG_GROUP", "/audit/records")
    monkeypatch.setenv("OUTBOX_TABLE", "outbox")
    monkeypatch.setenv("TELLER", "audit-teller")
    monkeypatch.setenv("AUDIT_CONFIG", str(tmp_path / "audit.toml"))
    monkeypatch.setenv("LOOKUP_SECONDS", "0")
    return Trail(tmp_path / "audit.toml", monkeypatch)


def create_outbox(name: str) -> None:
    """Create the table that the stack creates."""
    types = {"id": "S", "waits": "S", "place": "S", "counts": "S", "at": "N"}
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": each, "AttributeType": kind}  # type: ignore[typeddict-item]
            for each, kind in types.items()
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": partition, "KeyType": "HASH"},
                    {"AttributeName": sort, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, partition, sort in (
                ("waiting", "waits", "place"),
                ("counted", "counts", "at"),
            )
        ],
    )


def change(number: int, **more: Any) -> dict[str, Any]:
    return {
        "@timestamp": "2026-11-24T10:00:05.123Z",
        "message": "Profile changed",
        "event": {"id": f"e-{number}", "action": "user-updated", "outcome": "success"},
        "user": {"name": "Ana Souza", "email": "ana@example.com"},
        "source": {"ip": "203.0.113.9"},
        "changes": {
            "record_type": "user",
            "record_id": str(number),
            "before": {"mfa_phone": None},
            "after": {"mfa_phone": "+34600000000"},
            "fields": {"mfa_phone": "added"},
        },
        **more,
    }


def sns(*messages: Any) -> dict[str, Any]:
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "Sns": {
                    "MessageId": f"m-{n}",
                    "Message": m if isinstance(m, str) else json.dumps(m),
                },
            }
            for n, m in enumerate(messages)
        ]
    }


def alarm(rule: str = "phone", new: str = "ALARM", old: str = "OK") -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {
        "AlarmName": f"audit-{rule}",
        "NewStateValue": new,
        "OldStateValue": old,
        "StateChangeTime": now,
    }


SWEEP = {"source": "aws.events", "detail-type": "Scheduled Event"}


def mails() -> list[Any]:
    sent = ses_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].sent_messages
    return [email.message_from_string(raw.raw_data, policy=email.policy.default) for raw in sent]


def arrival(*records: Any, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    events = [
        {"id": str(n), "timestamp": event["timestamp"], "message": event["message"]}
        for n, event in enumerate(records)
    ]
    payload = json.dumps({"messageType": kind, "logEvents": events}).encode()
    return {"awslogs": {"data": base64.b64encode(gzip.compress(payload)).decode()}}


def stored() -> list[Any]:
    return boto3.client("logs").filter_log_events(logGroupName="/audit/records")["events"]


def texts(slack: SlackReceiver) -> list[str]:
    return [json.dumps(post, ensure_ascii=False) for post in slack.originals]


def test_a_record_is_told_with_who_what_before_after_when_and_where(
    trail: Trail, slack: SlackReceiver
) -> None:
    assert trail.arrive(change(1042)) == {"waiting": 2}
    [text] = texts(slack)
    for part in (
        "🟠 MFA phone number changed",
        "Ana Souza changed User 1042",
        "`MFA phone number`\\nadded: `+34600000000`",
        "Tue 24 Nov 2026, 11:00:05 CET (Europe/Madrid)",
        "203.0.113.9",
        "*High* · for Security",
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2",
        "https://wiki.example.com/phone?a=1&amp;b=2|What to do",
    ):
        assert part in text
    [mail] = mails()
    assert mail["Subject"] == "[High] MFA phone number changed: User 1042"
    assert mail["To"] == "a@example.com, b@example.com"
    plain = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for part in ("Ana Souza changed User 1042", "+34600000000", "11:00:05 CET", "MFA phone number"):
        assert part in plain
        assert part in html
    assert 'href="https://wiki.example.com/phone?a=1&amp;b=2"' in html
    assert trail.states() == {"told": 2}


def test_each_record_is_told_once_however_often_it_is_delivered_and_its_alarm_rings(
    trail: Trail, slack: SlackReceiver
) -> None:
    trail.arrive(change(1))
    for _ in range(2):
        assert trail.deliver(arrival(*stored())) == {"told": 2}
        assert trail.alarm(sns(alarm())) == {"told": 2}
        trail.alarm(sns(alarm(new="OK", old="ALARM")))
        trail.sweep()
    assert len(slack.originals) == len(mails()) == 1


def test_without_its_delivery_a_record_is_told_when_its_alarm_changes(
    trail: Trail, slack: SlackReceiver
) -> None:
    trail.put(change(1))
    trail.alarm(sns(alarm()))
    assert len(slack.originals) == len(mails()) == 1
    trail.put(change(2), seconds_ago=1)
    trail.alarm(sns(alarm(new="OK", old="ALARM")))
    assert ["User 2" in text for text in texts(slack)] == [False, True]


def ring() -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="audit-phone", Namespace="n", MetricName="m", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="audit-phone", StateValue="ALARM", StateReason="x")


def test_without_its_delivery_a_record_is_told_while_its_alarm_stays_in_alarm(
    trail: Trail, slack: SlackReceiver
) -> None:
    ring()
    trail.put(change(1))
    trail.alarm(SWEEP)
    assert len(slack.originals) == 1


def test_a_new_alarm_that_goes_to_ok_tells_nobody(trail: Trail, slack: SlackReceiver) -> None:
    trail.put(change(1))
    assert trail.alarm(sns(alarm(new="OK", old="INSUFFICIENT_DATA"))) == {}
    assert slack.originals == []


def test_what_was_ingested_before_a_rule_watched_is_not_told(
    trail: Trail, slack: SlackReceiver
) -> None:
    trail.put(change(1))
    trail.later(3600)  # the rule is deployed now
    assert trail.alarm(sns(alarm())) == {"before": 2}
    trail.later(60)
    assert trail.arrive(change(2)) == {"waiting": 2}
    assert ["User 2" in text for text in texts(slack)] == [True]


def test_a_threshold_is_reached_by_records_within_its_window_of_any_delivery(
    trail: Trail, slack: SlackReceiver
) -> None:
    failure = {"message": "no", "event": {"id": "x", "outcome": "failure"}, "user": {"name": "Eve"}}
    old = [{**failure, "n": n} for n in range(2)]
    assert trail.arrive(*old, seconds_ago=500) == {"counting": 2}
    for number in (2, 3):
        assert trail.arrive({**failure, "n": number}) == {"counting": 1}
    assert slack.originals == []
    assert trail.arrive({**failure, "n": 4})["waiting"] == 3  # with the two before it
    assert "Guesses: 3 records" in slack.originals[0]["text"]
    # One that is late makes the first two reach it too.
    assert trail.arrive({**failure, "n": 5}, seconds_ago=500)["waiting"] == 3
    trail.sweep()
    assert trail.states() == {"told": 6}
    assert "Guesses: 3 records" in slack.originals[1]["text"]


def test_what_is_below_a_threshold_is_counted_for_an_hour_after_its_window(
    trail: Trail, slack: SlackReceiver
) -> None:
    failure = {"message": "no", "event": {"id": "x", "outcome": "failure"}}
    trail.arrive(failure)
    for minutes, state in ((64, "counting"), (2, "below")):  # a window of five minutes
        trail.later(minutes * 60)
        trail.alarm(SWEEP)
        assert trail.states() == {state: 1}


def test_boto3_does_not_send_a_mail_again_by_itself(trail: Trail) -> None:
    config = trail.teller.channels["mail"]._ses.meta.config  # type: ignore[attr-defined]
    assert config.retries["total_max_attempts"] == 1
    assert config.read_timeout == 20


def test_what_stays_below_a_threshold_ends_so(trail: Trail, slack: SlackReceiver) -> None:
    failure = {"message": "no", "event": {"id": "x", "outcome": "failure"}}
    trail.arrive(failure)
    trail.later(2 * 3600)
    trail.alarm(SWEEP)
    assert trail.states() == {"below": 1}
    assert slack.originals == []


def limit(number: int, before: Any, after: Any, ip: str = "203.0.113.9") -> dict[str, Any]:
    return {
        "message": "Limit changed",
        "event": {"id": f"l-{number}", "action": "account-updated", "outcome": "success"},
        "user": {"name": "Ana Souza"},
        "source": {"ip": ip},
        "changes": {
            "record_type": "account",
            "record_id": str(number),
            "before": {"limit": before, "currency": "EUR"},
            "after": {"limit": after, "currency": "USD"},
            "fields": {"limit": "updated", "currency": "updated"},
        },
    }


def test_what_no_pattern_can_say_is_looked_at_before_anybody_is_told(
    trail: Trail, slack: SlackReceiver
) -> None:
    states = trail.arrive(
        limit(1, 1000, 1100), limit(2, 1000, 1100.01), limit(3, 1000, 5000, "10.1.2.3"),
        limit(4, "1000.00", "899.99"), limit(5, None, 1),
    )  # fmt: skip
    assert states == {"waiting": 3, "immaterial": 2}
    text = json.dumps(slack.originals, ensure_ascii=False)
    assert "Limit moved: 3 records" in slack.originals[0]["text"]
    for number, told in ((1, False), (2, True), (3, False), (4, True), (5, True)):
        assert (f"Ana Souza moved the limit of account {number}" in text) is told
    assert "US dollars" in text


def test_an_alarm_of_immaterial_records_tells_nobody_not_even_that_nothing_was_found(
    trail: Trail, slack: SlackReceiver
) -> None:
    trail.put(limit(1, 1000, 1001))
    assert trail.alarm(sns(alarm("limit"))) == {"immaterial": 1}
    assert slack.originals == []


def test_a_control_message_is_nothing(trail: Trail, slack: SlackReceiver) -> None:
    assert trail.deliver(arrival(kind="CONTROL_MESSAGE")) == {}
    assert slack.originals == []


@pytest.mark.parametrize(
    "data",
    [
        "",
        "no base64!",
        "YWJj",
        base64.b64encode(gzip.compress(b"[]", mtime=0)),
        base64.b64encode(
            gzip.compress(
                b'{"messageType": "DATA_MESSAGE", "logEvents": [{"timestamp": Infinity, "message": ""}]}',
                mtime=0,
            )
        ),
    ],
)
def test_a_delivery_that_is_none_is_shown(
    trail: Trail, slack: SlackReceiver, data: str | bytes
) -> None:
    text = data if isinstance(data, str) else data.decode()
    trail.deliver({"awslogs": {"data": text}})
    assert "A message of the audit trail" in slack.originals[0]["text"]


def quiet(trail: Trail, begins_in: int, ends_in: int) -> None:
    """Set the quiet hours of the phone rule, in hours from now."""
    now = datetime.fromtimestamp(trail.now_ms() / 1000, ZoneInfo("Europe/Madrid"))
    begin, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (begins_in, ends_in))
    trail.use(CONFIG.replace('id = "phone"', f'id = "phone"\nquiet_hours = "{begin}-{end}"'))


def test_what_comes_in_quiet_hours_is_told_after_them_and_once(
    trail: Trail, slack: SlackReceiver
) -> None:
    quiet(trail, -1, 1)
    trail.arrive(change(1))
    trail.alarm(sns(alarm()))
    trail.arrive(change(2))
    trail.arrive(limit(1, 1, 2))  # another rule is not quiet
    trail.sweep()
    assert ["Limit moved" in text for text in texts(slack)] == [True]
    trail.sweep(2 * 3600)
    assert "2 records" in slack.originals[1]["text"]
    assert "quiet hours" in texts(slack)[1]
    trail.sweep()
    assert (len(slack.originals), len(mails())) == (2, 1)


def test_what_waits_in_quiet_hours_is_told_when_the_rule_has_none_any_more(
    trail: Trail, slack: SlackReceiver
) -> None:
    quiet(trail, -1, 1)
    trail.arrive(change(1))
    trail.sweep()
    assert slack.originals == []
    trail.use(CONFIG)
    trail.sweep()
    assert len(slack.originals) == len(mails()) == 1


def test_what_waits_for_a_removed_rule_or_channel_is_told_when_it_is_back(
    trail: Trail, slack: SlackReceiver
) -> None:
    slack.answers = [(503, {"Retry-After": "300"})]
    trail.arrive(change(1))
    without_rule = (
        CONFIG[: CONFIG.index("[[rules]]")] + CONFIG[CONFIG.index('[[rules]]\nid = "g') :]
    )
    without_channel = (
        CONFIG.replace("[channels.slack]", "[channels.other]")
        .replace('"slack"]', '"other"]')
        .replace('"slack", "mail"]', '"mail"]')
    )
    for config in (without_rule, without_channel):
        trail.use(config)
        trail.sweep(600)
        assert slack.originals == []
        assert trail.states() == {"told": 1, "waiting": 1}
    trail.use(CONFIG)
    trail.sweep()
    assert len(slack.originals) == 1
    assert trail.states() == {"told": 2}


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_channel_that_is_closed_keeps_what_waits_and_the_other_is_told_once(
    trail: Trail, slack: SlackReceiver, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    slack.answers = [(status, {})] * 2
    trail.arrive(change(1))
    first, notice = mails()
    assert "User 1" in first["Subject"]
    body = notice.get_body(("plain",)).get_content()
    assert f"channel 'slack': Slack answered {status}" in body
    trail.arrive(change(2))  # does not knock
    trail.sweep()
    assert len(slack.answers) == 1
    trail.sweep(15 * 60)
    trail.sweep(15 * 60)
    assert "2 records" in slack.originals[0]["text"]
    assert len(mails()) == 3  # of one notice
    assert slack.address not in capsys.readouterr().out + body


def test_a_channel_whose_secret_is_gone_stops_no_other_and_is_tried_again(
    trail: Trail, slack: SlackReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.delete_secret(SecretId="audit/slack", ForceDeleteWithoutRecovery=True)
    trail.arrive(change(1))
    assert "the secret 'audit/slack' cannot be read" in capsys.readouterr().out
    assert len(mails()) == 2  # the record and the notice
    secrets.create_secret(Name="audit/slack", SecretString=f"{slack.address}x")
    trail.sweep(15 * 60)
    assert len(slack.originals) == 1


def test_a_webhook_without_tls_is_refused_without_naming_it(
    trail: Trail, slack: SlackReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId="audit/slack", SecretString="http://evil.example/T0/B0/secret"
    )
    trail.arrive(change(1))
    printed = capsys.readouterr().out
    assert "is not an https:// URL" in printed
    assert "evil" not in printed + mails()[1].get_body(("plain",)).get_content()
    assert trail.states()["waiting"] == 1


def test_slack_says_how_long_to_wait(trail: Trail, slack: SlackReceiver) -> None:
    slack.answers = [(429, {"Retry-After": "7"}), (503, {})]
    began = trail.now_ms()
    trail.arrive(change(1))
    assert len(slack.originals) == 1
    assert 9_000 <= trail.now_ms() - began < 11_000  # 7 s, and 2 s of the doubling pause


def test_a_wait_that_is_no_number_doubles_from_a_second(trail: Trail, slack: SlackReceiver) -> None:
    slack.answers = [(429, {"Retry-After": "\xb2"}), (429, {"Retry-After": "soon"})]
    began = trail.now_ms()
    trail.arrive(change(1))
    assert len(slack.originals) == 1
    assert 3_000 <= trail.now_ms() - began < 5_000


def test_what_comes_within_20_seconds_is_one_message(trail: Trail, slack: SlackReceiver) -> None:
    trail.arrive(change(1))
    began = trail.now_ms()
    handler.match(arrival(*stored()), None)
    trail.put(change(2), change(3), seconds_ago=1)
    trail.deliver(arrival(*stored()))
    assert "MFA phone number changed: 2 records" in slack.originals[1]["text"]
    assert trail.now_ms() - began > 19_000  # it was sent a moment before


def test_an_alarm_whose_records_are_not_there_yet_is_told_as_such_and_they_later(
    trail: Trail, slack: SlackReceiver
) -> None:
    event = sns(alarm())
    trail.alarm(event)
    trail.alarm(event)
    trail.arrive(change(1))
    first, second = texts(slack)
    assert "cannot be found" in first
    assert "User 1" in second


@pytest.mark.parametrize(
    "message",
    ["plain <!here> text", "[1, 2]", "", '{"AlarmName": "other-alarm"}', json.dumps(alarm("gone"))],
)
def test_a_message_that_belongs_to_no_rule_is_shown_and_stops_no_other(
    trail: Trail, slack: SlackReceiver, message: str
) -> None:
    trail.put(change(1))
    event = sns(message, alarm())
    trail.alarm(event)
    odd, good = slack.originals
    assert "A message of the audit trail" in odd["text"]
    assert "<!here>" not in json.dumps(odd)
    assert "User 1" in json.dumps(good)
    trail.alarm(event)
    assert len(slack.originals) == 2


def test_many_records_make_one_message_with_the_rest_counted(
    trail: Trail, slack: SlackReceiver
) -> None:
    assert trail.arrive(*(change(n) for n in range(300))) == {"waiting": 600}
    [post] = slack.originals
    assert "and 290 more records, by Ana Souza (290); see the evidence" in json.dumps(post)
    assert len(post["blocks"]) <= 50
    assert len(mails()) == 1


def test_a_line_that_is_no_record_is_told_as_it_is(trail: Trail, slack: SlackReceiver) -> None:
    trail.put("[" * 5000, '{"changes": 7, "event": [], "user": "root", "message": null}')
    trail.alarm(sns(alarm()))
    assert "Somebody unknown" in json.dumps(slack.originals[0])


def test_a_line_is_kept_until_it_was_told_and_a_large_one_without_its_largest_members(
    trail: Trail, slack: SlackReceiver
) -> None:
    slack.answers = [(503, {"Retry-After": "300"})]
    trail.arrive(change(1, note="x" * 300_000))
    items = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    lines = {item["state"]["S"]: item.get("line", {}).get("S") for item in items if "line" in item}
    assert lines.keys() == {"waiting"}
    assert json.loads(lines["waiting"] or "")["left_out"] == ["note"]
    trail.sweep(300)
    assert "Ana Souza changed User 1" in texts(slack)[0]
    items = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    assert not [item for item in items if "line" in item]


def test_items_expire_90_days_after_their_end_and_never_while_they_wait(
    trail: Trail, slack: SlackReceiver
) -> None:
    slack.answers = [(503, {"Retry-After": "300"})]
    trail.arrive(change(1))
    items = [
        item
        for item in boto3.client("dynamodb").scan(TableName="outbox")["Items"]
        if "version" in item
    ]
    expires = {item["state"]["S"]: item.get("expires_at", {}).get("N") for item in items}
    days = (int(expires["told"] or 0) - trail.now_ms() / 1000) / 86400
    assert 89.9 < days < 90.1
    assert expires["waiting"] is None


def outbox_view(trail: Trail) -> OutboxView:
    return OutboxView(config=trail.teller.config, dynamodb=boto3.client("dynamodb"), table="outbox")


@pytest.fixture
def refuses_user_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack refuses each message with this record, also as plain text."""
    send = SlackWebhook.send

    def refuse(
        webhook: SlackWebhook, notice: Notification, *, is_plain: bool = False
    ) -> SendResult:
        if any(record.record == "User 1" for record in notice.records):
            return SendResult(SendStatus.REFUSED, "Slack answered 400")
        return send(webhook, notice, is_plain=is_plain)

    monkeypatch.setattr(SlackWebhook, "send", refuse)


def test_a_record_that_a_channel_refuses_ends_so_once_others_were_accepted(
    trail: Trail, slack: SlackReceiver, refuses_user_1: None
) -> None:
    trail.arrive(change(1))
    trail.sweep()
    assert trail.states() == {"told": 1, "waiting": 1}  # the channel may refuse everything
    trail.arrive(change(2))
    for _ in range(3):
        trail.sweep()
    assert trail.states() == {"told": 3, "refused": 1}
    assert ["User 2" in text for text in texts(slack)] == [True]


def test_of_a_message_with_a_refused_record_the_others_are_told_and_it_can_be_sent_again(
    trail: Trail, slack: SlackReceiver, refuses_user_1: None
) -> None:
    trail.arrive(change(1), change(2), change(3))
    for _ in range(6):
        trail.sweep()
    assert trail.states() == {"told": 5, "refused": 1}
    view = outbox_view(trail)
    [refused] = [item for item in view.items() if item.state == "refused"]
    assert '"record_id": "1"' in refused.line
    assert refused.problem == "Slack answered 400"
    view.retry([str(refused.key)], trail.now_ms())
    with pytest.raises(OutboxError, match="is waiting; only items that are refused or unsure"):
        view.retry([str(refused.key)], trail.now_ms())
    assert trail.states() == {"told": 5, "waiting": 1}


def test_a_record_that_cannot_be_shown_keeps_back_no_other(
    trail: Trail, slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = Renderer.notification

    def fail(renderer: Renderer, rule: Rule, records: Any, *more: Any) -> Notification:
        if any('"1"' in record.line for record in records):
            raise OverflowError("a secret value")
        return render(renderer, rule, records, *more)

    monkeypatch.setattr(Renderer, "notification", fail)
    trail.arrive(change(1), change(2))
    for _ in range(8):
        trail.sweep()
    assert trail.states() == {"told": 2, "refused": 2}
    problems = {item.problem for item in outbox_view(trail).items() if item.state == "refused"}
    assert problems == {"the records cannot be shown (OverflowError)"}


def test_a_number_that_no_float_holds_is_shown(trail: Trail, slack: SlackReceiver) -> None:
    changes = {"record_type": "account", "record_id": "1", "before": {"limit": 1.5},
               "after": {"limit": int("1" + "0" * 309)}, "fields": {"limit": "updated"}}  # fmt: skip
    trail.arrive(limit(1, 1, 2) | {"changes": changes})
    assert len(slack.originals) == 1


def test_a_record_that_is_too_large_for_an_item_stops_no_other(
    trail: Trail, slack: SlackReceiver
) -> None:
    names = {f"{number}" + "n" * 1500: 1 for number in range(150)}
    trail.arrive(change(1) | names, change(2))
    assert len(slack.originals) == 1
    assert trail.states() == {"told": 4}


def test_what_waits_is_moved_to_another_channel_only_and_what_it_refused_is_not(
    trail: Trail, slack: SlackReceiver
) -> None:
    slack.answers = [(503, {"Retry-After": "300"})]
    trail.arrive(change(1))
    view = outbox_view(trail)
    with pytest.raises(OutboxError, match="found 'slack' twice"):
        view.move("slack", "slack", trail.now_ms())
    assert trail.states() == {"told": 1, "waiting": 1}
    mailed = next(item for item in view.items() if item.key.channel == "mail")
    boto3.client("dynamodb").update_item(
        TableName="outbox", Key={"id": {"S": str(mailed.key)}}, UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "state"}, ExpressionAttributeValues={":s": {"S": "refused"}},
    )  # fmt: skip
    assert view.move("slack", "mail", trail.now_ms()) == 0
    assert trail.states() == {"refused": 1, "waiting": 1}


def test_keys_of_another_channel_are_not_sent(trail: Trail, slack: SlackReceiver) -> None:
    slack.answers = [(503, {"Retry-After": "300"})]
    trail.arrive(change(1))
    [key] = [str(item.key) for item in outbox_view(trail).items() if item.state == "waiting"]
    handler.tell({"channel": "mail", "keys": [key]}, SimpleNamespace(aws_request_id="x"))
    assert trail.states() == {"told": 1, "waiting": 1}
    assert len(mails()) == 1


def test_the_others_are_told_of_a_closed_channel_that_a_notice_met_first(
    trail: Trail, slack: SlackReceiver
) -> None:
    slack.answers = [(404, {})] * 2
    handler._matcher().notice(["slack"], "a notice", reason=Reason.NOTICE, id_="n")
    trail.tell()
    assert mails() == []
    trail.arrive(change(1))
    trail.sweep(15 * 60)
    trail.sweep(15 * 60)
    assert len(mails()) == 1  # of the record; the notice was told when the channel worked again
    assert len(slack.originals) == 2


def test_a_flood_is_put_on_where_it_was_cut_off(
    trail: Trail, slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, cut = Outbox._put_new, [250]

    def put_new(outbox: Outbox, item: Any) -> bool:
        cut[0] -= 1
        if cut[0] == 0:
            raise KeyboardInterrupt  # as when the function's time is over
        return put(outbox, item)

    monkeypatch.setattr(Outbox, "_put_new", put_new)
    with pytest.raises(KeyboardInterrupt):
        trail.arrive(*(change(number) for number in range(300)))
    assert trail.deliver(arrival(*stored()))["waiting"] >= 350
    trail.sweep()
    assert trail.states() == {"told": 600}


def own_records() -> list[dict[str, Any]]:
    return [
        json.loads(event["message"])
        for event in stored()
        if event["logStreamName"].startswith("audit_trail/")
    ]


def test_what_was_told_is_a_record_of_the_trail_in_a_chain_of_its_own(
    trail: Trail, slack: SlackReceiver
) -> None:
    trail.arrive(change(1), change(2))
    opened, told, sealed = [
        record
        for record in own_records()
        if record["chain"]["id"] == own_records()[0]["chain"]["id"]
    ]
    assert opened["event"]["action"] == "audit-chain-opened"
    assert sealed["event"]["action"] == "audit-chain-sealed"
    assert told["log"]["logger"] == "audit_trail.audit"
    assert told["event"]["action"] == "notification-sent"
    assert told["rule"] == {"id": "phone"}
    notification = told["notification"]
    assert notification["channel"] in {"slack", "mail"}
    assert notification["reason"] == "ARRIVED"
    assert notification["record_count"] == 2
    items = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    keys = {item["id"]["S"] for item in items}
    assert {f"phone#slack#{digest}" for digest in notification["records"]} <= keys
    lines = [event["message"] for event in stored() if event["logStreamName"] != "s"]
    report = audit_lib.verify([line.encode() + b"\n" for line in lines])
    assert report.problems == ()


@pytest.mark.parametrize(
    ("pattern", "messages"),
    [
        ('{ $.event.action = "*" }', 1),  # every record
        ('{ $.log.logger = "audit_trail.audit" }', 1),  # what was told, and not again
        ('{ $.event.action = "audit-chain-opened" }', 1),
    ],
)
def test_a_rule_for_the_trails_own_records_tells_of_them_once_and_makes_no_loop(
    trail: Trail, slack: SlackReceiver, pattern: str, messages: int
) -> None:
    trail.use(
        CONFIG.replace(
            """pattern = '{ $.event.outcome = "failure" }'
threshold = 3
window_minutes = 5
""",
            f"pattern = '{pattern}'\n",
        )
    )
    trail.arrive(change(1))
    for _ in range(5):  # what the trail writes is delivered as well
        trail.deliver(arrival(*stored()))
        trail.sweep(30)
    told = [text for text in texts(slack) if "Guesses" in text]
    assert len(told) == messages


def test_a_record_of_the_trail_that_cannot_be_written_keeps_nobody_from_being_told(
    trail: Trail, slack: SlackReceiver, capfd: pytest.CaptureFixture[str]
) -> None:
    boto3.client("logs").delete_log_group(logGroupName="/audit/records")
    event = {"timestamp": trail.now_ms(), "message": json.dumps(change(1))}
    trail.deliver(arrival(event))
    assert len(slack.originals) == 1
    assert '"notification-sent"' in capfd.readouterr().err
    assert trail.states() == {"told": 2}


def test_a_record_costs_two_writes_of_its_item_and_a_message_five_of_the_door(
    trail: Trail, slack: SlackReceiver
) -> None:
    calls: list[tuple[str, str]] = []

    def note(params: Any, model: Any, **_: Any) -> None:
        if model.name in {"PutItem", "UpdateItem"}:
            key = params.get("Key", params.get("Item"))["id"]["S"]
            calls.append((model.name, "door" if key.startswith("door#") else "item"))

    handler._dynamodb().meta.events.register("before-parameter-build.dynamodb", note)
    trail.arrive(*(change(number) for number in range(10)))
    assert [call for call in calls if call[1] == "item"].count(("PutItem", "item")) == 20
    assert calls.count(("UpdateItem", "item")) == 20
    assert calls.count(("UpdateItem", "door")) <= 2 * 5
