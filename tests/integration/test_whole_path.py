"""The deployed template on the embedded cloud: from log lines to notifications in time."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from audit_ops.world import World
from audit_rules import load_config, parse_config
from tests.synthesis import ROOT, Template


class DeployedTrail:
    """A cloud with the trail deployed, and the receivers of its channels."""

    def __init__(self, world: World) -> None:
        self.cloud = world.cloud
        self.slack, self.mail = world.receivers["slack"], world.receivers["email"]

    def put(self, *lines: str | dict[str, Any]) -> None:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        self.cloud.put_lines("/app/shop", texts)
        self.cloud.settle()

    def kept(self) -> list[str]:
        logs = self.cloud.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/audit/records")
        return [event["message"] for page in pages for event in page["events"]]

    def state(self) -> str:
        """Return the state of the phone rule's alarm."""
        name = "audit-mfa-phone-changed"
        alarms = self.cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])
        return str(alarms["MetricAlarms"][0]["StateValue"])

    def notified(self) -> list[str]:
        """Return the ids of the records in Slack's messages, in order."""
        return [id_ for post in self.slack.originals for id_ in named(post)]

    def mailed(self) -> list[str]:
        bodies = [mail.get_body(("plain",)).get_content() for mail in self.mail.originals]
        return [id_ for body in bodies for id_ in re.findall(r"changed User (\S+)", body)]


def named(post: dict[str, Any]) -> list[str]:
    return re.findall(r"changed User (\w+)", json.dumps(post["blocks"]))


@pytest.fixture
def world(template: Template) -> Iterator[DeployedTrail]:
    with World() as local:
        local.prepare(load_config(ROOT / "audit.toml"))
        assert local.cloud.deploy(template.folder) == ["audit"]
        local.cloud.settle()
        yield DeployedTrail(local)


def phone_change(id_: str) -> dict[str, Any]:
    return {
        "@timestamp": "2026-11-24T10:00:05.123Z",
        "message": "User profile changed",
        "log": {"logger": "shop.audit"},
        "event": {"id": id_, "action": "user-updated", "outcome": "success"},
        "user": {"name": "Ana Souza"},
        "changes": {
            "record_type": "user",
            "record_id": id_,
            "before": {"mfa_phone": "+34600111222"},
            "after": {"mfa_phone": "+34600000000"},
            "fields": {"mfa_phone": "updated"},
        },
    }


def test_a_fresh_deployment_tells_nobody_anything(world: DeployedTrail) -> None:
    world.cloud.advance(600)
    alarms = world.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {alarm["StateValue"] for alarm in alarms} == {"OK"}
    assert world.slack.originals == []
    assert world.mail.originals == []


def test_changes_at_second_0_20_and_90_are_all_told_once_within_five_minutes(
    world: DeployedTrail,
) -> None:
    world.put(phone_change("first"))
    assert world.notified() == world.mailed() == ["first"]
    world.cloud.advance(20)
    world.put(phone_change("second"))
    world.cloud.advance(70)
    assert world.state() == "ALARM"
    world.put(phone_change("third"))
    world.cloud.advance(5 * 60)
    assert world.notified() == world.mailed() == ["first", "second", "third"]
    world.cloud.advance(3600)
    assert len(world.slack.originals) == len(world.mail.originals) <= 3


def test_one_a_minute_for_an_hour_is_told_once_each_none_later_than_five_minutes(
    world: DeployedTrail,
) -> None:
    put_at: dict[str, float] = {}
    notified_at: dict[str, float] = {}
    states = set()
    seen = 0
    for minute in range(66):
        if minute < 60:
            id_ = f"minute{minute}"
            put_at[id_] = world.cloud.clock.now()
            world.put(phone_change(id_))
            states.add(world.state())
        for post in world.slack.originals[seen:]:
            for id_ in named(post):
                assert id_ not in notified_at
                notified_at[id_] = world.cloud.clock.now()
        seen = len(world.slack.originals)
        world.cloud.advance(60)
    assert notified_at.keys() == put_at.keys()
    assert max(notified_at[id_] - put_at[id_] for id_ in put_at) <= 5 * 60
    assert sorted(world.mailed()) == sorted(put_at)
    assert states == {"ALARM"}  # the sweep notifies while the alarm stays in ALARM


def test_only_audit_records_reach_the_audit_group(world: DeployedTrail) -> None:
    big = phone_change("big") | {"note": "x" * 200_000}
    world.put(
        "INFO shop session opened",
        'user wrote "log.logger: shop.audit" in a ticket',
        '{"log": {"logger": "shop"}, "message": "not .audit but mentions shop.audit"}',
        '{"log.logger": "shop.audit", "message": "a dotted key is another key"}',
        '{"log": {"logger": "shop.audit"}, "message": "cut',
        '{"log": {"logger": ["shop.audit"]}}',
        "[" * 10_000,
        "y" * 200_000,
        json.dumps(big),
        json.dumps(phone_change("good")),
    )
    assert world.kept() == [json.dumps(big), json.dumps(phone_change("good"))]
    assert sorted(world.notified()) == ["big", "good"]


def test_records_that_no_rule_selects_are_kept_and_told_to_nobody(world: DeployedTrail) -> None:
    quiet = {"log": {"logger": "shop.audit"}, "message": "quiet", "event": {"id": "q"}}
    world.put(quiet)
    world.cloud.advance(300)
    assert world.kept() == [json.dumps(quiet)]
    assert world.slack.originals == []


def test_slack_being_down_delays_and_loses_nothing(world: DeployedTrail) -> None:
    world.slack.answers = [(404, {})]
    world.put(phone_change("late"))
    assert world.notified() == []
    assert world.mailed() == ["late"]
    world.cloud.advance(60)
    assert world.notified() == ["late"]
    world.cloud.advance(600)
    assert world.mailed() == ["late"]


def test_the_saved_queries_and_the_retention_are_there(world: DeployedTrail) -> None:
    logs = world.cloud.client("logs")
    queries = logs.describe_query_definitions(queryDefinitionNamePrefix="audit/")
    assert len(queries["queryDefinitions"]) == 4
    [group] = logs.describe_log_groups(logGroupNamePrefix="/audit/records")["logGroups"]
    assert group["retentionInDays"] == 3653
    with pytest.raises(logs.exceptions.InvalidParameterException, match="deletion protection"):
        logs.delete_log_group(logGroupName="/audit/records")


def test_an_urgent_record_is_notified_at_once_and_not_again_by_its_alarm(
    synth: Callable[[str], Template],
) -> None:
    text = (ROOT / "audit.toml").read_text()
    text = text.replace('id = "mfa-phone-changed"', 'id = "mfa-phone-changed"\ndelivery = "urgent"')
    template = synth(text)
    subscription = template.one("Logs::SubscriptionFilter", FilterName="urgent")
    assert subscription["FilterPattern"] == (
        '{ $.changes.record_type = "user" && $.changes.fields.mfa_phone = "*" }'
    )
    with World() as local:
        local.prepare(parse_config(text))
        local.cloud.deploy(template.folder)
        local.cloud.settle()
        world = DeployedTrail(local)
        world.put(phone_change("first"))
        assert world.notified() == world.mailed() == ["first"]
        assert "it came, and the rule is urgent" in json.dumps(world.slack.originals)
        world.cloud.advance(600)
        assert world.notified() == world.mailed() == ["first"]
