"""Responses of AWS, as cases: a call, and its expected response.

Each case uses the clients of `aws`, which call the embedded cloud, bare moto or AWS.
The facts (codes, texts, shapes) were recorded from AWS in 2024 to 2026 by LocalStack's open tests.
"""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from botocore.exceptions import ClientError

__all__ = ["CASES", "Aws"]

ACCOUNT, REGION = "123456789012", "eu-west-1"
FUNCTION = """
import logging
def handler(event, context):
    print("printed")
    logging.getLogger().warning("logged")
    if event.get("raise_error"):
        raise Exception("on purpose")
    return event
"""
Case = Callable[["Aws"], None]
CASES: dict[str, Case] = {}


class Aws:
    """The boto3 clients, and helpers for the cases."""

    def __init__(
        self,
        client: Callable[[str], Any],
        advance: Callable[[float], None],
        clock: Callable[[], float],
        region_name: str = "EU (Ireland)",
    ) -> None:
        self.client = client
        self.advance = advance
        self.clock = clock
        self.region_name = region_name

    def __getattr__(self, service: str) -> Any:
        return self.client(service)

    def refused(self, call: Callable[..., Any], **given: Any) -> tuple[str, str]:
        """Return the code and the message of an error."""
        try:
            answer = call(**given)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise AssertionError(f"was not refused: {answer}")

    def group(self, *, stream: str = "") -> str:
        name = f"/g/{uuid4().hex[:8]}"
        self.logs.create_log_group(logGroupName=name)
        if stream:
            self.logs.create_log_stream(logGroupName=name, logStreamName=stream)
        return name

    def now(self) -> int:
        return int(self.clock() * 1000)

    def put(self, group: str, stream: str, *times: int) -> Any:
        events = [{"timestamp": t, "message": "{}"} for t in times]
        return self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def function(self, **more: Any) -> str:
        """Create a function that prints, logs, and raises on request; its role allows everything."""
        name = f"f-{uuid4().hex[:8]}"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                }
            ],
        }
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        everything = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
        self.iam.put_role_policy(
            RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything)
        )
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("handler.py", FUNCTION)
        getattr(self, "lambda").create_function(
            FunctionName=name, Runtime="python3.13", Role=role["Role"]["Arn"],
            Handler="handler.handler", Code={"ZipFile": packed.getvalue()}, **more,
        )  # fmt: skip
        self.logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
        return name

    def function_arn(self, name: str) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"

    def queue(self) -> tuple[str, str]:
        name = f"q-{uuid4().hex[:8]}"
        return self.sqs.create_queue(QueueName=name)["QueueUrl"], (
            f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        )

    def message(self, url: str) -> Any:
        """Return the only message of a queue."""
        [message] = self.sqs.receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", [])
        return message

    def alarm(self, **more: Any) -> dict[str, Any]:
        name = f"a-{uuid4().hex[:8]}"
        given = {
            "AlarmName": name, "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }  # fmt: skip
        self.cloudwatch.put_metric_alarm(**given | more)
        return self.alarm_named(name)

    def alarm_named(self, name: str) -> dict[str, Any]:
        found = self.cloudwatch.describe_alarms(AlarmNames=[name])
        [alarm] = found["MetricAlarms"]
        return dict(alarm)

    def topic_to_queue(self) -> tuple[str, str]:
        """Create a topic with a queue as subscriber; return the topic's ARN and the queue's URL."""
        url, queue_arn = self.queue()
        topic = self.sns.create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
        statement = {
            "Effect": "Allow", "Action": "sns:Publish", "Resource": topic,
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        return topic, url


def case(function: Case) -> Case:
    """Note a case, by its function's name."""
    CASES[function.__name__] = function
    return function


LONG = "X" * 513
NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")
TOO_LONG_NAME = (
    "InvalidParameterException",
    "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
)


def too_long(value: str, name: str, most: int) -> tuple[str, str]:
    return (
        "InvalidParameterException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint:"
        f" Member must have length less than or equal to {most}",
    )


# ── CloudWatch Logs: events ────────────────────────────────────────────────────────────────────


@case
def put_events_to_no_stream(aws: Aws) -> None:
    group = aws.group()
    assert aws.refused(lambda: aws.put(group, "none", aws.now())) == NO_STREAM


@case
def put_events_to_no_group(aws: Aws) -> None:
    assert aws.refused(lambda: aws.put("/none", "none", aws.now())) == NO_GROUP


@case
def put_events_in_wrong_order(aws: Aws) -> None:
    group = aws.group(stream="s")
    assert aws.refused(lambda: aws.put(group, "s", aws.now(), aws.now() - 5000)) == (
        "InvalidParameterException",
        "Log events in a single PutLogEvents request must be in chronological order.",
    )


@case
def put_an_event_that_is_too_old(aws: Aws) -> None:
    answer = aws.put(aws.group(stream="s"), "s", aws.now() - 15 * 24 * 3600 * 1000)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert answer["nextSequenceToken"]


@case
def put_an_event_that_is_too_new(aws: Aws) -> None:
    answer = aws.put(aws.group(stream="s"), "s", aws.now() + 3 * 3600 * 1000)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 0}


def _limit(call: Callable[..., Any], aws: Aws, **given: Any) -> None:
    assert aws.refused(call, limit=10001, **given) == (
        "InvalidParameterException",
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member"
        " must have value less than or equal to 10000",
    )


@case
def get_more_events_than_can_be_asked_for(aws: Aws) -> None:
    _limit(aws.logs.get_log_events, aws, logGroupName=aws.group(stream="s"), logStreamName="s")


@case
def get_events_with_a_wrong_token(aws: Aws) -> None:
    group = aws.group(stream="s")
    assert aws.refused(
        aws.logs.get_log_events, logGroupName=group, logStreamName="s", nextToken="wrong"
    ) == ("InvalidParameterException", "The specified nextToken is invalid.")


@case
def get_events_of_no_group(aws: Aws) -> None:
    call = aws.logs.get_log_events
    assert aws.refused(call, logGroupName="/none", logStreamName="s") == NO_GROUP


@case
def get_events_of_no_stream(aws: Aws) -> None:
    call = aws.logs.get_log_events
    assert aws.refused(call, logGroupName=aws.group(), logStreamName="s") == NO_STREAM


@case
def filter_for_more_events_than_can_be_asked_for(aws: Aws) -> None:
    _limit(aws.logs.filter_log_events, aws, logGroupName=aws.group())


@case
def filter_with_a_wrong_token(aws: Aws) -> None:
    assert aws.refused(
        aws.logs.filter_log_events, logGroupName=aws.group(stream="s"), nextToken="wrong"
    ) == ("InvalidParameterException", "The specified nextToken is invalid.")


# ── CloudWatch Logs: groups and streams ────────────────────────────────────────────────────────


@case
def a_log_group_is_described(aws: Aws) -> None:
    name = aws.group()
    [found] = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
    assert found.pop("creationTime") > 0
    assert found == {
        "arn": f"{arn}:*", "deletionProtectionEnabled": False, "logGroupArn": arn,
        "logGroupClass": "STANDARD", "logGroupName": name, "metricFilterCount": 0, "storedBytes": 0,
    }  # fmt: skip


@case
def a_log_group_with_a_key_is_described(aws: Aws) -> None:
    owner = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = [
        {"Effect": "Allow", "Principal": who, "Action": "kms:*", "Resource": "*"}
        for who in (owner, {"Service": f"logs.{REGION}.amazonaws.com"})
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    key = aws.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    name = f"/g/{uuid4().hex[:8]}"
    aws.logs.create_log_group(logGroupName=name, kmsKeyId=key)
    [found] = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert found["kmsKeyId"] == key


@case
def a_log_group_that_exists_is_not_made_again(aws: Aws) -> None:
    assert aws.refused(aws.logs.create_log_group, logGroupName=aws.group()) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )


@case
def a_log_group_with_too_long_a_name_is_not_made(aws: Aws) -> None:
    assert aws.refused(aws.logs.create_log_group, logGroupName=LONG) == TOO_LONG_NAME


@case
def log_groups_are_found_by_prefix(aws: Aws) -> None:
    name = aws.group()
    for end in ("/one", "/two"):
        aws.logs.create_log_group(logGroupName=name + end)
    found = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert [group["logGroupName"] for group in found] == [name, f"{name}/one", f"{name}/two"]


@case
def log_groups_are_found_by_pattern(aws: Aws) -> None:
    name = aws.group()
    found = aws.logs.describe_log_groups(logGroupNamePattern=name[3:])["logGroups"]
    assert [group["logGroupName"] for group in found] == [name]


@case
def a_prefix_and_a_pattern_exclude_each_other(aws: Aws) -> None:
    call = aws.logs.describe_log_groups
    assert aws.refused(call, logGroupNamePrefix="a", logGroupNamePattern="b") == (
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
    )


@case
def tags_of_a_log_group_are_one_set_by_both_apis(aws: Aws) -> None:
    name = aws.group()
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
    aws.logs.tag_log_group(logGroupName=name, tags={"a": "1"})
    aws.logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    assert aws.logs.list_tags_log_group(logGroupName=name)["tags"] == {"a": "1", "b": "2"}
    assert aws.logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "2"}
    aws.logs.untag_log_group(logGroupName=name, tags=["a"])
    assert aws.logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}


