"""The embedded cloud: functions, permissions, alarms and rejections, on small templates."""

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto.logs.models import LogsBackend

from local_cloud import DeployError, LocalCloud
from local_cloud.errors import HookError
from tests.integration.local_cloud.templates import Resources, function, metric_filter


def invoke(cloud: LocalCloud, event: Any = None) -> tuple[Any, bool]:
    answer = cloud.client("lambda").invoke(FunctionName="f", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), "FunctionError" in answer


def printed(cloud: LocalCloud) -> str:
    events = cloud.client("logs").filter_log_events(logGroupName="/f")["events"]
    return "\n".join(event["message"] for event in events)


def test_a_function_sees_its_own_environment_and_packages_alone(
    cloud: LocalCloud, assemble: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "x")
    code = """
import os, sys
def handler(event, context):
    try:
        import pytest
        found = "leaked"
    except ImportError as error:
        found = str(error)
    import boto3
    print("hello", flush=True)
    return [os.environ["COLOUR"], "SECRET_OF_THE_DEVELOPER" in os.environ, found, context.function_name, event]
"""
    cloud.deploy(assemble(function(), code))
    answer, failed = invoke(cloud, {"n": 1})
    assert not failed
    assert answer == ["red", False, "No module named 'pytest'", "f", {"n": 1}]
    assert "START RequestId" in printed(cloud)
    assert "\nhello\nEND RequestId" in printed(cloud)


def test_the_functions_clock_is_the_clouds(
    cloud: LocalCloud, assemble: Callable[..., Path]
) -> None:
    code = "import time, datetime\ndef handler(e, c): return [time.time(), datetime.datetime.now().timestamp()]"
    cloud.deploy(assemble(function(), code))
    cloud.clock.move(400 * 24 * 3600)
    answer, _ = invoke(cloud)
    assert all(abs(each - cloud.clock.now()) < 5 for each in answer)


def test_what_a_role_does_not_allow_is_refused_in_awss_words(
    cloud: LocalCloud, assemble: Callable[..., Path]
) -> None:
    code = """
import boto3
def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["call"])(**event["given"])
        return "allowed"
    except Exception as error:
        return str(error)
"""
    may = {
        "Effect": "Allow",
        "Action": "dynamodb:GetItem",
        "Resource": "arn:aws:dynamodb:eu-west-1:123456789012:table/mine",
    }
    cloud.deploy(assemble(function(may), code))
    for table in ("mine", "other"):
        cloud.client("dynamodb").create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )

    def call(service: str, call: str, **given: Any) -> str:
        return str(invoke(cloud, {"service": service, "call": call, "given": given})[0])

    key = {"Key": {"id": {"S": "1"}}}
    assert call("dynamodb", "get_item", TableName="mine", **key) == "allowed"
    refused = call("dynamodb", "get_item", TableName="other", **key)
    assert "(AccessDeniedException)" in refused
    assert (
        "is not authorized to perform: dynamodb:GetItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/other"
        in refused
    )
    assert "dynamodb:DeleteItem" in call("dynamodb", "delete_item", TableName="mine", **key)
    assert "cloudwatch:DescribeAlarms" in call("cloudwatch", "describe_alarms", AlarmNames=["a"])
    assert "ses:SendRawEmail" in call(
        "sesv2",
        "send_email",
        FromEmailAddress="a@b.example",
        Destination={"ToAddresses": []},
        Content={"Raw": {"Data": "x"}},
    )
    assert call("s3", "list_buckets").startswith("An error occurred (AccessDeniedException)")


def test_a_burst_runs_side_by_side_each_in_a_process_of_its_own(
    cloud: LocalCloud, assemble: Callable[..., Path], tmp_path: Path
) -> None:
    """Each invocation waits until all four are there: one after the other, they would wait for ever."""
    place = tmp_path / "burst"
    place.mkdir()
    code = f"""
import os, pathlib, time
place = pathlib.Path({str(place)!r})
def handler(event, context):
    (place / f"{{event}}.{{os.getpid()}}").touch()
    while len(list(place.iterdir())) < 4:
        time.sleep(0.01)
"""
    cloud.deploy(assemble(function(), code))
    for number in range(4):
        cloud.functions.invoke_later("f", number)
    cloud.settle()
    assert len({path.suffix for path in place.iterdir()}) == 4
    assert printed(cloud).count("END RequestId") == 4
    assert "timed out" not in printed(cloud)


