"""Services, receivers and functions that fail because a test asks for it: `local_cloud/README.md`, Bad weather."""

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from moto.core.utils import get_service_model

from local_cloud import LocalCloud
from local_cloud.receivers.slack import SlackReceiver
from local_cloud.services.faults import error_of

CODE = """
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

def handler(groups, context):
    attempts = 1 + groups.count("again")
    logs = boto3.client("logs", config=Config(retries={"total_max_attempts": attempts}))
    said = []
    for name in groups[groups.count("again"):]:
        try:
            logs.create_log_group(logGroupName=name)
            said.append("created")
        except ClientError as error:
            said.append(error.response["Error"]["Code"])
        except BotoCoreError as error:
            said.append(type(error).__name__)
    return said
"""
NAMES = iter(f"/group/{number}" for number in range(1000))


class Receivers:
    """A Slack receiver, as the cloud knows it."""

    def __init__(self, slack: SlackReceiver) -> None:
        self.addresses = {"slack": slack.address}
        self.aws_calls = {"slack": None, "email": ("sesv2", "SendEmail")}

    def notifications(self) -> list[dict[str, Any]]:
        return []


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackReceiver]:
    with SlackReceiver() as slack:
        yield slack


@pytest.fixture(scope="module")
def running(slack: SlackReceiver) -> Iterator[LocalCloud]:
    with LocalCloud(receivers=Receivers(slack)) as cloud:
        slack.fault = lambda: cloud.faults.message("slack")
        iam = cloud.client("iam")
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        every = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        allowed = {"Version": "2012-10-17", "Statement": [every]}
        iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(allowed))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("app.py", CODE)
        cloud.client("lambda").create_function(
            FunctionName="f", Role=role, Handler="app.handler", Runtime="python3.13", Timeout=30,
            Code={"ZipFile": archive.getvalue()},
        )  # fmt: skip
        yield cloud


@pytest.fixture
def cloud(running: LocalCloud) -> Iterator[LocalCloud]:
    yield running
    running.faults.end_all()


def client(cloud: LocalCloud, service: str, *, over_http: bool) -> Any:
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, config=config, endpoint_url=cloud.endpoint if over_http else None)


def run(cloud: LocalCloud, *groups: str) -> list[str]:
    """Let the function create log groups; return what it got."""
    result = cloud.functions.invoke("f", groups)
    assert not result.failed, result
    said: list[str] = json.loads(result.payload)
    return said


def groups_of(cloud: LocalCloud) -> set[str]:
    return set(cloud.health()["log_groups"])


def ask(cloud: LocalCloud, method: str, body: Any = None, path: str = "/faults") -> Any:
    request = urllib.request.Request(
        f"{cloud.endpoint}/_cloud{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
    ("logs", "describe_log_groups", {}),
    ("sesv2", "get_account", {}),
    ("sns", "list_topics", {}),
    ("sqs", "list_queues", {}),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}),
    ("cloudwatch", "describe_alarms", {}),
    ("secretsmanager", "get_secret_value", {"SecretId": "s"}),
    ("lambda", "list_functions", {}),
    ("sts", "get_caller_identity", {}),
]


def codes_on_the_wire(service: str, code: str) -> set[str]:
    """Return an error's code, and the one by which protocols in XML send it."""
    model = get_service_model(service)
    shape = model.shape_for(code) if code in model.shape_names else None
    return {code, shape.metadata.get("error", {}).get("code", code) if shape else code}


@pytest.mark.parametrize("over_http", [False, True])
@pytest.mark.parametrize(("service", "operation", "given"), CALLS)
def test_an_answer_is_an_error_in_the_services_own_protocol(
    cloud: LocalCloud, service: str, operation: str, given: dict[str, Any], over_http: bool
) -> None:
    call = getattr(client(cloud, service, over_http=over_http), operation)
    name = "".join(part.capitalize() for part in operation.split("_"))
    for answer in (400, 403, 404, 429, 500, 503, "throttling"):
        with (
            cloud.faults.add(service=service, answer=answer, everybody=True, retry_after=7)  # type: ignore[arg-type]
            if answer in {429, 503, "throttling"}
            else cloud.faults.add(service=service, answer=answer, everybody=True),  # type: ignore[arg-type]
            pytest.raises(ClientError) as refused,
        ):
            call(**given)
        code, status = error_of(service, name, 429 if answer == "throttling" else int(answer))
        answered = refused.value.response
        metadata = answered["ResponseMetadata"]
        assert metadata["HTTPStatusCode"] == status
        assert answered["Error"]["Code"] in codes_on_the_wire(service, code)
        assert "a fault of the embedded cloud: " in answered["Error"]["Message"]
        has_header = answer in {429, 503, "throttling"}
        assert metadata["HTTPHeaders"].get("retry-after") == ("7" if has_header else None)


