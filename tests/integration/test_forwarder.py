"""The forwarder, on the events that SNS and EventBridge send: who is told what, and how often."""

import base64
import email
import email.policy
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from forwarder import handler as module
from forwarder.pipeline import ForwardingError
from forwarder.stages.ledger import Ledger
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


@pytest.fixture(autouse=True)
def cloud(aws: None, slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName="/audit/records")
    logs.create_log_stream(logGroupName="/audit/records", logStreamName="s")
    boto3.client("dynamodb").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    boto3.client("secretsmanager").create_secret(
        Name="audit/slack", SecretString=f"{slack.address}x"
    )
    boto3.client("ses").verify_email_identity(EmailAddress="audit@example.com")
    (tmp_path / "audit.toml").write_text(CONFIG)
    monkeypatch.setenv("AUDIT_LOG_GROUP", "/audit/records")
    monkeypatch.setenv("LEDGER_TABLE", "ledger")
    monkeypatch.setenv("AUDIT_CONFIG", str(tmp_path / "audit.toml"))
    monkeypatch.setenv("LOOKUP_SECONDS", "0")
    module._forwarder.cache_clear()


def use(config: str, tmp_path: Path) -> None:
    """Have the next invocation read another configuration."""
    (tmp_path / "audit.toml").write_text(config)
    module._forwarder.cache_clear()


def put(*messages: Any, seconds_ago: float = 5) -> None:
    now = int((time.time() - seconds_ago) * 1000)
    boto3.client("logs").put_log_events(
        logGroupName="/audit/records",
        logStreamName="s",
        logEvents=[
            {"timestamp": now + n, "message": m if isinstance(m, str) else json.dumps(m)}
            for n, m in enumerate(messages)
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


def invoke(event: dict[str, Any], request: str = "r-1") -> dict[str, int]:
    return module.handler(event, SimpleNamespace(aws_request_id=request))


def mails() -> list[Any]:
    sent = ses_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].sent_messages
    return [email.message_from_string(raw.raw_data, policy=email.policy.default) for raw in sent]


def test_an_alarm_is_told_with_who_what_before_after_when_and_where(slack: SlackReceiver) -> None:
    put(change(1042))
    assert invoke(sns(alarm()))["told"] == 2
    [post] = slack.originals
    text = json.dumps(post, ensure_ascii=False)
    for part in (
        "🟠 MFA phone number changed",
        "Ana Souza changed User 1042",
        "`MFA phone number`\\nadded: `+34600000000`",
        "Tue 24 Nov 2026, 11:00:05 CET (Europe/Madrid)",
        "203.0.113.9",
        "*High* · for Security",
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2",
        "https://wiki.example.com/phone?a=1&amp;b=2|What to do",
        "Sent because the alarm of the rule started",
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


def test_each_record_is_told_once_however_often_the_alarm_is_delivered(
    slack: SlackReceiver,
) -> None:
    put(change(1))
    event = sns(alarm())
    assert invoke(event)["told"] == 2
    for request in ("r-1", "r-2", "r-3"):
        assert invoke(event, request) == {"below_threshold": 0, "already_told": 2}
    assert invoke(SWEEP) == {}
    assert len(slack.originals) == len(mails()) == 1


def test_a_record_while_the_alarm_rings_is_told_by_the_sweep(slack: SlackReceiver) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="audit-phone",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="audit-phone", StateValue="ALARM", StateReason="x")
    put(change(1))
    invoke(sns(alarm()))
    put(change(2), seconds_ago=1)
    assert invoke(SWEEP)["told"] == 2
    assert "while the alarm of the rule was on" in json.dumps(slack.originals[1])
    assert "User 2" in json.dumps(slack.originals[1])
    assert "User 1" not in json.dumps(slack.originals[1])


def test_a_record_found_when_the_alarm_calms_down_is_told(slack: SlackReceiver) -> None:
    put(change(1))
    invoke(sns(alarm()))
    put(change(2), seconds_ago=1)
    invoke(sns(alarm(new="OK", old="ALARM")))
    assert ["User 2" in json.dumps(post) for post in slack.originals] == [False, True]


def test_a_new_alarm_that_goes_to_ok_tells_nobody(slack: SlackReceiver) -> None:
    put(change(1))
    assert invoke(sns(alarm(new="OK", old="INSUFFICIENT_DATA"))) == {}
    assert slack.originals == []


def test_a_threshold_is_reached_by_records_within_its_window(slack: SlackReceiver) -> None:
    failure = {"message": "no", "event": {"id": "x", "outcome": "failure"}, "user": {"name": "Eve"}}
    put(*({**failure, "n": n} for n in range(2)), seconds_ago=500)
    put(*({**failure, "n": n} for n in range(2, 5)))
    assert invoke(sns(alarm("guesses"))) == {"told": 3, "below_threshold": 2}
    assert "Guesses: 3 records" in slack.originals[0]["text"]


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
    slack: SlackReceiver,
) -> None:
    put(
        limit(1, 1000, 1100), limit(2, 1000, 1100.01), limit(3, 1000, 5000, "10.1.2.3"),
        limit(4, "1000.00", "899.99"), limit(5, None, 1),
    )  # fmt: skip
    assert invoke(sns(alarm("limit"))) == {"told": 3, "below_threshold": 0, "immaterial": 2}
    text = json.dumps(slack.originals, ensure_ascii=False)
    assert "Limit moved: 3 records" in slack.originals[0]["text"]
    for number, told in ((1, False), (2, True), (3, False), (4, True), (5, True)):
        assert (f"Ana Souza moved the limit of account {number}" in text) is told
    assert "US dollars" in text


