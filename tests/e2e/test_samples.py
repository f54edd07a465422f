"""Templates modelled on public samples, which the embedded cloud was not written for."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud import LocalCloud
from tests.cdk import run_cdk

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as cloud:
        yield cloud


def create(cloud: LocalCloud, sample: str, **parameters: str) -> str:
    api = cloud.client("cloudformation")
    api.create_stack(
        StackName="sample",
        TemplateBody=(SAMPLES / sample).read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    )
    [stack] = api.describe_stacks(StackName="sample")["Stacks"]
    return str(stack["StackStatus"])


def states(cloud: LocalCloud) -> dict[str, str]:
    cloud.settle()
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {alarm["MetricName"]: alarm["StateValue"] for alarm in alarms}


@pytest.mark.parametrize("mail", ["", "team@example.com"])
def test_alarms_on_api_calls(cloud: LocalCloud, mail: str) -> None:
    assert create(cloud, "root-sign-in.yaml", Email=mail) == "CREATE_COMPLETE"
    subscriptions = cloud.client("sns").list_subscriptions()["Subscriptions"]
    assert [each["Endpoint"] for each in subscriptions] == ([mail] if mail else [])

    def call(**event: Any) -> None:
        cloud.put_lines("/cloudtrail/calls", [json.dumps(event)])

    call(userIdentity={"type": "Root", "invokedBy": "x"}, eventType="AwsApiCall")
    call(errorCode="Client.UnauthorizedOperation", eventType="AwsApiCall")
    assert states(cloud) == {"RootCalls": "OK", "RefusedCalls": "OK"}
    call(userIdentity={"type": "Root"}, eventType="AwsApiCall")
    assert states(cloud) == {"RootCalls": "ALARM", "RefusedCalls": "OK"}
    call(errorCode="AccessDeniedException", eventType="AwsApiCall")
    assert states(cloud)["RefusedCalls"] == "ALARM"
    cloud.advance(1800)
    assert states(cloud) == {"RootCalls": "OK", "RefusedCalls": "INSUFFICIENT_DATA"}


def test_a_functions_errors_go_to_another(cloud: LocalCloud) -> None:
    assert create(cloud, "errors-to-a-function.yaml") == "CREATE_COMPLETE"
    found = cloud.client("cloudformation").describe_stack_resources(StackName="sample")
    names = {
        each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found["StackResources"]
    }
    for id_, level in (("1", "ERROR"), ("2", "INFO"), ("3", "ERROR")):
        payload = json.dumps({"id": id_, "level": level})
        cloud.client("lambda").invoke(FunctionName=names["Work"], Payload=payload)
    cloud.settle()
    items = cloud.client("dynamodb").scan(TableName=names["Errors"])["Items"]
    assert sorted(item["id"]["S"] for item in items) == ["1", "3"]
    # Lambda creates this group, because the role's managed policy allows it.
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{names['Notifier']}")
    assert "kept 1" in [event["message"] for event in events["events"]]


def test_two_stacks_by_the_cli_one_using_the_other(cloud: LocalCloud, tmp_path: Path) -> None:
    def cdk(*arguments: str) -> str:
        run = run_cdk(cloud.endpoint, *arguments, cwd=tmp_path)
        assert run.returncode == 0, run.stdout
        return run.stdout

    app = ("--app", f"{sys.executable} {SAMPLES / 'two_stacks.py'}")
    cdk("bootstrap", "aws://123456789012/eu-west-1", "--app", "")
    cdk("deploy", "--all", "--require-approval", "never", *app)
    again = cdk("deploy", "--all", "--require-approval", "never", "--app", "cdk.out")
    assert again.count("(no changes)") == 2
    [group] = cloud.client("logs").describe_log_groups(logGroupNamePrefix="Keeping")["logGroups"]
    cloud.put_lines(group["logGroupName"], ['{"level": "ERROR"}'] * 2)
    assert states(cloud) == {"Errors": "ALARM"}
    cdk("destroy", "--all", "--force", "--app", "cdk.out")
    assert list(cloud.stacks.stacks) == ["CDKToolkit"]
