"""The real CDK CLI against the embedded cloud: bootstrap, deploy, change, fail, destroy."""

import json
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from audit_ops.world import World
from audit_rules import load_config
from local_cloud import LocalCloud
from tests.cdk import run_cdk
from tests.synthesis import synthesize

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "audit.toml").read_text()
ACCOUNT = "aws://123456789012/eu-west-1"


class Tool:
    """The CDK CLI, with a configuration that tests change."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        self.config = folder / "audit.toml"
        self.config.write_text(CONFIG)
        self._numbers = count()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_cdk(self.cloud.endpoint, *arguments)

    def with_config(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the assembly of the configuration, synthesized in this process."""
        assembly = synthesize(self.config, self.folder / f"cdk.out-{next(self._numbers)}")
        return self.run(*arguments, "--app", str(assembly.folder))

    def deploy(self) -> subprocess.CompletedProcess[str]:
        return self.with_config("deploy", "--all", "--require-approval", "never")


class DeployedTrail:
    def __init__(self, cdk: Tool, world: World) -> None:
        self.cdk, self.cloud = cdk, world.cloud
        self.slack, self.mail = world.receivers["slack"], world.receivers["email"]

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def resources(self) -> dict[str, str]:
        pages = self.client("cloudformation").list_stack_resources(StackName="audit")
        found = pages["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def alarms(self) -> dict[str, dict[str, Any]]:
        found = self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix("audit-"): alarm for alarm in found}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedTrail]:
    with World() as local:
        local.prepare(load_config(ROOT / "audit.toml"))
        cdk = Tool(local.cloud, tmp_path_factory.mktemp("cdk"))
        bootstrapped = cdk.run("bootstrap", ACCOUNT, "--app", "")
        assert bootstrapped.returncode == 0, bootstrapped.stdout
        # The first time as `make deploy` does: the CLI runs the app.
        output = str(cdk.folder / "cdk.out")
        deployed = cdk.run("deploy", "--all", "--require-approval", "never", "--output", output)
        assert deployed.returncode == 0, deployed.stdout
        local.cloud.settle()
        yield DeployedTrail(cdk, local)


def record(**changes: Any) -> str:
    fields = dict.fromkeys(changes, "updated")
    return json.dumps(
        {
            "log": {"logger": "shop.audit"},
            "message": "changed",
            "event": {"id": "e", "action": "user-updated"},
            "changes": {
                "record_type": "user",
                "record_id": "7",
                "after": changes,
                "fields": fields,
            },
        }
    )


def test_what_the_cli_deployed_is_found_by_boto3_and_works(world: DeployedTrail) -> None:
    resources = world.resources()
    assert resources["StoreRecords611269AC"] == "/audit/records"
    [group] = world.client("logs").describe_log_groups(logGroupNamePrefix="/audit/")["logGroups"]
    assert group["retentionInDays"] == 3653
    assert len(world.alarms()) == 5
    world.cloud.put_lines("/app/shop", ["ordinary", record(mfa_phone="+34600")])
    world.cloud.settle()
    [post] = world.slack.originals
    assert "MFA phone number changed" in post["text"]
    [mail] = world.mail.originals
    assert mail["Subject"] == "[High] MFA phone number changed: User 7"


def test_a_second_deploy_without_a_change_does_nothing(world: DeployedTrail) -> None:
    cloudformation = world.client("cloudformation")
    before = cloudformation.describe_stack_events(StackName="audit")["StackEvents"]
    again = world.cdk.deploy()
    assert again.returncode == 0
    assert "(no changes)" in again.stdout
    assert cloudformation.describe_stack_events(StackName="audit")["StackEvents"] == before
    assert "There were no differences" in world.cdk.with_config("diff").stdout