def test_an_alarm_of_immaterial_records_tells_nobody_not_even_that_nothing_was_found(
    slack: SlackReceiver,
) -> None:
    put(limit(1, 1000, 1001))
    assert invoke(sns(alarm("limit"))) == {"below_threshold": 0, "immaterial": 1}
    assert slack.originals == []


def arrival(*records: Any, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    events = [
        {"id": str(n), "timestamp": event["timestamp"], "message": event["message"]}
        for n, event in enumerate(records)
    ]
    payload = json.dumps({"messageType": kind, "logEvents": events}).encode()
    return {"awslogs": {"data": base64.b64encode(gzip.compress(payload)).decode()}}


def stored() -> list[Any]:
    return boto3.client("logs").filter_log_events(logGroupName="/audit/records")["events"]


def urgent(tmp_path: Path) -> None:
    text = CONFIG.replace('id = "phone"', 'id = "phone"\ndelivery = "urgent"')
    use(text, tmp_path)


def test_an_urgent_record_is_told_when_it_comes_and_the_alarm_finds_it_told(
    slack: SlackReceiver, tmp_path: Path
) -> None:
    urgent(tmp_path)
    put(change(1))
    other = {"timestamp": 1, "message": '{"changes": {"fields": {"limit": "updated"}}}'}
    assert invoke(arrival(*stored(), other))["told"] == 2
    assert "Sent because a matching record arrived" in json.dumps(slack.originals)
    put(change(2))
    assert invoke(sns(alarm()), "r-2") == {"told": 2, "already_told": 2, "below_threshold": 0}
    assert len(slack.originals) == 2
    assert invoke(arrival(*stored()), "r-3") == {"already_told": 4, "below_threshold": 0}


def test_what_arrives_of_rules_that_are_not_urgent_waits_for_the_alarm(
    slack: SlackReceiver,
) -> None:
    put(change(1))
    assert invoke(arrival(*stored())) == {}
    assert invoke(arrival(kind="CONTROL_MESSAGE")) == {}
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
def test_a_delivery_that_is_none_is_shown(slack: SlackReceiver, data: str | bytes) -> None:
    text = data if isinstance(data, str) else data.decode()
    assert invoke({"awslogs": {"data": text}})["told"] == 2
    assert "A message to the audit trail" in slack.originals[0]["text"]


def quiet(tmp_path: Path, begins_in: int, ends_in: int) -> None:
    """Set the quiet hours of the phone rule, in hours from now."""
    now = datetime.now(ZoneInfo("Europe/Madrid"))
    begin, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (begins_in, ends_in))
    text = CONFIG.replace('id = "phone"', f'id = "phone"\nquiet_hours = "{begin}-{end}"')
    use(text, tmp_path)


