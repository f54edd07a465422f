"""The deployed template on the embedded cloud: from log lines to notifications in time."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from audit_ops.cli import main
from audit_ops.world import World
from audit_rules import load_config
from tests.deployed_trail import DeployedTrail, named, phone_change
from tests.synthesis import ROOT, Template


@pytest.fixture(scope="module")
def deployed(template: Template) -> Iterator[World]:
    with World() as local:
        local.prepare(load_config(ROOT / "audit.toml"))
        assert local.cloud.deploy(template.folder) == ["audit"]
        local.cloud.settle()
        yield local


@pytest.fixture
def world(deployed: World) -> DeployedTrail:
    """The deployed trail with no alarm in ALARM and empty receivers; each test has its own ids."""
    deployed.wait_until_quiet()
    return DeployedTrail(deployed)


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
    world.cloud.advance(600)
    assert world.notified() == []
    world.cloud.advance(400)  # a channel that is closed is asked every 15 minutes
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


def audit(*arguments: str) -> str:
    """Run the command against the deployed trail; return what it printed."""
    done = CliRunner().invoke(main, [*arguments, "--config", str(ROOT / "audit.toml")])
    assert done.exit_code == 0, done.output
    return done.output


def test_what_waits_is_shown_moved_and_dropped(world: DeployedTrail) -> None:
    world.slack.answers = [(404, {})]
    world.put(phone_change("w1"), phone_change("w2"))
    waiting = next(
        line for line in audit("outbox", "list").splitlines() if line.startswith("waiting")
    )
    assert "security-slack" in waiting
    assert "the channel is closed: channel 'security-slack': Slack answered 404" in waiting
    keys = re.findall(r"mfa-phone-changed#security-slack#\w+", audit("outbox", "list", "--keys"))
    assert len(keys) == 2
    assert '"event": {"id": "w' in audit("outbox", "why", keys[0])
    assert audit("outbox", "drop", "--reason", "a test", keys[0]) == "1 items are muted\n"
    assert "a test" in audit("outbox", "why", keys[0])
    assert audit("outbox", "move", "security-slack", "finance-slack") == "1 items moved\n"
    world.cloud.advance(60)
    assert len(world.notified()) == 1
    world.cloud.advance(1000)
    assert len(world.notified()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["why", "nothing"], "write the key of an item, RULE#CHANNEL#DIGEST"),
        (["why", "a#b#c"], "no item has the key 'a#b#c'"),
        (["move", "a", "b"], "the channel 'b' is not in audit.toml; write one of finance-email,"),
    ],
)
def test_what_the_outbox_has_not_is_said(
    world: DeployedTrail, arguments: list[str], said: str
) -> None:
    done = CliRunner().invoke(main, ["outbox", *arguments, "--config", str(ROOT / "audit.toml")])
    assert done.exit_code == 1
    assert said in done.output


def test_a_lost_item_is_put_and_told_again(world: DeployedTrail) -> None:
    world.put(phone_change("lost"))
    now = datetime.fromtimestamp(world.cloud.clock.now(), UTC)
    dynamodb = world.cloud.client("dynamodb")
    [table] = dynamodb.list_tables()["TableNames"]
    items = dynamodb.scan(TableName=table)["Items"]
    items = [item for item in items if "version" in item]
    last = max(items, key=lambda item: int(item["arrived"]["N"]))
    dynamodb.delete_item(TableName=table, Key={"id": last["id"]})
    since = (now - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S")
    assert "waiting: 1\n" in audit("outbox", "rebuild", "--yes", "--since", since)
    world.cloud.advance(60)
    assert sorted(world.notified() + world.mailed()) == ["lost"] * 3


def test_dead_letters_are_sent_again(world: DeployedTrail) -> None:
    iam, functions = world.cloud.client("iam"), world.cloud.client("lambda")
    role = functions.get_function_configuration(FunctionName="audit-matcher")["Role"]
    role = role.rpartition("/")[2]
    [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.put_role_policy(
        RoleName=role, PolicyName=name,
        PolicyDocument=json.dumps(
            document | {"Statement": [s for s in document["Statement"] if "dynamodb" not in str(s)]}
        ),
    )  # fmt: skip
    world.put(phone_change("dead"))
    world.cloud.advance(240)  # three attempts; people are told by the alarm
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    assert "audit-matcher: succeeded" in audit("redrive")
    world.cloud.functions.invoke_later("audit-teller", {"channel": "security-slack", "keys": ["?"]})
    world.cloud.advance(240)
    done = CliRunner().invoke(main, ["redrive", "--config", str(ROOT / "audit.toml")])
    assert done.exit_code == 1
    assert "audit-teller: not enough values to unpack" in done.output
    assert "1 letters failed again, and stay in their queues" in done.output
    world.cloud.advance(600)
    assert world.notified() == ["dead"]