@case
def a_stream_is_described(aws: Aws) -> None:
    group = aws.group(stream="s")
    [found] = aws.logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert found.pop("creationTime") > 0
    assert found == {
        "arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:s",
        "logStreamName": "s",
        "storedBytes": 0,
    }


@case
def a_stream_that_exists_is_not_made_again(aws: Aws) -> None:
    group = aws.group(stream="s")
    assert aws.refused(aws.logs.create_log_stream, logGroupName=group, logStreamName="s") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )


@case
def streams_are_found_by_the_groups_identifier(aws: Aws) -> None:
    group = aws.group(stream="s")
    for identifier in (group, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"):
        found = aws.logs.describe_log_streams(logGroupIdentifier=identifier)["logStreams"]
        assert [stream["logStreamName"] for stream in found] == ["s"]


@case
def a_groups_name_and_identifier_exclude_each_other(aws: Aws) -> None:
    group = aws.group()
    call = aws.logs.describe_log_streams
    assert aws.refused(call, logGroupName=group, logGroupIdentifier=group) == (
        "ValidationException",
        "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
    )


# ── CloudWatch Logs: metric filters ────────────────────────────────────────────────────────────


def _metric_filter(aws: Aws, group: str, name: str = "f", **more: Any) -> Any:
    transformation = {"metricName": f"m-{name}", "metricNamespace": group, "metricValue": "1"}
    given = {
        "logGroupName": group, "filterName": name, "filterPattern": '{ $.message = "test" }',
        "metricTransformations": [transformation],
    }  # fmt: skip
    return aws.logs.put_metric_filter(**given | more)


@case
def a_metric_filter_is_described(aws: Aws) -> None:
    group = aws.group()
    transformation = {
        "metricName": "m", "metricNamespace": "n", "metricValue": "1", "defaultValue": 0.0,
    }  # fmt: skip
    _metric_filter(aws, group, metricTransformations=[transformation])
    [found] = aws.logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert found.pop("creationTime") > 0
    assert found == {
        "applyOnTransformedLogs": False, "filterName": "f", "logGroupName": group,
        "filterPattern": '{ $.message = "test" }', "metricTransformations": [transformation],
    }  # fmt: skip
    [described] = aws.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["metricFilterCount"] == 1


@case
def a_metric_filter_may_have_the_blank_pattern(aws: Aws) -> None:
    group = aws.group()
    _metric_filter(aws, group, filterPattern=" ")
    [found] = aws.logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert found["filterPattern"] == " "


@case
def metric_filters_are_found_by_prefix_group_and_metric(aws: Aws) -> None:
    one, two = aws.group(), aws.group()
    tag = uuid4().hex[:8]
    _metric_filter(aws, one, f"{tag}-1")
    _metric_filter(aws, two, f"{tag}-2")

    def names(**given: Any) -> list[str]:
        found = aws.logs.describe_metric_filters(**given)["metricFilters"]
        return [each["filterName"] for each in found]

    assert names(logGroupName=two) == [f"{tag}-2"]
    assert names(logGroupName=one, filterNamePrefix=tag) == [f"{tag}-1"]
    assert names(metricName=f"m-{tag}-1", metricNamespace=one) == [f"{tag}-1"]


@case
def a_metric_filters_name_can_be_too_long(aws: Aws) -> None:
    group = aws.group()
    wanted = too_long(LONG, "filterName", 512)
    assert aws.refused(lambda: _metric_filter(aws, group, LONG)) == wanted
    call = aws.logs.delete_metric_filter
    assert aws.refused(call, logGroupName=group, filterName=LONG) == wanted
    assert aws.refused(call, logGroupName=LONG, filterName="f") == TOO_LONG_NAME


@case
def a_metric_filters_pattern_can_be_too_long(aws: Aws) -> None:
    group, pattern = aws.group(), "X" * 1025
    assert aws.refused(lambda: _metric_filter(aws, group, filterPattern=pattern)) == too_long(
        pattern, "filterPattern", 1024
    )


@case
def a_metric_filter_takes_one_transformation(aws: Aws) -> None:
    group = aws.group()
    two = [{"metricName": f"m{n}", "metricNamespace": f"n{n}", "metricValue": "1"} for n in (1, 2)]
    code, text = aws.refused(lambda: _metric_filter(aws, group, metricTransformations=two))
    assert code == "InvalidParameterException"
    assert text.startswith(
        "1 validation error detected: Value '[MetricTransformation(metricName=m1,"
        " metricNamespace=n1, metricValue=1,"
    )
    assert text.endswith(
        "at 'metricTransformations' failed to satisfy constraint: Member must have length less than"
        " or equal to 1"
    )


@case
def what_metric_filters_are_asked_by_can_be_too_long(aws: Aws) -> None:
    call = aws.logs.describe_metric_filters
    group = aws.group()
    assert aws.refused(call, logGroupName=group, filterNamePrefix=LONG) == too_long(
        LONG, "filterNamePrefix", 512
    )
    metric = "X" * 256
    assert aws.refused(call, metricName=metric, metricNamespace="n") == too_long(
        metric, "metricName", 255
    )


# ── CloudWatch Logs: subscription filters ──────────────────────────────────────────────────────


def _subscribed(aws: Aws, name: str = "test") -> tuple[str, str]:
    """Create a log group with a function as subscriber; return the group and the function's ARN."""
    group, function = aws.group(stream="s"), aws.function()
    source = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    getattr(aws, "lambda").add_permission(
        FunctionName=function, StatementId="logs", Action="lambda:InvokeFunction",
        Principal=f"logs.{REGION}.amazonaws.com", SourceArn=source, SourceAccount=ACCOUNT,
    )  # fmt: skip
    aws.logs.put_subscription_filter(
        logGroupName=group, filterName=name, filterPattern="",
        destinationArn=aws.function_arn(function),
    )  # fmt: skip
    return group, aws.function_arn(function)


@case
def subscriptions_of_a_new_group_are_none(aws: Aws) -> None:
    call = aws.logs.describe_subscription_filters
    assert call(logGroupName=aws.group())["subscriptionFilters"] == []
    assert aws.refused(call, logGroupName="/none") == NO_GROUP


@case
def a_subscription_is_described(aws: Aws) -> None:
    group, function_arn = _subscribed(aws)
    [found] = aws.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert found.pop("creationTime") > 0
    assert found == {
        "applyOnTransformedLogs": False, "destinationArn": function_arn, "filterName": "test",
        "distribution": "ByLogStream", "filterPattern": "", "logGroupName": group,
    }  # fmt: skip


@case
def a_third_subscription_is_refused_and_a_change_is_not(aws: Aws) -> None:
    group, function_arn = _subscribed(aws)

    def put(name: str, pattern: str) -> None:
        aws.logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, destinationArn=function_arn
        )

    put("second", "")
    assert aws.refused(lambda: put("third", "")) == (
        "LimitExceededException",
        "Resource limit exceeded.",
    )
    put("test", '{ $.a = "*" }')
    found = aws.logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert {each["filterName"]: each["filterPattern"] for each in found} == {
        "test": '{ $.a = "*" }',
        "second": "",
    }