def test_what_comes_in_quiet_hours_is_told_after_them_and_once(
    slack: SlackReceiver, tmp_path: Path
) -> None:
    quiet(tmp_path, -1, 1)
    put(change(1))
    assert invoke(sns(alarm())) == {"held": 1}
    put(change(2))
    assert invoke(sns(alarm(new="OK", old="ALARM")), "r-2") == {"held": 1}
    assert invoke(SWEEP, "r-3") == {}
    assert slack.originals == []
    quiet(tmp_path, -2, -1)
    assert invoke(SWEEP, "r-4")["told"] == 4  # two records, two channels
    assert "Sent because the quiet hours of the rule are over" in json.dumps(slack.originals)
    assert invoke(SWEEP, "r-5") == {}
    assert len(slack.originals) == 1


def test_what_is_held_is_told_when_the_rule_has_no_quiet_hours_any_more(
    slack: SlackReceiver, tmp_path: Path
) -> None:
    quiet(tmp_path, -1, 1)
    put(change(1))
    assert invoke(sns(alarm())) == {"held": 1}
    use(CONFIG, tmp_path)
    assert invoke(SWEEP, "r-2")["told"] == 2
    assert invoke(SWEEP, "r-3") == {}
    assert len(slack.originals) == 1


def test_an_alarm_that_rings_on_into_quiet_hours_is_held_by_the_sweep(
    slack: SlackReceiver, tmp_path: Path
) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="audit-phone", Namespace="n", MetricName="m", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="audit-phone", StateValue="ALARM", StateReason="r")
    quiet(tmp_path, -1, 1)
    put(change(1))
    assert invoke(SWEEP) == {"held": 1}
    quiet(tmp_path, 1, 2)
    assert invoke(SWEEP, "r-2")["told"] == 2
    assert len(slack.originals) == 1


def test_what_is_held_waits_on_while_a_channel_fails(slack: SlackReceiver, tmp_path: Path) -> None:
    quiet(tmp_path, -1, 1)
    put(change(1))
    invoke(sns(alarm()))
    quiet(tmp_path, -2, -1)
    boto3.client("secretsmanager").delete_secret(
        SecretId="audit/slack", ForceDeleteWithoutRecovery=True
    )
    with pytest.raises(ForwardingError):
        invoke(SWEEP, "r-2")
    assert len(mails()) == 1
    boto3.client("secretsmanager").create_secret(
        Name="audit/slack", SecretString=f"{slack.address}x"
    )
    assert invoke(SWEEP, "r-3")["told"] == 1
    assert (len(slack.originals), len(mails())) == (1, 1)


def test_a_channel_that_fails_stops_no_other_and_is_tried_again(slack: SlackReceiver) -> None:
    put(change(1))
    slack.answers = [(404, {})]
    with pytest.raises(ForwardingError, match=r"channel 'slack': Slack answered 404") as caught:
        invoke(sns(alarm()))
    assert slack.address not in str(caught.value)
    assert len(mails()) == 1
    assert invoke(sns(alarm()))["told"] == 1
    assert len(slack.originals) == len(mails()) == 1


def test_a_channel_whose_secret_is_gone_stops_no_other_and_is_tried_again(
    slack: SlackReceiver,
) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.delete_secret(SecretId="audit/slack", ForceDeleteWithoutRecovery=True)
    put(change(1))
    with pytest.raises(
        ForwardingError, match=r"the secret 'audit/slack' cannot be read.*ResourceNotFoundException"
    ):
        invoke(sns(alarm()))
    assert len(mails()) == 1
    secrets.create_secret(Name="audit/slack", SecretString=f"{slack.address}x")
    assert invoke(sns(alarm()), "r-2")["told"] == 1
    assert len(slack.originals) == len(mails()) == 1


