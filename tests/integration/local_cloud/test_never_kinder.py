"""The embedded cloud is never kinder than AWS: what AWS refuses or would not do, it refuses as well."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from local_cloud import LocalCloud

Deploy = Callable[..., Path]


def put_alarm(cloud: LocalCloud, name: str, **given: Any) -> None:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="n", MetricName="m", Statistic="Sum", Period=60, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", **given,
    )  # fmt: skip


def code_of(call: Callable[..., Any], **given: Any) -> str:
    """Return the error code of a call that must be rejected."""
    with pytest.raises(ClientError) as rejected:
        call(**given)
    return str(rejected.value.response["Error"]["Code"])


@pytest.fixture
def alarms(cloud: LocalCloud) -> Callable[..., list[str]]:
    topic = cloud.arn("sns", "nowhere")
    put_alarm(cloud, "a-quiet")
    put_alarm(cloud, "a-rings", AlarmActions=[topic])
    put_alarm(cloud, "b-rings")
    for name in ("a-rings", "b-rings"):
        cloud.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue="ALARM", StateReason="x"
        )

    def described(**given: Any) -> list[str]:
        found = cloud.client("cloudwatch").describe_alarms(**given)["MetricAlarms"]
        return [alarm["AlarmName"] for alarm in found]

    return described


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AlarmNames": ["a-quiet", "a-rings"], "StateValue": "ALARM"}, ["a-rings"]),
        ({"AlarmNamePrefix": "a", "StateValue": "ALARM"}, ["a-rings"]),
        ({"AlarmNamePrefix": "b", "ActionPrefix": "arn:aws:sns"}, []),
        ({"StateValue": "INSUFFICIENT_DATA"}, ["a-quiet"]),
        ({"ActionPrefix": "arn:aws:sns"}, ["a-rings"]),
        ({"AlarmTypes": ["CompositeAlarm"]}, []),
        ({"MaxRecords": 2}, ["a-quiet", "a-rings"]),
        ({}, ["a-quiet", "a-rings", "b-rings"]),
    ],
)
def test_describe_alarms_obeys_all_its_parameters_together(
    alarms: Callable[..., list[str]], given: dict[str, Any], expected: list[str]
) -> None:
    assert alarms(**given) == expected


def test_alarms_come_in_pages(cloud: LocalCloud, alarms: Callable[..., list[str]]) -> None:
    pages = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(
        PaginationConfig={"PageSize": 2}
    )
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
    with pytest.raises(ClientError, match="mutually exclusive"):
        alarms(AlarmNames=["a-quiet"], AlarmNamePrefix="a")


def test_an_update_of_an_alarm_keeps_its_state(
    cloud: LocalCloud, alarms: Callable[..., list[str]]
) -> None:
    put_alarm(cloud, "b-rings", AlarmDescription="new")
    assert "b-rings" in alarms(StateValue="ALARM")


def test_an_action_to_a_missing_topic_is_lost_with_a_warning(
    cloud: LocalCloud, alarms: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    watch = cloud.client("cloudwatch")
    for state in ("OK", "ALARM"):
        watch.set_alarm_state(AlarmName="a-rings", StateValue=state, StateReason="x")
    assert alarms(StateValue="ALARM") == ["a-rings", "b-rings"]
    assert "check that it exists" in caplog.text


def test_a_rule_whose_function_is_missing_sends_its_event_nowhere(
    cloud: LocalCloud, caplog: pytest.LogCaptureFixture
) -> None:
    events = cloud.client("events")
    events.put_rule(Name="r", ScheduleExpression="rate(1 minute)")
    target = {"Id": "1", "Arn": cloud.arn("lambda", "function:missing")}
    events.put_targets(Rule="r", Targets=[target])
    cloud.advance(60)
    assert "function:missing does not allow events.amazonaws.com" in caplog.text


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (70_000, 413)])
def test_a_body_over_64_kb_is_refused_by_the_control_pages(
    cloud: LocalCloud, size: int, status: int
) -> None:
    body = json.dumps({"ignored": "x" * size}).encode()
    request = urllib.request.Request(
        f"{cloud.endpoint}/_cloud/settle", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found = answer.status
    except HTTPError as error:
        found = error.code
    assert found == status


GROUP: dict[str, Any] = {"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/g"}}}


def create(cloud: LocalCloud, template: dict[str, Any], **parameters: str) -> str:
    """Create a stack; return the error of the call, or the stack's status."""
    stacks = cloud.client("cloudformation")
    given = [{"ParameterKey": name, "ParameterValue": v} for name, v in parameters.items()]
    try:
        stacks.create_stack(
            StackName="s", TemplateBody=json.dumps({"Resources": GROUP} | template), Parameters=given
        )
    except ClientError as error:
        return str(error)
    return str(stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"])


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ({"AllowedValues": ["a", "b"]}, "a", "CREATE_COMPLETE"),
        ({"AllowedValues": ["a", "b"]}, "c", r"'P' must be one of the allowed values: [a, b]"),
        ({"AllowedPattern": "[a-z]+"}, "ab1", "'P' must match pattern [a-z]+"),
        ({"AllowedPattern": "[a-z]+", "ConstraintDescription": "is odd"}, "1", "'P' is odd"),
        ({"MinLength": 2}, "a", "length of 2 to any number of"),
        ({"MaxLength": "2"}, "abc", "length of 0 to 2"),
        ({"Type": "Number"}, "x", "must be a number"),
        ({"Type": "Number", "MinValue": 3}, "2", "a number of 3 to any"),
        ({"Type": "Number", "MaxValue": 3}, "3", "CREATE_COMPLETE"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,b", "[a]"),
        ({"Colour": "red"}, "a", "does not support Colour"),
    ],
)
def test_a_parameter_is_held_to_its_declaration(
    cloud: LocalCloud, declared: dict[str, Any], value: str, expected: str
) -> None:
    answer = create(cloud, {"Parameters": {"P": {"Type": "String"} | declared}}, P=value)
    assert expected in answer