@case
def a_subscription_that_is_not_there_is_not_deleted(aws: Aws) -> None:
    call = aws.logs.delete_subscription_filter
    assert aws.refused(call, logGroupName="/none", filterName="f") == NO_GROUP
    assert aws.refused(call, logGroupName=aws.group(), filterName="f") == (
        "ResourceNotFoundException",
        "The specified subscription filter does not exist.",
    )


@case
def a_function_of_another_account_is_no_destination(aws: Aws) -> None:
    foreign = f"arn:aws:lambda:{REGION}:999999999999:function:f"
    for group in ("/none", aws.group()):
        assert aws.refused(
            aws.logs.put_subscription_filter, logGroupName=group, filterName="f", filterPattern="",
            destinationArn=foreign,
        ) == (
            "AccessDeniedException",
            "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies"
            " to create cross account lambda triggers.",
        )  # fmt: skip


@case
def a_stream_of_kinesis_needs_a_role(aws: Aws) -> None:
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"
    assert aws.refused(
        aws.logs.put_subscription_filter, logGroupName=aws.group(), filterName="f",
        filterPattern="", destinationArn=arn,
    ) == (
        "InvalidParameterException",
        "destinationArn for vendor kinesis cannot be used without roleArn",
    )  # fmt: skip


# ── CloudWatch: alarms ─────────────────────────────────────────────────────────────────────────


