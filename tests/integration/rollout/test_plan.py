"""The plan of a deployment, and the states of an account that it rejects."""

import json
from collections.abc import Iterator

import pytest

from audit_ops.rollout import Plan, PlanError
from audit_ops.rollout.costs import monthly_costs
from audit_ops.world import World
from audit_rules import load_config
from tests.synthesis import ROOT, Template

CONFIG = load_config(ROOT / "audit.toml")


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


def plan(world: World, template: Template) -> Plan:
    return Plan.read(CONFIG, template.folder, world.cloud.client)


def test_a_new_trail_is_announced_with_its_costs(world: World, template: Template) -> None:
    found = plan(world, template)
    assert (found.stack_id, found.status, found.bootstrapped, found.kept) == (
        "Trail",
        "",
        False,
        {},
    )
    text = "\n".join(found.lines())
    assert "account 123456789012, Region eu-west-1: create the stack" in text
    assert "/audit/records: the audit log group, retention 3,653 days" in text
    assert "1.00  1 encryption key" in text
    assert "1.50  5 metrics" in text
    assert "3.63  in total, without records" in text


def test_the_costs_follow_the_template() -> None:
    two_alarms = {"Resources": {name: {"Type": "AWS::CloudWatch::Alarm"} for name in "ab"}}
    costs = {cost.item: cost.dollars for cost in monthly_costs(two_alarms)}
    assert costs["2 alarms"] == pytest.approx(0.20)
    assert costs["0 metrics, if each counts something all month"] == 0


def test_a_stack_that_is_there_is_updated(world: World, template: Template) -> None:
    world.prepare(CONFIG)
    world.cloud.deploy(template.folder)
    found = plan(world, template)
    assert (found.status, found.kept) == ("CREATE_COMPLETE", {})
    assert "update the stack (CREATE_COMPLETE)" in next(found.lines())


def test_what_an_earlier_stack_left_is_taken_over(world: World, template: Template) -> None:
    world.prepare(CONFIG)
    world.cloud.deploy(template.folder)
    world.cloud.client("cloudformation").delete_stack(StackName="audit")
    [group] = world.cloud.client("logs").describe_log_groups(logGroupNamePrefix="/audit/")[
        "logGroups"
    ]
    found = plan(world, template)
    assert found.kept == {
        "StoreRecords611269AC": {"LogGroupName": "/audit/records"},
        "StoreKey7A3C02BD": {"KeyId": group["kmsKeyId"].rpartition("/")[2]},
    }
    assert "exists from an earlier stack" in "\n".join(found.lines())


def test_a_foreign_group_and_a_key_about_to_go_are_refused(
    world: World, template: Template
) -> None:
    logs, kms = world.cloud.client("logs"), world.cloud.client("kms")
    logs.create_log_group(logGroupName="/audit/records")
    with pytest.raises(PlanError, match="exists without a KMS key"):
        plan(world, template)
    logs.delete_log_group(logGroupName="/audit/records")
    world.prepare(CONFIG)
    world.cloud.deploy(template.folder)
    world.cloud.client("cloudformation").delete_stack(StackName="audit")
    [group] = logs.describe_log_groups(logGroupNamePrefix="/audit/")["logGroups"]
    kms.disable_key(KeyId=group["kmsKeyId"].rpartition("/")[2])
    with pytest.raises(
        PlanError, match=r"state Disabled; [^`]*`aws kms enable-key --key-id [^`]*`$"
    ):
        plan(world, template)
    kms.schedule_key_deletion(KeyId=group["kmsKeyId"].rpartition("/")[2])
    with pytest.raises(
        PlanError, match=r"state PendingDeletion.*cancel-key-deletion.*enable-key --key-id"
    ):
        plan(world, template)


def test_an_assembly_without_the_stack_is_refused(world: World, template: Template) -> None:
    manifest = template.folder / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"stackName": "audit"', '"stackName": "other"'))
    try:
        with pytest.raises(PlanError, match="has no stack named 'audit': found \\['other'\\]"):
            plan(world, template)
    finally:
        manifest.write_text(text)


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_stack_that_was_never_created_is_created(
    world: World, template: Template, status: str
) -> None:
    world.prepare(CONFIG)
    world.cloud.deploy(template.folder)
    world.cloud.stacks.stacks["audit"].status = status
    found = plan(world, template)
    assert found.status == ""
    assert set(found.kept) == {"StoreRecords611269AC", "StoreKey7A3C02BD"}


def test_an_app_whose_group_has_no_key_does_not_take_over_one_that_has(
    world: World, template: Template
) -> None:
    world.prepare(CONFIG)
    world.cloud.deploy(template.folder)
    world.cloud.client("cloudformation").delete_stack(StackName="audit")
    path = template.folder / "Trail.template.json"
    text = path.read_text()
    body = json.loads(text)
    del body["Resources"]["StoreRecords611269AC"]["Properties"]["KmsKeyId"]
    path.write_text(json.dumps(body))
    try:
        with pytest.raises(PlanError, match="in the CDK app has no key of the same stack"):
            plan(world, template)
    finally:
        path.write_text(text)