def test_an_asynchronous_failure_is_tried_three_times_and_kept(
    cloud: LocalCloud, assemble: Callable[..., Path]
) -> None:
    cloud.deploy(
        assemble(
            function(), "def handler(e, c):\n    print('try')\n    raise ValueError('no luck')"
        )
    )
    cloud.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 7}')
    tries = []
    for seconds in (0, 30, 30, 60, 60):
        cloud.advance(seconds)
        cloud.settle()
        tries.append(printed(cloud).count("\ntry\n"))
    assert tries == [1, 1, 2, 2, 3]
    [queue] = cloud.client("sqs").list_queues()["QueueUrls"]
    [message] = cloud.client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert json.loads(message["Body"]) == {"n": 7}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no luck"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "def handler(e, c):\n    import time; time.sleep(60)",
            "Task timed out after 1.00 seconds",
        ),
        ("import os\ndef handler(e, c): os._exit(3)", "Runtime exited with error: exit status 3"),
        ("import nowhere", "No module named 'nowhere'"),
        ("def handler(e, c): return object()", "not JSON serializable"),
    ],
)
def test_a_function_that_dies_says_how_and_the_next_one_starts_anew(
    cloud: LocalCloud, assemble: Callable[..., Path], code: str, message: str
) -> None:
    cloud.deploy(assemble(function(timeout=1), code))
    for _ in range(2):
        answer, failed = invoke(cloud)
        assert failed
        assert message in answer["errorMessage"]
    assert message in printed(cloud)


def test_a_function_sleeps_on_the_clouds_clock(
    cloud: LocalCloud, assemble: Callable[..., Path]
) -> None:
    code = """
import time
def handler(event, context):
    began, left = time.time(), context.get_remaining_time_in_millis()
    time.sleep(event)
    print("slept", round(time.time() - began), round(left - context.get_remaining_time_in_millis(), -3))
"""
    cloud.deploy(assemble(function(timeout=900), code))
    real, now = time.monotonic(), cloud.clock.now()
    for seconds in (600, 30):  # one ends, and the other goes on sleeping
        cloud.functions.invoke_later("f", seconds)
    cloud.settle()
    assert 600 <= cloud.clock.now() - now < 610
    cloud.functions.invoke_later("f", 901)
    cloud.settle()
    assert time.monotonic() - real < 10
    assert {"slept 600 600000", "slept 30 30000"} <= set(printed(cloud).splitlines())
    assert "Task timed out after 900.00 seconds" in printed(cloud)
    cloud.advance(60)  # the time of a sleep is part of it
    assert cloud.clock.now() - now >= 660 + 900


SLOWLY = """
import select, time
def handler(event, context):
    for _ in {often}:
        end = time.perf_counter() + 0.02
        while time.perf_counter() < end: pass
        select.select([], [], [], 0.04)  # as if other processes had the processor
"""


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("import time; time.sleep(4.5)\ndef handler(e, c): pass", False),
        ("import time\ndef handler(e, c): time.sleep(20)", True),
        (SLOWLY.format(often="range(30)"), False),
        (SLOWLY.format(often="iter(int, 1)"), True),
        ("def handler(e, c):\n    while True: pass", True),
    ],
    ids=["loading", "waiting", "slowly working", "slowly for ever", "computing for ever"],
)
def test_time_out_counts_what_the_function_does_not_what_the_machine_lets_it_wait(
    cloud: LocalCloud,
    assemble: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    ended: bool,
) -> None:
    monkeypatch.setattr("local_cloud.services.functions.processes._IDLE_SECONDS", 3)
    cloud.deploy(assemble(function(timeout=1), code))
    answer, failed = invoke(cloud)
    assert failed is ended, answer
    assert ("Task timed out after 1.00 seconds" in printed(cloud)) is ended