@case
def a_new_alarm_has_no_data(aws: Aws) -> None:
    found = aws.alarm()
    for name in ("AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp"):
        assert found.pop(name)
    assert found.pop("StateTransitionedTimestamp")
    name = found.pop("AlarmName")
    assert found == {
        "ActionsEnabled": True, "AlarmActions": [], "OKActions": [], "InsufficientDataActions": [],
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}", "Dimensions": [],
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "EvaluationPeriods": 1,
        "MetricName": "M", "Namespace": "N", "Period": 60, "Statistic": "Sum", "Threshold": 1.0,
        "StateReason": "Unchecked: Initial alarm creation", "StateValue": "INSUFFICIENT_DATA",
    }  # fmt: skip


@case
def an_alarms_description_comes_back_as_it_went(aws: Aws) -> None:
    assert aws.alarm(AlarmDescription="<")["AlarmDescription"] == "<"


@case
def a_deleted_alarm_is_gone(aws: Aws) -> None:
    name = aws.alarm()["AlarmName"]
    aws.cloudwatch.delete_alarms(AlarmNames=[name])
    found = aws.cloudwatch.describe_alarms(AlarmNames=[name])
    assert (found["MetricAlarms"], found["CompositeAlarms"]) == ([], [])


@case
def an_alarms_state_can_be_set(aws: Aws) -> None:
    name = aws.alarm(TreatMissingData="ignore")["AlarmName"]
    for state in ("ALARM", "OK"):
        aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=f"to {state}")
        found = aws.alarm_named(name)
        assert (found["StateValue"], found["StateReason"]) == (state, f"to {state}")
        assert "StateReasonData" not in found