def test_rules_added_changed_and_removed_are_just_that(world: DeployedTrail) -> None:
    before = world.resources()
    text = CONFIG[: CONFIG.index('[[rules]]\nid = "repeated-failed-logins"')]
    text = text.replace('title = "Large refund"', 'title = "Large refund"\nthreshold = 2')
    text = text.replace("retention_days = 3653", 'retention_days = 1827\nexamples = "optional"')
    text += """
[[rules]]
id = "email-changed"
title = "E-mail changed"
owner = "Security"
severity = "low"
channels = ["security-slack"]
pattern = '{ $.changes.fields.email = "*" }'
"""
    world.cdk.config.write_text(text)
    deployed = world.cdk.deploy()
    assert deployed.returncode == 0, deployed.stdout
    after = world.resources()
    assert {id_ for id_ in before if id_ not in after} == {
        id_ for id_ in before if id_.startswith("Watchrepeatedfailedlogins")
    }
    assert {id_ for id_ in after if id_ not in before} == {
        id_ for id_ in after if id_.startswith("Watchemailchanged")
    }
    assert all(after[id_] == before[id_] for id_ in before if id_ in after)
    alarms = world.alarms()
    assert alarms.keys() == {
        "mfa-phone-changed", "admin-role-granted", "payout-account-changed", "large-refund",
        "email-changed",
    }  # fmt: skip
    assert alarms["large-refund"]["Threshold"] == 2
    [group] = world.client("logs").describe_log_groups(logGroupNamePrefix="/audit/")["logGroups"]
    assert group["retentionInDays"] == 1827
    world.slack.received.clear()
    world.cloud.put_lines("/app/shop", [record(email="new@example.com")])
    world.cloud.settle()
    assert [post["text"].partition(":")[2].strip() for post in world.slack.originals] == [
        "E-mail changed: User 7"
    ]


@pytest.mark.parametrize(
    ("kind", "property_", "bad", "said"),
    [
        ("WatchlargerefundFilter", "FilterPattern", "{ $.a = ", "Invalid filter pattern"),
        ("RouterLog", "RetentionInDays", 100, "'100' at 'retentionInDays' failed to satisfy"),
    ],
)
def test_what_aws_would_refuse_is_told_and_rolled_back(
    world: DeployedTrail, kind: str, property_: str, bad: Any, said: str
) -> None:
    """One change is rejected by CloudWatch, another is accepted: both are rolled back."""
    folder = world.cdk.folder / f"bad-{property_}"
    synthesize(world.cdk.config, folder)
    template = json.loads((folder / "Trail.template.json").read_text())
    resources = template["Resources"]
    resources["StoreRecords611269AC"]["Properties"]["RetentionInDays"] = 365
    [id_] = [id_ for id_ in resources if id_.startswith(kind)]
    resources[id_]["Properties"][property_] = bad
    (folder / "Trail.template.json").write_text(json.dumps(template))
    assets = json.loads((folder / "Trail.assets.json").read_text())["files"]
    [old] = [h for h, asset in assets.items() if asset["source"]["path"].endswith("template.json")]
    new = sha256(json.dumps(template).encode()).hexdigest()
    for name in ("Trail.assets.json", "manifest.json"):  # another template has another hash
        path = folder / name
        path.write_text(path.read_text().replace(old, new))
    failed = world.cdk.run("deploy", "--app", str(folder), "--all", "--require-approval", "never")
    assert failed.returncode == 1
    assert said in " ".join(failed.stdout.split())
    cloudformation = world.client("cloudformation")
    [stack] = cloudformation.describe_stacks(StackName="audit")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    [group] = world.client("logs").describe_log_groups(logGroupNamePrefix="/audit/")["logGroups"]
    assert group["retentionInDays"] == 1827
    repaired = world.cdk.deploy()
    assert repaired.returncode == 0, repaired.stdout


def records_kept(logs: Any) -> int:
    """Return the number of the application's records in the audit log group; the others are the trail's."""
    events = logs.filter_log_events(logGroupName="/audit/records")["events"]
    return sum(not event["logStreamName"].startswith("audit_trail/") for event in events)


def test_destroy_keeps_the_records_and_their_key(world: DeployedTrail) -> None:
    key = world.resources()["StoreKey7A3C02BD"]
    destroyed = world.cdk.with_config("destroy", "--all", "--force")
    assert destroyed.returncode == 0, destroyed.stdout
    logs = world.client("logs")
    names = {group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]}
    assert names == {"/app/shop", "/audit/records"}
    assert records_kept(logs) == 2
    assert world.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert world.alarms() == {}
    assert world.client("lambda").list_functions()["Functions"] == []
    assert logs.describe_subscription_filters(logGroupName="/app/shop")["subscriptionFilters"] == []


def test_a_plain_deploy_on_the_kept_group_fails_as_on_aws(world: DeployedTrail) -> None:
    failed = world.cdk.deploy()
    assert failed.returncode == 1
    assert "already exists" in failed.stdout
    logs = world.client("logs")
    assert records_kept(logs) == 2