@pytest.mark.parametrize("over_http", [False, True])
def test_a_timeout_is_not_carried_out_and_late_is_and_neither_is_answered(
    cloud: LocalCloud, over_http: bool
) -> None:
    logs = client(cloud, "logs", over_http=over_http)
    for answer in ("timeout", "late"):
        name, began = next(NAMES), time.monotonic()
        with (
            cloud.faults.add(service="logs", answer=answer, everybody=True),  # type: ignore[arg-type]
            pytest.raises(ConnectionClosedError),
        ):
            logs.create_log_group(logGroupName=name)
        assert 0.1 <= time.monotonic() - began < 5
        assert (name in groups_of(cloud)) == (answer == "late")


def test_calls_of_functions_alone_are_affected_unless_it_is_everybody(cloud: LocalCloud) -> None:
    fault = cloud.faults.add(service="logs", answer=503)
    cloud.client("logs").create_log_group(logGroupName=next(NAMES))
    client(cloud, "logs", over_http=True).create_log_group(logGroupName=next(NAMES))
    assert fault.struck == 0
    assert run(cloud, next(NAMES)) == ["ServiceUnavailableException"]
    assert fault.struck == 1
    cloud.faults.end_all()
    assert run(cloud, next(NAMES)) == ["created"]


def test_a_function_gets_no_answer_to_a_call_that_is_carried_out_late(cloud: LocalCloud) -> None:
    first, second = next(NAMES), next(NAMES)
    with cloud.faults.add(service="logs", answer="late", count=1):
        assert run(cloud, first, second) == ["ConnectionClosedError", "created"]
    assert first in groups_of(cloud)


def test_only_the_operation_is_affected_if_there_is_one(cloud: LocalCloud) -> None:
    with cloud.faults.add(service="logs", operation="PutLogEvents", answer=500):
        assert run(cloud, next(NAMES)) == ["created"]
    with cloud.faults.add(service="logs", operation="CreateLogGroup", answer=500):
        assert run(cloud, next(NAMES)) == ["InternalFailure"]


def test_a_fault_ends_after_its_seconds_of_the_clouds_clock(cloud: LocalCloud) -> None:
    cloud.faults.add(service="logs", answer=500, seconds=600)
    cloud.advance(570)
    assert run(cloud, next(NAMES)) == ["InternalFailure"]
    cloud.advance(30)
    assert run(cloud, next(NAMES)) == ["created"]
    assert cloud.faults.as_json() == []


def test_a_fault_ends_after_its_count(cloud: LocalCloud) -> None:
    cloud.faults.add(service="logs", answer="throttling", count=2)
    names = [next(NAMES) for _ in range(3)]
    assert run(cloud, *names) == ["ThrottlingException", "ThrottlingException", "created"]


def test_a_fault_with_seconds_and_a_count_ends_with_the_first_of_both(cloud: LocalCloud) -> None:
    cloud.faults.add(service="logs", answer=500, seconds=600, count=1)
    cloud.faults.add(service="logs", answer=403, seconds=60, count=9)
    assert run(cloud, next(NAMES)) == ["InternalFailure"]
    cloud.advance(60)
    assert run(cloud, next(NAMES)) == ["created"]


def test_a_fault_without_an_end_stays_in_force_until_it_is_ended(cloud: LocalCloud) -> None:
    with cloud.faults.add(service="logs", answer=500) as fault:
        cloud.advance(3600)
        assert run(cloud, next(NAMES)) == ["InternalFailure"]
        assert cloud.faults.as_json() == [{"service": "logs", "answer": 500, "struck": 1}]
        fault.end()
        assert run(cloud, next(NAMES)) == ["created"]
        fault.end()  # does nothing
    again = cloud.faults.add(service="logs", answer=500)
    with again:
        pass
    assert cloud.faults.as_json() == []


def test_boto3_repeats_a_call_that_was_not_answered(cloud: LocalCloud) -> None:
    with cloud.faults.add(service="logs", answer="timeout", count=1) as fault:
        assert run(cloud, "again", next(NAMES)) == ["created"]
    assert fault.struck == 1


