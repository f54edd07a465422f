"""The table "What is not supported" of `local_cloud/README.md`: each row is a test."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud import DeployError, LocalCloud
from local_cloud.services.policies import AccessRequest, UnknownConditionError, allowed
from tests.integration.local_cloud.templates import function, metric_filter

README = Path(__file__).parents[3] / "local_cloud" / "README.md"
Deploy = Callable[..., Path]


def types_and_properties(cloud: LocalCloud, assemble: Deploy) -> None:
    resources = {
        "Good": {"Type": "AWS::Logs::LogGroup"},
        "Stream": {"Type": "AWS::Kinesis::Stream"},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"FieldIndexPolicies": []}},
    }
    with pytest.raises(
        DeployError, match=r"Stream: the type AWS::Kinesis::Stream(.|\n)*FieldIndexPolicies"
    ):
        cloud.deploy(assemble(resources))
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []


def intrinsic_functions(cloud: LocalCloud, assemble: Deploy) -> None:
    with pytest.raises(DeployError, match="Fn::Cidr"):
        cloud.deploy(assemble({"G": {"Type": "AWS::Logs::LogGroup", "Properties": {
            "LogGroupName": {"Fn::Cidr": ["10.0.0.0/8", 1, 8]},
        }}}))  # fmt: skip
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []


def custom_resources(cloud: LocalCloud, assemble: Deploy) -> None:
    for type_ in (
        "Custom::Thing",
        "AWS::CloudFormation::CustomResource",
        "AWS::CloudFormation::Stack",
    ):
        with pytest.raises(DeployError, match=f"the type {type_}"):
            cloud.deploy(assemble({"C": {"Type": type_}}))
    with pytest.raises(ClientError, match="Transform"):
        cloud.client("cloudformation").create_stack(
            StackName="macro",
            TemplateBody=json.dumps(
                {
                    "Transform": "AWS::Serverless-2016-10-31",
                    "Resources": {"G": {"Type": "AWS::Logs::LogGroup"}},
                }
            ),
        )


def unknown_operations(cloud: LocalCloud, assemble: Deploy) -> None:
    with pytest.raises(NotImplementedError):
        cloud.client("logs").list_anomalies()
    for service, call in (("logs", "list_anomalies"), ("cloudformation", "detect_stack_drift")):
        client = boto3.client(
            service, endpoint_url=cloud.endpoint, region_name=cloud.region,
            config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip
        arguments = {"StackName": "S"} if service == "cloudformation" else {}
        with pytest.raises(ClientError) as rejected:
            getattr(client, call)(**arguments)
        answer = rejected.value.response
        assert answer["Error"]["Code"] == "UnknownOperationException"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


def stack_sets(cloud: LocalCloud, assemble: Deploy) -> None:
    cloud.deploy(assemble({"G": {"Type": "AWS::Logs::LogGroup"}}))
    cloud.client("cloudformation").create_stack_set(StackSetName="set", TemplateBody="{}")
    assert list(cloud.stacks.stacks) == ["S"]


def alarm(**properties: Any) -> dict[str, Any]:
    given = {
        "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Statistic": "Sum",
    }  # fmt: skip
    return {"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": given | properties}}


def other_alarms(cloud: LocalCloud, assemble: Deploy) -> None:
    with pytest.raises(DeployError, match="Average"):
        cloud.deploy(assemble(alarm(Statistic="Average")))
    with pytest.raises(DeployError, match="Dimensions"):
        cloud.deploy(assemble(alarm(Dimensions=[{"Name": "a", "Value": "b"}])))
    transformed = metric_filter("{ $.a = 1 }", Dimensions=[{"Key": "k", "Value": "$.a"}])
    with pytest.raises(DeployError, match="does not support"):
        cloud.deploy(assemble(transformed))
    for name, given in OTHER_ALARMS.items():
        with pytest.raises(ClientError, match=name):
            put_alarm(cloud, **given)
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


OTHER_ALARMS: dict[str, dict[str, Any]] = {
    "Average": {"Statistic": "Average"},
    "ExtendedStatistic": {"ExtendedStatistic": "p99", "Statistic": None},
    "Dimensions": {"Dimensions": [{"Name": "a", "Value": "b"}]},
    "Metrics": {"Metrics": [{"Id": "m", "Expression": "SELECT 1"}]},
    "Unit Bytes": {"Unit": "Bytes"},
    "Period of 30": {"Period": 30},
    "ComparisonOperator": {"ComparisonOperator": "GreaterThanUpperThreshold"},
    "ThresholdMetricId": {"ThresholdMetricId": "m"},
    "TreatMissingData": {"TreatMissingData": "maybe"},
}


def put_alarm(cloud: LocalCloud, **properties: Any) -> None:
    given = {"AlarmName": "A", **alarm()["A"]["Properties"], **properties}
    cloud.client("cloudwatch").put_metric_alarm(
        **{name: value for name, value in given.items() if value is not None}
    )


def unknown_services(cloud: LocalCloud, assemble: Deploy) -> None:
    code = """
