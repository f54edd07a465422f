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