def test_the_first_of_two_faults_is_met_first(cloud: LocalCloud) -> None:
    cloud.faults.add(service="logs", answer=403, count=1)
    cloud.faults.add(service="logs", answer=503, count=1)
    names = [next(NAMES) for _ in range(3)]
    expected = ["AccessDeniedException", "ServiceUnavailableException", "created"]
    assert run(cloud, *names) == expected


def test_a_call_that_is_refused_anyway_meets_no_fault(cloud: LocalCloud) -> None:
    with (
        cloud.faults.add(service="dynamodb", answer=503, everybody=True) as fault,
        pytest.raises(ClientError, match="UnsupportedParameter"),
    ):
        cloud.client("dynamodb").create_table(
            TableName="t",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            TableClass="STANDARD",
        )
    assert fault.struck == 0


def test_the_clouds_own_calls_meet_no_fault(cloud: LocalCloud) -> None:
    """Such as those that write a function's log; an agent's `put_lines` is a call of the owner."""
    cloud.client("logs").create_log_group(logGroupName=(name := next(NAMES)))
    with cloud.faults.add(service="logs", answer=400, everybody=True) as fault:
        before = cloud.health()["log_groups"].get("/aws/lambda/f", 0)
        assert run(cloud, next(NAMES)) == ["InvalidParameterException"]
        assert cloud.health()["log_groups"]["/aws/lambda/f"] > before
        assert fault.struck == 1
        with pytest.raises(ClientError, match="a fault of the embedded cloud"):
            cloud.put_lines(name, ["line"])


def test_a_deployment_meets_no_fault(
    cloud: LocalCloud, assemble: Callable[[dict[str, Any]], Path]
) -> None:
    with cloud.faults.add(service="sns", answer=500, everybody=True) as fault:
        cloud.deploy(assemble({"T": {"Type": "AWS::SNS::Topic"}}))
    assert fault.struck == 0


# ── functions


def log_of(cloud: LocalCloud) -> str:
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    return "\n".join(event["message"] for event in events)


def test_an_invocation_with_an_error_fails_before_its_first_call(cloud: LocalCloud) -> None:
    with cloud.faults.add(function="f", answer="error", count=1) as fault:
        result = cloud.functions.invoke("f", [name := next(NAMES)])
        assert result.failed
        assert result.message == (
            "a fault of the embedded cloud: the invocation fails before its first call"
        )
        assert name not in groups_of(cloud)
        assert fault.struck == 1
        assert result.message in log_of(cloud)
        assert run(cloud, name) == ["created"]


@pytest.mark.parametrize("after", [False, True])
def test_a_function_is_killed_at_its_nth_call_before_or_after_it_is_carried_out(
    cloud: LocalCloud, after: bool
) -> None:
    names = [next(NAMES) for _ in range(3)]
    with cloud.faults.add(function="f", answer="killed", at_call=2, after=after) as fault:
        result = cloud.functions.invoke("f", names)
    assert result.failed
    assert result.message.endswith("Error: Runtime exited with error: signal: killed")
    assert [name in groups_of(cloud) for name in names] == [True, after, False]
    assert fault.struck == 1
    assert run(cloud, next(NAMES)) == ["created"]  # in a new process


def test_a_call_that_boto3_repeats_counts_again(cloud: LocalCloud) -> None:
    cloud.faults.add(service="logs", answer="throttling", count=1)
    with cloud.faults.add(function="f", answer="killed", at_call=2):
        assert cloud.functions.invoke("f", ["again", next(NAMES)]).failed


def test_an_invocation_with_fewer_calls_is_not_struck(cloud: LocalCloud) -> None:
    with cloud.faults.add(function="f", answer="killed", at_call=2) as fault:
        assert run(cloud, next(NAMES)) == ["created"]
        assert run(cloud, next(NAMES)) == ["created"]  # counted anew in each invocation
    assert fault.struck == 0


def test_a_timeout_of_a_function_lasts_until_its_timeout_on_the_clouds_clock(
    cloud: LocalCloud,
) -> None:
    before, name = cloud.clock.now(), next(NAMES)
    cloud.faults.add(function="f", answer="timeout", count=1)
    cloud.functions.invoke_later("f", [name])
    cloud.settle()
    assert 30 <= cloud.clock.now() - before < 59
    assert name not in groups_of(cloud)
    assert "Task timed out after 30.00 seconds" in log_of(cloud)
    cloud.advance(60)  # Lambda's retry
    assert name in groups_of(cloud)


