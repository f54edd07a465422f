"""What the embedded cloud does not do: run for web pages, reach elsewhere, overwrite, run twice."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from local_cloud import LocalCloud
from local_cloud.errors import AssemblyError, LocalCloudError

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
    ("file", "content"),
    [
        ("manifest.json", "{"),
        ("manifest.json", "[]"),
        ("manifest.json", '{"artifacts": {"S": {"type": "aws:cloudformation:stack"}}}'),
        ("S.assets.json", "{}"),
        ("S.assets.json", None),
        ("S.template.json", None),
    ],
)
def test_a_broken_assembly_is_named(
    cloud: LocalCloud, assemble: Deploy, file: str, content: str | None
) -> None:
    assembly = assemble({"G": {"Type": "AWS::Logs::LogGroup"}})
    if content is None:
        (assembly / file).unlink()
    else:
        (assembly / file).write_text(content)
    with pytest.raises(AssemblyError, match=r"cannot be read.*cdk synth"):
        cloud.deploy(assembly)


def test_stored_bytes_are_bytes(cloud: LocalCloud) -> None:
    logs: Any = cloud.client("logs")
    logs.create_log_group(logGroupName="/a")
    cloud.put_lines("/a", ["ü" * 10])
    [group] = logs.describe_log_groups()["logGroups"]
    assert group["storedBytes"] == 20