@case
def a_state_that_there_is_not_is_refused(aws: Aws) -> None:
    name = aws.alarm()["AlarmName"]
    call = aws.cloudwatch.set_alarm_state
    code, text = aws.refused(call, AlarmName=name, StateValue="INVALID", StateReason="x")
    assert code in {"ValidationError", "ValidationException"}
    assert text == (
        "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint:"
        " Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
    )


@case
def the_state_of_no_alarm_cannot_be_set(aws: Aws) -> None:
    call = aws.cloudwatch.set_alarm_state
    code, text = aws.refused(call, AlarmName="none", StateValue="OK", StateReason="x")
    assert (code, text) == ("ResourceNotFound", "")


@case
def an_alarm_tells_its_topic_how_it_changed(aws: Aws) -> None:
    topic, url = aws.topic_to_queue()
    alarm = aws.alarm(AlarmActions=[topic], AlarmDescription="d", TreatMissingData="ignore")
    name = alarm["AlarmName"]
    aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="because")
    told = json.loads(json.loads(aws.message(url)["Body"])["Message"])
    for instant in ("AlarmConfigurationUpdatedTimestamp", "StateChangeTime"):
        assert told.pop(instant).endswith("+0000")
    assert told.pop("ActionExecutedAfterMuteWindow", False) is False
    assert told == {
        "AWSAccountId": ACCOUNT, "AlarmActions": [topic], "AlarmArn": alarm["AlarmArn"],
        "AlarmDescription": "d", "AlarmName": name, "InsufficientDataActions": [], "OKActions": [],
        "NewStateReason": "because", "NewStateValue": "ALARM", "OldStateValue": "INSUFFICIENT_DATA",
        "Region": aws.region_name,
        "Trigger": {
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Dimensions": [],
            "EvaluateLowSampleCountPercentile": "", "EvaluationPeriods": 1, "MetricName": "M",
            "Namespace": "N", "Period": 60, "Statistic": "SUM", "StatisticType": "Statistic",
            "Threshold": 1.0, "TreatMissingData": "ignore", "Unit": None,
        },
    }  # fmt: skip