def test_a_flood_is_told_in_parts_and_goes_on_where_it_was_cut_off(
    slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.pipeline._MAX_RECORDS_PER_NOTIFICATION", 2)
    read: list[int] = []
    noted = Ledger.note_read

    def note_read(self: Ledger, rule_id: str, until_ms: int) -> None:
        noted(self, rule_id, until_ms)
        read.append(until_ms)
        if len(read) == 1:
            raise KeyboardInterrupt  # as when the function's time is over

    monkeypatch.setattr(Ledger, "note_read", note_read)
    for number in range(5):
        put(change(number), seconds_ago=60 - number)
    with pytest.raises(KeyboardInterrupt):
        invoke(sns(alarm()))
    assert (len(slack.originals), len(mails())) == (1, 1)
    again = invoke(sns(alarm()), "r-2")
    assert (again["told"], again["already_told"]) == (6, 4)
    assert (len(slack.originals), len(mails())) == (3, 3)
    assert read == sorted(read)


def test_a_channel_that_fails_stops_no_other_in_any_part(
    slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.pipeline._MAX_RECORDS_PER_NOTIFICATION", 2)
    for number in range(3):
        put(change(number))
    slack.answers = [(404, {})]
    with pytest.raises(ForwardingError):
        invoke(sns(alarm()))
    assert (len(slack.originals), len(mails())) == (1, 2)
    assert invoke(sns(alarm()), "r-2")["told"] == 2
    assert (len(slack.originals), len(mails())) == (2, 2)


def test_slack_says_how_long_to_wait(slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module._forwarder().channels["slack"], "_sleep", pauses.append)
    put(change(1))
    slack.answers = [(429, {"Retry-After": "7"}), (503, {})]
    assert invoke(sns(alarm()))["told"] == 2
    assert pauses == [7.0, 1.0]


def test_a_wait_that_is_no_number_is_a_second(
    slack: SlackReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module._forwarder().channels["slack"], "_sleep", pauses.append)
    put(change(1))
    slack.answers = [(429, {"Retry-After": "\xb2"}), (429, {"Retry-After": "soon"})]
    assert invoke(sns(alarm()))["told"] == 2
    assert pauses == [1.0, 1.0]


def test_a_claim_of_an_invocation_that_died_is_its_own_again_but_nobody_elses(
    slack: SlackReceiver,
) -> None:
    put(change(1))
    forwarder = module._forwarder()
    [record] = forwarder.reader.read(forwarder.config.rule("phone"), since_ms=0, until_ms=2**42)
    now = int(time.time() * 1000)
    for channel in ("slack", "mail"):
        forwarder.ledger.claim(f"phone#{channel}#{record.key}", owner="r-1", now_ms=now)
    assert invoke(sns(alarm()), "r-2") == {"below_threshold": 0, "in_progress": 2}
    assert invoke(sns(alarm()), "r-1")["told"] == 2


def test_an_alarm_whose_records_are_not_there_yet_is_told_as_such_and_they_later(
    slack: SlackReceiver,
) -> None:
    event = sns(alarm())
    invoke(event)
    invoke(event)
    put(change(1))
    invoke(sns(alarm(new="OK", old="ALARM")))
    texts = [json.dumps(post) for post in slack.originals]
    assert len(texts) == 2
    assert "cannot be found yet" in texts[0]
    assert "User 1" in texts[1]


@pytest.mark.parametrize(
    "message",
    ["plain <!here> text", "[1, 2]", "", '{"AlarmName": "other-alarm"}', json.dumps(alarm("gone"))],
)
def test_a_message_that_belongs_to_no_rule_is_shown_and_stops_no_other(
    slack: SlackReceiver, message: str
) -> None:
    put(change(1))
    event = sns(message, alarm())
    assert invoke(event)["told"] == 4
    odd, good = slack.originals
    assert "A message to the audit trail" in odd["text"]
    assert "<!here>" not in json.dumps(odd)
    assert "User 1" in json.dumps(good)
    invoke(event)
    assert len(slack.originals) == 2


def test_many_records_make_one_message_with_the_rest_counted(slack: SlackReceiver) -> None:
    put(*(change(n) for n in range(300)))
    assert invoke(sns(alarm()))["told"] == 600
    [post] = slack.originals
    text = json.dumps(post)
    assert "and 290 more records, by Ana Souza (290); see the evidence" in text
    assert len(post["blocks"]) <= 50
    assert len(mails()) == 1


def test_a_line_that_is_no_record_is_told_as_it_is(slack: SlackReceiver) -> None:
    put("[" * 5000, '{"changes": 7, "event": [], "user": "root", "message": null}')
    assert invoke(sns(alarm()))["told"] == 4
    assert "Somebody unknown" in json.dumps(slack.originals[0])


def test_a_webhook_without_tls_is_refused_without_naming_it(slack: SlackReceiver) -> None:
    boto3.client("secretsmanager").put_secret_value(
        SecretId="audit/slack", SecretString="http://evil.example/T0/B0/secret"
    )
    put(change(1))
    with pytest.raises(ForwardingError, match="is not an https:// URL") as caught:
        invoke(sns(alarm()))
    assert "evil" not in str(caught.value)
