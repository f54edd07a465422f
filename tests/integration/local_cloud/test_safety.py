"""What the embedded cloud does not do: run for web pages, reach elsewhere, overwrite, run twice."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from local_cloud import LocalCloud
from local_cloud.errors import AssemblyError, DeployError, LocalCloudError

Deploy = Callable[..., Path]


def status(url: str, **headers: str) -> int:
    request = urllib.request.Request(url, b"Action=ListTopics", headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/sns/aws4_request",
    "Content-Type": "application/x-www-form-urlencoded",
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "bucket.localhost:4599"}, 200),
    ],
)
def test_web_pages_are_refused_by_awss_apis(
    cloud: LocalCloud, headers: dict[str, str], expected: int
) -> None:
    """A page could create a function, whose code runs on this machine."""
    assert status(cloud.endpoint, **SIGNED, **headers) == expected


def test_an_endpoint_and_a_profile_of_the_shell_lead_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LOGS", "http://localhost:9")
    monkeypatch.setenv("AWS_PROFILE", "of-the-shell")
    import os

    import boto3

    with LocalCloud() as cloud:
        cloud.client("logs").create_log_group(logGroupName="/a")
        boto3.client("logs").create_log_group(logGroupName="/b")
        assert set(cloud.health()["log_groups"]) == {"/a", "/b"}
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9")  # as a fixture sets it
        assert cloud.client("sns").list_topics()["Topics"] == []
    assert os.environ["AWS_ENDPOINT_URL"] == "http://localhost:9"
    assert os.environ["AWS_PROFILE"] == "of-the-shell"


def test_a_second_cloud_in_the_process_is_refused_and_the_first_goes_on(cloud: LocalCloud) -> None:
    with pytest.raises(LocalCloudError, match="runs in this process already"), LocalCloud():
        pass
    cloud.client("logs").create_log_group(logGroupName="/a")
    assert set(cloud.health()["log_groups"]) == {"/a"}


def test_a_parameter_that_a_template_reads_is_not_overwritten(
    cloud: LocalCloud, assemble: Deploy
) -> None:
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/my/group", Value="/named", Type="String")
    assembly = assemble({"G": {"Type": "AWS::Logs::LogGroup", "Properties": {
        "LogGroupName": {"Ref": "Name"},
    }}})  # fmt: skip
    path = assembly / "S.template.json"
    kind = "AWS::SSM::Parameter::Value<String>"
    parameters = {
        "Name": {"Type": kind, "Default": "/my/group"},
        "BootstrapVersion": {"Type": kind, "Default": "/cdk-bootstrap/x/version"},
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | {"Parameters": parameters}))
    cloud.deploy(assembly)
    assert set(cloud.health()["log_groups"]) == {"/named"}
    assert ssm.get_parameter(Name="/my/group")["Parameter"]["Value"] == "/named"
    assert ssm.get_parameter(Name="/cdk-bootstrap/x/version")["Parameter"]["Value"] == "30"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("manifest.json", "{", "is not JSON in UTF-8: Expecting"),
        ("manifest.json", "[]", "does not have the structure of a cloud assembly"),
        (
            "manifest.json",
            '{"artifacts": {"S": {"type": "aws:cloudformation:stack"}}}',
            "the key 'properties' is missing",
        ),
        ("S.assets.json", "{}", "the key 'files' is missing"),
        ("S.assets.json", None, "cannot be read: No such file or directory"),
        ("S.template.json", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_broken_assembly_is_named(
    cloud: LocalCloud, assemble: Deploy, file: str, content: str | None, said: str
) -> None:
    assembly = assemble({"G": {"Type": "AWS::Logs::LogGroup"}})
    if content is None:
        (assembly / file).unlink()
    else:
        (assembly / file).write_text(content)
    with pytest.raises(AssemblyError, match=rf"/{file}: {said}.*cdk synth"):
        cloud.deploy(assembly)


@pytest.mark.parametrize(
    ("display_name", "said"),
    [
        (
            {"Fn::FindInMap": ["M", "a", "b"]},
            "T: Template error: Unable to get mapping for M::a::b",
        ),
        ({"Fn::Select": [1, ["a"]]}, "T: .* cannot select nonexistent value at index 1"),
    ],
)
def test_a_function_without_a_result_is_named(
    cloud: LocalCloud, assemble: Deploy, display_name: object, said: str
) -> None:
    resources = {"T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display_name}}}
    with pytest.raises(DeployError, match=f"^stack S: {said}"):
        cloud.deploy(assemble(resources))


def test_a_missing_property_is_named_and_an_output_without_a_value(
    cloud: LocalCloud, assemble: Deploy
) -> None:
    policy = {"Type": "AWS::SNS::TopicPolicy", "Properties": {"PolicyDocument": {}}}
    with pytest.raises(DeployError, match=r"^stack S: P: the key 'Topics' is missing$"):
        cloud.deploy(assemble({"P": policy}))
    assembly = assemble({"T": {"Type": "AWS::SNS::Topic"}})
    template = assembly / "S.template.json"
    body = json.loads(template.read_text()) | {"Outputs": {"O": {"Value": {"Ref": "Nowhere"}}}}
    template.write_text(json.dumps(body))
    with pytest.raises(
        DeployError, match=r"^stack S: Unresolved resource dependencies \[Nowhere\]"
    ):
        cloud.deploy(assembly)


def test_a_resource_without_a_type_and_a_condition_that_is_not_defined_are_named(
    cloud: LocalCloud, assemble: Deploy
) -> None:
    with pytest.raises(
        DeployError, match=r"/Resources/A\] Every Resources object must contain a Type"
    ):
        cloud.deploy(assemble({"A": {}}))
    with pytest.raises(DeployError, match="Unresolved condition dependency Nowhere"):
        cloud.deploy(assemble({"T": {"Type": "AWS::SNS::Topic", "Condition": "Nowhere"}}))


def test_stored_bytes_are_bytes(cloud: LocalCloud) -> None:
    logs: Any = cloud.client("logs")
    logs.create_log_group(logGroupName="/a")
    cloud.put_lines("/a", ["ü" * 10])
    [group] = logs.describe_log_groups()["logGroups"]
    assert group["storedBytes"] == 20