def test_a_parameter_that_the_template_lacks_is_refused(cloud: LocalCloud) -> None:
    assert "Parameters: [P] do not exist in the template" in create(cloud, {}, P="x")


def test_a_parameter_with_no_echo_is_not_shown(cloud: LocalCloud) -> None:
    create(cloud, {"Parameters": {"P": {"Type": "String", "NoEcho": True}}}, P="secret")
    [stack] = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["Parameters"] == [{"ParameterKey": "P", "ParameterValue": "****"}]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "P"}, "x"]}}]}, "CREATE_COMPLETE"),
        ({"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["x"], {"Ref": "P"}]}]},
                          "AssertDescription": "too old"}]}, "the rule R is not met: too old"),
        ({"RuleCondition": {"Fn::Equals": [{"Ref": "P"}, "y"]},
          "Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}}]}, "CREATE_COMPLETE"),
        ({"Assertions": [{"Assert": {"Fn::RefAll": "AWS::EC2::VPC::Id"}}]}, "Fn::RefAll"),
    ],
)  # fmt: skip
def test_rules_of_a_template_are_checked(
    cloud: LocalCloud, rule: dict[str, Any], expected: str
) -> None:
    template = {"Parameters": {"P": {"Type": "String"}}, "Rules": {"R": rule}}
    assert expected in create(cloud, template, P="x")


def test_attributes_of_a_resource_that_have_no_effect_are_refused(cloud: LocalCloud) -> None:
    for more in ({"UpdatePolicy": {}}, {"DeletionPolicy": "Snapshot"}):
        answer = create(cloud, {"Resources": {"G": GROUP["G"] | more}})
        assert "does not support" in answer
    assert cloud.health()["log_groups"] == {}


FAILING: dict[str, Any] = {
    "Resources": GROUP | {"Same": GROUP["G"] | {"DependsOn": "G"}},
    "Description": "submitted",
}


def test_the_template_of_a_failed_stack_is_what_was_submitted(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    assert create(cloud, FAILING) == "ROLLBACK_COMPLETE"
    assert stacks.get_template(StackName="s")["TemplateBody"]["Description"] == "submitted"


def test_a_stack_whose_creation_failed_cannot_be_updated(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    create(cloud, FAILING)
    template = json.dumps({"Resources": GROUP})
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update_stack(StackName="s", TemplateBody=template)
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=template)


def test_the_template_of_a_change_set_is_its_own(cloud: LocalCloud) -> None:
    stacks = cloud.client("cloudformation")
    create(cloud, {})
    body = json.dumps({"Resources": GROUP, "Description": "new"})
    stacks.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=body)
    found = stacks.get_template(StackName="s", ChangeSetName="c")["TemplateBody"]
    assert found["Description"] == "new"


def test_what_is_retained_except_on_creation_is_deleted_by_a_rollback_alone(
    cloud: LocalCloud,
) -> None:
    kept = GROUP["G"] | {"DeletionPolicy": "RetainExceptOnCreate"}
    create(cloud, {"Resources": {"G": kept, "Same": GROUP["G"] | {"DependsOn": "G"}}})
    assert cloud.health()["log_groups"] == {}
    cloud.client("cloudformation").delete_stack(StackName="s")
    create(cloud, {"Resources": {"G": kept}})
    cloud.client("cloudformation").delete_stack(StackName="s")
    assert cloud.health()["log_groups"] == {"/g": 0}