import boto3
def handler(event, context):
    try:
        boto3.client("ec2").describe_instances()
    except Exception as error:
        return str(error)
"""
    narrow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:*"}
    cloud.deploy(assemble(function(narrow), code))
    assert "on resource: (unknown to the embedded cloud)" in invoked(cloud)
    cloud.deploy(assemble(function(narrow | {"Resource": "*"}), code))
    assert invoked(cloud) == "null"


def invoked(cloud: LocalCloud) -> str:
    answer = cloud.client("lambda").invoke(FunctionName="f", Payload="{}")["Payload"]
    return str(answer.read().decode())


def unknown_conditions(cloud: LocalCloud, assemble: Deploy) -> None:
    statement = {
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
        "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
    }  # fmt: skip
    request = AccessRequest(action="s3:GetObject", resource="x", context={"aws:CurrentTime": "x"})
    with pytest.raises(UnknownConditionError, match="DateGreaterThan"):
        allowed([statement], request)
    other = {"Effect": "Allow", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": "*"}}
    with pytest.raises(UnknownConditionError, match="NotPrincipal"):
        allowed([other], request)


def other_schedules(cloud: LocalCloud, assemble: Deploy) -> None:
    events = cloud.client("events")
    for given in (
        {"ScheduleExpression": "cron(0 12 * * ? *)"},
        {"ScheduleExpression": "rate(1 minutes)"},
        {"EventPattern": '{"source": ["aws.ec2"]}'},
    ):
        with pytest.raises(ClientError, match="not support"):
            events.put_rule(Name="daily", **given)
    assert events.list_rules()["Rules"] == []
    events.put_rule(Name="daily", ScheduleExpression="rate(1 day)")
    with pytest.raises(ClientError, match="use a function"):
        events.put_targets(Rule="daily", Targets=[{"Id": "1", "Arn": cloud.arn("sqs", "a")}])


def memory_and_python(cloud: LocalCloud, assemble: Deploy) -> None:
    code = "import sys\ndef handler(e, c):\n    return len(bytearray(200_000_000)), sys.version_info[1]"
    resources = function()
    resources["F"]["Properties"] |= {"MemorySize": 128, "Runtime": "python3.9"}
    cloud.deploy(assemble(resources, code))
    assert invoked(cloud) == f"[200000000, {sys.version_info[1]}]"


def expiry(cloud: LocalCloud, assemble: Deploy) -> None:
    resources = {
        "G": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/g", "RetentionInDays": 1},
        }
    }
    cloud.deploy(assemble(resources))
    cloud.put_lines("/g", ["old"])
    cloud.clock.move(3 * 24 * 3600)
    assert len(cloud.client("logs").filter_log_events(logGroupName="/g")["events"]) == 1


def insights(cloud: LocalCloud, assemble: Deploy) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    with pytest.raises(logs.exceptions.MalformedQueryException, match="commands fields, filter;"):
        logs.start_query(
            logGroupName="/g", startTime=0, endTime=1, queryString="fields a | filter b = 1"
        )


ROWS: dict[str, Callable[[LocalCloud, Deploy], None]] = {
    "CloudFormation types and properties": types_and_properties,
    "intrinsic functions outside": intrinsic_functions,
    "custom resources, nested stacks, macros": custom_resources,
    "operations of neither moto nor this package": unknown_operations,
    "stack sets": stack_sets,
    "alarms on statistics other than Sum, dimensions": other_alarms,
    "calls of a function to a service": unknown_services,
    "condition operators": unknown_conditions,
    "rules without a `rate(…)` schedule": other_schedules,
    "memory limits, x86-64 or arm64, the Python version": memory_and_python,
    "expiry by retention or time to live": expiry,
    "queries of CloudWatch Logs Insights": insights,
}


def rows() -> list[str]:
    table = README.read_text().partition("## What is not supported")[2].partition("\n## ")[0]
    return re.findall(r"^\| (.+?) \| .+ \|$", table, re.MULTILINE)[2:]


@pytest.mark.parametrize("row", rows())
def test_a_row_shows_as_it_says(row: str, cloud: LocalCloud, assemble: Deploy) -> None:
    [check] = [check for begins, check in ROWS.items() if row.startswith(begins)]
    check(cloud, assemble)


def test_each_row_has_a_test_and_each_test_a_row() -> None:
    assert len(rows()) == len(ROWS) == 12