def test_a_type_or_property_that_is_not_known_fails_with_its_name_and_makes_nothing(
    cloud: LocalCloud, assemble: Callable[..., Path]
) -> None:
    resources = {
        "Good": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/good"}},
        "Stream": {"Type": "AWS::Kinesis::Stream"},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"FieldIndexPolicies": []}},
    }
    with pytest.raises(DeployError) as caught:
        cloud.deploy(assemble(resources))
    assert "Stream: the type AWS::Kinesis::Stream" in str(caught.value)
    assert "Group: the property FieldIndexPolicies of AWS::Logs::LogGroup" in str(caught.value)
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (metric_filter("{ $.a = "), "stack S: M: .*Invalid filter pattern"),
        (
            metric_filter("{ $.a = 1 }", MetricValue="amount"),
            r"write a number or a field: \$\.amount",
        ),
        (
            metric_filter("{ $.a = 1 }", Dimensions=[{"Key": "k", "Value": "$.a"}]),
            "metricTransformations.dimensions",
        ),
    ],
)
def test_a_filter_that_aws_would_refuse_fails_the_deployment(
    cloud: LocalCloud, assemble: Callable[..., Path], resources: Resources, message: str
) -> None:
    with pytest.raises(DeployError, match=message):
        cloud.deploy(assemble(resources))


@pytest.mark.parametrize("source", ["arn:aws:logs:eu-west-1:123456789012:log-group:/other:*", None])
def test_a_subscription_without_the_functions_permission_is_refused(
    cloud: LocalCloud, assemble: Callable[..., Path], source: str | None
) -> None:
    resources = function() | {
        "G": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/g"}},
        "S": {"Type": "AWS::Logs::SubscriptionFilter", "DependsOn": ["P"] if source else [], "Properties": {
            "LogGroupName": {"Ref": "G"}, "FilterPattern": "", "DestinationArn": {"Fn::GetAtt": ["F", "Arn"]},
        }},
    }  # fmt: skip
    if source:
        resources["P"] = {"Type": "AWS::Lambda::Permission", "Properties": {
            "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "F"},
            "Principal": "logs.amazonaws.com", "SourceArn": source,
        }}  # fmt: skip
    with pytest.raises(
        DeployError, match=r"S: .*Make sure you have given CloudWatch Logs permission"
    ):
        cloud.deploy(assemble(resources, "def handler(e, c): pass"))


def test_a_log_group_whose_key_it_may_not_use_is_refused(
    cloud: LocalCloud, assemble: Callable[..., Path]
) -> None:
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    resources = {
        "K": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [root]}}},
        "G": {"Type": "AWS::Logs::LogGroup", "Properties": {
            "LogGroupName": "/g", "KmsKeyId": {"Fn::GetAtt": ["K", "Arn"]},
        }},
    }  # fmt: skip
    with pytest.raises(
        DeployError,
        match=r"G: .*: the policy of the KMS key .* does not allow kms:Encrypt to logs\.eu-west-1",
    ):
        cloud.deploy(assemble(resources))


def test_the_rules_of_put_log_events_are_awss(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    logs.put_retention_policy(logGroupName="/g", retentionInDays=7)
    now, hour = cloud.clock.now_ms(), 3600_000

    def put(*events: tuple[int, str]) -> dict[str, Any]:
        listed = [{"timestamp": when, "message": text} for when, text in events]
        answer = logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=listed)
        return dict(answer.get("rejectedLogEventsInfo", {}))

    day = 24 * hour
    assert put((now - 15 * day, "a"), (now - 15 * day, "b")) == {"tooOldLogEventEndIndex": 2}
    assert put((now - 8 * day, "a")) == {"expiredLogEventEndIndex": 1}
    assert put((now, "kept"), (now + 3 * hour, "x"), (now + 4 * hour, "y")) == {
        "tooNewLogEventStartIndex": 1
    }
    for events, message in (
        ([(now, "x"), (now - 1, "y")], "chronological order"),
        ([(now - 25 * hour, "x"), (now, "y")], "span more than 24 hours"),
        ([(now, "x" * 1_048_551)], "too large"),
        ([(now, "x" * 600_000)] * 2, "Upload too large"),
    ):
        with pytest.raises(logs.exceptions.InvalidParameterException, match=message):
            put(*events)
    found = logs.filter_log_events(logGroupName="/g")["events"]
    assert [event["message"] for event in found] == ["kept"]


