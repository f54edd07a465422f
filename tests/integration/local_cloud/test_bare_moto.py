"""Where bare moto differs from AWS: the reasons for our hooks.

A probe fails once moto has fixed its defect: then a hook can be removed.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBES = """
import json
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def client(service):
    return boto3.client(service, region_name="eu-west-1")

def stack(resources, name="S", change_set=False, **more):
    api, body = client("cloudformation"), json.dumps({"Resources": resources, **more})
    if change_set:
        api.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=body, ChangeSetType="CREATE")
        api.execute_change_set(StackName=name, ChangeSetName="c")
    elif any(s["StackName"] == name for s in api.describe_stacks()["Stacks"]):
        api.update_stack(StackName=name, TemplateBody=body)
    else:
        api.create_stack(StackName=name, TemplateBody=body)
    return api

def group(name="/g", **more):
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **more}}

def names():
    return [g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"]]

TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {}}

def change_set_that_is_gone_has_another_error():
    api = stack({"T": TOPIC})
    try:
        api.describe_change_set(StackName="S", ChangeSetName="none")
    except ClientError as error:
        return error.response["Error"]["Code"] != "ChangeSetNotFound"

def executed_change_set_is_still_there():
    api = stack({"T": TOPIC}, change_set=True)
    return bool(api.list_change_sets(StackName="S")["Summaries"])

def stack_by_change_set_has_no_outputs():
    api = stack({"T": TOPIC}, change_set=True, Outputs={"O": {"Value": "v"}})
    return not api.describe_stacks(StackName="S")["Stacks"][0].get("Outputs")

def retention_is_not_changed_in_place():
    stack({"G": group(RetentionInDays=1)})
    stack({"G": group(RetentionInDays=3)})
    [found] = client("logs").describe_log_groups()["logGroups"]
    return found.get("retentionInDays") != 3

def retained_group_goes_when_it_leaves_the_template():
    stack({"G": group() | {"DeletionPolicy": "Retain"}, "T": TOPIC})
    stack({"T": TOPIC})
    return "/g" not in names()

def unknown_type_is_skipped_in_silence():
    api = stack({"T": TOPIC, "F": {"Type": "AWS::Logs::MetricFilter", "Properties": {
        "LogGroupName": "/none", "FilterPattern": "", "MetricTransformations": []}}})
    return api.describe_stacks(StackName="S")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"

def failed_update_is_not_rolled_back():
    api = stack({"T": TOPIC})
    try:
        stack({"T": TOPIC, "A": group("/a"), "B": group("/a") | {"DependsOn": "A"}})
    except Exception:
        pass
    return "/a" in names()

def pattern_matches_nearly_everything():
    logs = client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    import time
    event = {"timestamp": int(time.time() * 1000), "message": '{"a": "other"}'}
    logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=[event])
    return bool(logs.filter_log_events(logGroupName="/g", filterPattern='{ $.a = "x" }')["events"])

def bad_pattern_is_taken():
    logs = client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.put_metric_filter(logGroupName="/g", filterName="f", filterPattern="{ $.a = ",
        metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}])
    return True

def changed_metric_filter_is_there_twice():
    logs = client("logs")
    logs.create_log_group(logGroupName="/g")
    for pattern in ("a", "b"):
        logs.put_metric_filter(logGroupName="/g", filterName="f", filterPattern=pattern,
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}])
    return len(logs.describe_metric_filters(logGroupName="/g")["metricFilters"]) == 2

def log_group_is_taken_as_a_destination():
    logs = client("logs")
    for name in ("/a", "/b"):
        logs.create_log_group(logGroupName=name)
    logs.put_subscription_filter(logGroupName="/a", filterName="f", filterPattern="",
        destinationArn="arn:aws:logs:eu-west-1:123456789012:log-group:/b")
    return True

def new_alarm_is_ok():
    watch = client("cloudwatch")
    watch.put_metric_alarm(AlarmName="a", Namespace="n", MetricName="m", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    return watch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "OK"

def retention_that_there_is_not_is_taken():
    logs = client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.put_retention_policy(logGroupName="/g", retentionInDays=100)
    return True

def termination_protection_cannot_be_set():
    api = stack({"T": TOPIC})
    try:
        api.update_termination_protection(StackName="S", EnableTerminationProtection=True)
    except NotImplementedError:
        return True

def saved_queries_are_missing():
    try:
        client("logs").put_query_definition(name="q", queryString="fields a")
    except NotImplementedError:
        return True

found = {}
for name, probe in list(globals().items()):
    if callable(probe) and getattr(probe, "__module__", "") == "__main__" and probe.__code__.co_argcount == 0 and name != "names":
        with mock_aws():
            try:
                found[name] = bool(probe())
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    run = subprocess.run(
        [sys.executable, "-c", PROBES], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[3],
        env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "PATH": ""},
    )  # fmt: skip
    outcome: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return outcome


def test_the_defects_that_our_hooks_are_for_are_still_there(found: dict[str, object]) -> None:
    assert len(found) == 15
    repaired = {name: outcome for name, outcome in found.items() if outcome is not True}
    assert repaired == {}, "moto does this by now: look which hook can go"