def test_a_timeout_of_a_synchronous_invocation_ends_it_at_once(cloud: LocalCloud) -> None:
    began = cloud.clock.now()
    with cloud.faults.add(function="f", answer="timeout"):
        result = cloud.functions.invoke("f", [next(NAMES)])
    assert "Task timed out after 30.00 seconds" in result.message
    assert cloud.clock.now() - began < 25


def test_a_cloud_stops_without_waiting_for_functions_that_sleep() -> None:
    from local_cloud.services.clock import Clock
    from local_cloud.services.functions.sleepers import Sleepers

    sleepers = Sleepers(Clock())
    sleepers.stop()
    began = time.monotonic()
    sleepers.sleep(60)
    assert time.monotonic() - began < 10


# ── receivers


def posted(slack: SlackReceiver, text: str) -> tuple[int, str | None]:
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{slack.address}c", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, None
    except HTTPError as error:
        with error:
            return error.code, error.headers["Retry-After"]


def texts(slack: SlackReceiver) -> list[str]:
    return [post["text"] for post in slack.originals]


def test_slack_answers_as_a_fault_says_to_whoever_posts(
    cloud: LocalCloud, slack: SlackReceiver
) -> None:
    slack.received.clear()
    for answer in (400, 403, 404, 500, 503):
        with cloud.faults.add(service="slack", answer=answer):  # type: ignore[arg-type]
            assert posted(slack, "no") == (answer, None)
    with cloud.faults.add(service="slack", answer="throttling"):
        assert posted(slack, "no") == (429, "1")
    with cloud.faults.add(service="slack", answer=503, retry_after=30, count=1):
        assert posted(slack, "no") == (503, "30")
        assert posted(slack, "yes") == (200, None)
    assert texts(slack) == ["yes"]


def test_slack_accepts_what_it_answers_late_and_not_what_times_out(
    cloud: LocalCloud, slack: SlackReceiver
) -> None:
    slack.received.clear()
    for answer in ("timeout", "late"):
        with cloud.faults.add(service="slack", answer=answer), pytest.raises(RemoteDisconnected):  # type: ignore[arg-type]
            posted(slack, answer)
    assert texts(slack) == ["late"]


# ── over HTTP


def test_faults_are_made_listed_and_ended_over_http(cloud: LocalCloud) -> None:
    given = {"service": "logs", "answer": 503, "seconds": 600, "count": 3}
    [listed] = ask(cloud, "POST", given)
    assert listed == {**given, "struck": 0, "seconds_left": 600, "count_left": 3}
    assert run(cloud, next(NAMES)) == ["ServiceUnavailableException"]
    [listed] = ask(cloud, "GET")
    assert (listed["struck"], listed["count_left"]) == (1, 2)
    ask(cloud, "POST", {"function": "f", "answer": "killed", "at_call": 3})
    assert len(ask(cloud, "GET")) == 2
    assert ask(cloud, "DELETE") == []
    assert run(cloud, next(NAMES)) == ["created"]
    ask(cloud, "POST", given)
    assert ask(cloud, "POST", {"clear": True}) == []
    ask(cloud, "POST", given)
    ask(cloud, "POST", {"seconds": 600}, "/advance")
    assert ask(cloud, "GET") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"service": "slak", "answer": 503},
            "faults: service: the cloud does not serve 'slak'; did",
        ),
        (
            {"service": "slack", "answer": 503, "for": 9},
            "faults: for: a fault of slack has no such",
        ),
        ({"clear": True, "service": "slack", "answer": 503}, "faults: clear: a fault of slack has"),
        ({"clear": False}, "faults: service is missing"),
        ([503], "faults: found list, not a JSON object"),
    ],
)
def test_a_fault_that_is_not_understood_is_status_400_and_changes_nothing(
    cloud: LocalCloud, given: Any, said: str
) -> None:
    status, error = ask(cloud, "POST", given)
    assert status == 400
    assert said in error
    assert ask(cloud, "GET") == []


def test_only_faults_can_be_deleted(cloud: LocalCloud) -> None:
    status, error = ask(cloud, "DELETE", path="/health")
    assert status == 404
    assert error.endswith("DELETE /_cloud/faults")