def test_an_encrypted_topic_whose_key_alarms_may_not_use_stays_silent(cloud: LocalCloud) -> None:
    key = cloud.client("kms").create_key(Policy=json.dumps({"Statement": []}))["KeyMetadata"][
        "KeyId"
    ]
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName="ear")["QueueUrl"]
    topics = {}
    for name, attributes in {"secret": {"KmsMasterKeyId": key}, "plain": {}}.items():
        topics[name] = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        sns.subscribe(TopicArn=topics[name], Protocol="sqs", Endpoint=cloud.arn("sqs", "ear"))
        say = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": "*",
        }
        sns.set_topic_attributes(
            TopicArn=topics[name],
            AttributeName="Policy",
            AttributeValue=json.dumps({"Statement": [say]}),
        )
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="n",
            MetricName="m",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            AlarmActions=[topics[name]],
        )
    cloud.client("logs").create_log_group(logGroupName="/g")
    cloud.client("logs").put_metric_filter(
        logGroupName="/g",
        filterName="f",
        filterPattern="{ $.a = 1 }",
        metricTransformations=[{"metricNamespace": "n", "metricName": "m", "metricValue": "1"}],
    )
    cloud.put_lines("/g", ['{"a": 2}'])
    cloud.settle()
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    cloud.put_lines("/g", ['{"a": 1}'])
    cloud.settle()
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    alarms = [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
    assert [alarm["AlarmName"] for alarm in alarms] == ["plain"]
    assert alarms[0]["OldStateValue"] == "INSUFFICIENT_DATA"
    assert alarms[0]["Trigger"]["Statistic"] == "SUM"


def counting(cloud: LocalCloud, threshold: float, **transformation: Any) -> Callable[[], str]:
    """Create an alarm on a metric filter of `/g`; return a function that reads its state."""
    logs, watch = cloud.client("logs"), cloud.client("cloudwatch")
    logs.create_log_group(logGroupName="/g")
    for pattern in ('{ $.a = "*" }', '{ $.b = "*" }'):
        logs.put_metric_filter(
            logGroupName="/g",
            filterName="f",
            filterPattern=pattern,
            metricTransformations=[
                {"metricNamespace": "N", "metricName": "M", "metricValue": "1", **transformation}
            ],
        )
    watch.put_metric_alarm(
        AlarmName="a", Namespace="N", MetricName="M", Statistic="Sum", Period=60, Threshold=threshold,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip

    def state() -> str:
        cloud.settle()
        return str(watch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["StateValue"])

    return state


def test_a_metric_filter_that_is_put_again_is_changed_and_counts_once(cloud: LocalCloud) -> None:
    state = counting(cloud, threshold=2)
    cloud.put_lines("/g", ['{"a": "x", "b": "x"}'])
    assert state() == "OK"
    cloud.put_lines("/g", ['{"b": "x"}', '{"a": "x"}'])
    assert state() == "ALARM"


def test_a_value_is_read_from_a_field_of_the_message(cloud: LocalCloud) -> None:
    state = counting(cloud, threshold=7, metricValue="$.n")
    cloud.put_lines("/g", ['{"b": "x", "n": 6}', '{"b": "x"}', '{"b": "x", "n": null}'])
    assert state() == "OK"
    cloud.put_lines("/g", ['{"b": "x", "n": 1}'])
    assert state() == "ALARM"


def test_a_default_value_is_data_where_nothing_matches(cloud: LocalCloud) -> None:
    state = counting(cloud, threshold=5, defaultValue=0)
    assert state() == "INSUFFICIENT_DATA"
    cloud.put_lines("/g", ['{"a": "x"}'])
    assert state() == "OK"


def test_a_retention_that_cloudwatch_has_not_is_refused(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="retentionInDays"):
        logs.put_retention_policy(logGroupName="/g", retentionInDays=100)


def test_memory_stays_flat_however_many_lines_come(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/g")
    lines = [json.dumps({"text": "x" * 200, "n": n}) for n in range(5000)]
    cloud.put_lines("/g", lines)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(4):
            cloud.put_lines("/g", lines)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000, "20,000 lines of 220 bytes are 4.4 MB"
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/g", filterPattern="{ $.n = 4999 }"
    )
    assert sum(len(page["events"]) for page in pages) == 5


def test_hooks_refuse_another_moto_and_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    original = vars(LogsBackend)["put_log_events"]
    with LocalCloud():
        assert vars(LogsBackend)["put_log_events"] is not original
    assert vars(LogsBackend)["put_log_events"] is original
    monkeypatch.setattr(LogsBackend, "put_metric_filter", lambda self, other: None)
    with (
        pytest.raises(
            HookError, match=r"LogsBackend.put_metric_filter of moto [\d.]+ takes \(self other\)"
        ),
        LocalCloud(),
    ):
        pass
    assert vars(LogsBackend)["put_log_events"] is original


def test_the_clock_only_moves_forward(cloud: LocalCloud) -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        cloud.clock.move(-1)