@case
def a_disabled_alarm_tells_nobody(aws: Aws) -> None:
    topic, url = aws.topic_to_queue()
    name = aws.alarm(AlarmActions=[topic], TreatMissingData="ignore")["AlarmName"]
    aws.cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert aws.alarm_named(name)["ActionsEnabled"] is False
    aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="because")
    assert aws.alarm_named(name)["StateValue"] == "ALARM"
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=url)
    aws.cloudwatch.enable_alarm_actions(AlarmNames=[name])
    assert aws.alarm_named(name)["ActionsEnabled"] is True


@case
def missing_data_can_breach(aws: Aws) -> None:
    name = aws.alarm(EvaluationPeriods=2, TreatMissingData="breaching")["AlarmName"]
    aws.advance(180)
    found = aws.alarm_named(name)
    assert found["StateValue"] == "ALARM"
    assert found["StateReason"] == (
        "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were"
        " treated as [Breaching]."
    )
    data = json.loads(found["StateReasonData"])
    assert len(data.pop("evaluatedDatapoints")) == 2
    assert data.pop("queryDate").endswith("+0000")
    assert data == {
        "version": "1.0", "statistic": "Sum", "period": 60, "recentDatapoints": [],
        "threshold": 1.0,
    }  # fmt: skip


def _alarm_on_lines(aws: Aws) -> str:
    """Create an alarm on the lines of a group, and put a line; return the alarm's name."""
    group = aws.group(stream="s")
    _metric_filter(aws, group, filterPattern="")
    name = aws.alarm(Namespace=group, MetricName="m-f", TreatMissingData="ignore")["AlarmName"]
    aws.put(group, "s", aws.now())
    aws.advance(60)
    return str(name)


@case
def a_datapoint_over_the_threshold_is_the_reason(aws: Aws) -> None:
    found = aws.alarm_named(_alarm_on_lines(aws))
    assert found["StateValue"] == "ALARM"
    reason = found["StateReason"]
    assert reason.startswith("Threshold Crossed: 1 datapoint [1.0 (")
    assert reason.endswith(")] was greater than or equal to the threshold (1.0).")
    data = json.loads(found["StateReasonData"])
    [point] = data["evaluatedDatapoints"]
    assert (point["sampleCount"], point["value"]) == (1.0, 1.0)
    assert data["recentDatapoints"] == [1.0]
    assert data["startDate"].endswith("+0000")


@case
def an_alarms_history_says_how_it_changed(aws: Aws) -> None:
    name = _alarm_on_lines(aws)
    found = aws.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")
    [item] = found["AlarmHistoryItems"]
    assert item["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert item["AlarmName"] == name
    data = json.loads(item["HistoryData"])
    assert data["oldState"] == {
        "stateValue": "INSUFFICIENT_DATA",
        "stateReason": "Unchecked: Initial alarm creation",
    }
    assert data["newState"]["stateValue"] == "ALARM"
    assert data["newState"]["stateReasonData"]["recentDatapoints"] == [1.0]


@case
def an_alarm_is_found_by_its_metric(aws: Aws) -> None:
    alarm = aws.alarm(MetricName="unique")
    found = aws.cloudwatch.describe_alarms_for_metric(MetricName="unique", Namespace="N")
    assert [each["AlarmName"] for each in found["MetricAlarms"]] == [alarm["AlarmName"]]


@case
def an_alarm_has_tags(aws: Aws) -> None:
    arn = aws.alarm(Tags=[{"Key": "a", "Value": "1"}])["AlarmArn"]
    aws.cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    aws.cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    found = aws.cloudwatch.list_tags_for_resource(ResourceARN=arn)
    assert found["Tags"] == [{"Key": "b", "Value": "2"}]


# ── Lambda ─────────────────────────────────────────────────────────────────────────────────────


@case
def a_functions_failure_is_in_its_answer(aws: Aws) -> None:
    name = aws.function()
    answer = getattr(aws, "lambda").invoke(FunctionName=name, Payload='{"raise_error": 1}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["ExecutedVersion"] == "$LATEST"
    told = json.loads(answer["Payload"].read())
    assert UUID(told.pop("requestId"))
    [trace] = told.pop("stackTrace")
    assert 'handler.py", line' in trace
    assert told == {"errorMessage": "on purpose", "errorType": "Exception"}


@case
def a_functions_log_is_lambdas(aws: Aws) -> None:
    name = aws.function()
    getattr(aws, "lambda").invoke(FunctionName=name, Payload='{"raise_error": 1}')
    found = aws.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = "\n".join(event["message"].rstrip("\n") for event in found).split("\n")
    start, printed, logged, failed, traceback, *_trace, end = [
        line for line in lines if not line.startswith(("INIT_START", "REPORT"))
    ]
    assert start.startswith("START RequestId: ")
    assert printed == "printed"
    level, instant, request_id, text = logged.split("\t")
    assert (level, text) == ("[WARNING]", "logged")
    assert instant.endswith("Z")
    assert start == f"START RequestId: {request_id} Version: $LATEST"
    assert failed == "[ERROR] Exception: on purpose"
    assert traceback == "Traceback (most recent call last):"
    assert end == f"END RequestId: {request_id}"


@case
def what_fails_three_times_goes_to_the_dead_letter_queue(aws: Aws) -> None:
    url, arn = aws.queue()
    name = aws.function(DeadLetterConfig={"TargetArn": arn})
    getattr(aws, "lambda").invoke(
        FunctionName=name, Payload='{"raise_error": 1}', InvocationType="Event"
    )
    aws.advance(60)
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=url)
    aws.advance(300)
    message = aws.message(url)
    assert json.loads(message["Body"]) == {"raise_error": 1}
    attributes = message["MessageAttributes"]
    assert attributes.pop("RequestID")["StringValue"]
    assert attributes == {
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "on purpose"},
    }


@case
def a_functions_configuration_holds_its_dead_letter_queue(aws: Aws) -> None:
    _, arn = aws.queue()
    name = aws.function(DeadLetterConfig={"TargetArn": arn})
    found = getattr(aws, "lambda").get_function_configuration(FunctionName=name)
    assert found["DeadLetterConfig"] == {"TargetArn": arn}
    assert found["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}


@case
def a_permission_is_a_statement_in_awss_form(aws: Aws) -> None:
    name = aws.function()
    source = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/g:*"
    answer = getattr(aws, "lambda").add_permission(
        FunctionName=name, StatementId="logs", Action="lambda:InvokeFunction",
        Principal=f"logs.{REGION}.amazonaws.com", SourceArn=source, SourceAccount=ACCOUNT,
    )  # fmt: skip
    assert json.loads(answer["Statement"]) == {
        "Sid": "logs", "Effect": "Allow", "Action": "lambda:InvokeFunction",
        "Principal": {"Service": f"logs.{REGION}.amazonaws.com"}, "Resource": aws.function_arn(name),
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": source},
        },
    }  # fmt: skip


# ── SNS ────────────────────────────────────────────────────────────────────────────────────────


def _told_function(aws: Aws, *, redrive: str = "", allowed: bool = True) -> tuple[str, str]:
    """Subscribe a function to a topic; return the ARNs of the topic and the subscription."""
    name = aws.function()
    topic = aws.sns.create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
    if allowed:
        getattr(aws, "lambda").add_permission(
            FunctionName=name, StatementId="sns", Action="lambda:InvokeFunction",
            Principal="sns.amazonaws.com", SourceArn=topic,
        )  # fmt: skip
    attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": redrive})} if redrive else {}
    subscription = aws.sns.subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=aws.function_arn(name), Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]  # fmt: skip
    return topic, subscription


@case
def a_topic_that_may_not_invoke_sends_to_its_dead_letter_queue(aws: Aws) -> None:
    url, arn = aws.queue()
    topic, _ = _told_function(aws, redrive=arn, allowed=False)
    statement = {
        "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn,
        "Principal": {"Service": "sns.amazonaws.com"},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    aws.sns.publish(TopicArn=topic, Message="hello")
    aws.advance(0)
    body = json.loads(aws.message(url)["Body"])
    assert body.keys() >= {
        "Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL",
    }  # fmt: skip
    assert (body["Type"], body["Message"], body["TopicArn"]) == ("Notification", "hello", topic)


@case
def a_subscriptions_redrive_policy_can_be_read(aws: Aws) -> None:
    _, arn = aws.queue()
    _, subscription = _told_function(aws, redrive=arn)
    found = aws.sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert json.loads(found["RedrivePolicy"]) == {"deadLetterTargetArn": arn}
    assert (found["Protocol"], found["PendingConfirmation"]) == ("lambda", "false")


@case
def a_topics_first_policy_is_its_owners(aws: Aws) -> None:
    topic = aws.sns.create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
    found = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    policy = json.loads(found["Policy"])
    assert policy["Id"] == "__default_policy_ID"
    [statement] = policy["Statement"]
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}


# ── CloudFormation ─────────────────────────────────────────────────────────────────────────────


def _stack(aws: Aws, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> Any:
    name = f"s-{uuid4().hex[:8]}"
    body = {"Resources": resources}
    if outputs:
        body["Outputs"] = {key: {"Value": value} for key, value in outputs.items()}
    aws.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body))
    [stack] = aws.cloudformation.describe_stacks(StackName=name)["Stacks"]
    return stack


def _outputs(stack: Any) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


@case
def a_stack_makes_a_log_group_with_its_retention(aws: Aws) -> None:
    name = f"/g/{uuid4().hex[:8]}"
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": 731}}  # fmt: skip
    stack = _stack(aws, {"G": group}, {"Name": {"Ref": "G"}, "Arn": {"Fn::GetAtt": ["G", "Arn"]}})
    [found] = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert found["retentionInDays"] == 731
    assert _outputs(stack) == {
        "Name": name,
        "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*",
    }


@case
def a_stack_whose_log_group_exists_is_rolled_back(aws: Aws) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": aws.group()}}
    assert _stack(aws, {"G": group})["StackStatus"] == "ROLLBACK_COMPLETE"


@case
def a_stack_makes_an_alarm(aws: Aws) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Statistic": "Sum",
            "MetricName": "m", "Namespace": "n", "Period": 60, "Threshold": 1,
        },
    }  # fmt: skip
    outputs = _outputs(
        _stack(aws, {"A": alarm}, {"Name": {"Ref": "A"}, "Arn": {"Fn::GetAtt": ["A", "Arn"]}})
    )
    assert outputs["Arn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{outputs['Name']}"
    assert aws.alarm_named(outputs["Name"])["StateValue"] == "INSUFFICIENT_DATA"


@case
def a_topic_whose_policy_goes_has_its_first_one_again(aws: Aws) -> None:
    name = f"s-{uuid4().hex[:8]}"
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}}
    statement = {"Effect": "Allow", "Action": "sns:Publish", "Principal": {"AWS": "*"}, "Resource": "*"}  # fmt: skip
    policy = {
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {
            "Topics": [{"Ref": "T"}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }
    stacks = aws.cloudformation
    both, one = {"Resources": {"T": topic, "P": policy}}, {"Resources": {"T": topic}}
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(both))
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"

    def current() -> Any:
        attributes = aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        return json.loads(attributes["Policy"])

    assert current()["Statement"] == [statement]
    stacks.update_stack(StackName=name, TemplateBody=json.dumps(one))
    assert current()["Id"] == "__default_policy_ID"
