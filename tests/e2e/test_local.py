"""`audit local`: a cloud as a server, the CDK CLI, and a program that has only its address."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest

from tests.cdk import run_cdk

ROOT = Path(__file__).parents[2]


def audit(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "audit_ops", *arguments],
        cwd=ROOT, text=True, timeout=timeout, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def ask(port: str, what: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    request = urllib.request.Request(
        f"http://localhost:{port}/_cloud{what}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    return text if what == "" else json.loads(text)


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = str(free.getsockname()[1])
    started = audit("local", "up", "--detach", "--port", number)
    assert started.returncode == 0, started.stdout
    yield number
    audit("local", "down", "--port", number)


@pytest.fixture
def client(port: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A boto3 session that has only the cloud's address and credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "embedded")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "embedded")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return boto3.Session().client


def test_a_cloud_is_started_deployed_to_used_and_ended(port: str, client: Any) -> None:
    deployed = audit("local", "deploy", "--port", port)
    assert deployed.returncode == 0, deployed.stdout
    assert "audit: CREATE_COMPLETE" in deployed.stdout

    logs = client("logs")
    logs.create_log_stream(logGroupName="/app/shop", logStreamName="pod-1")
    record = {
        "log": {"logger": "shop.audit"},
        "message": "changed",
        "event": {"id": "e1", "action": "user-updated"},
        "changes": {"record_type": "user", "record_id": "7", "fields": {"mfa_phone": "updated"}},
    }
    now = int(1000 * time.time())
    event = {"timestamp": now, "message": json.dumps(record)}
    logs.put_log_events(logGroupName="/app/shop", logStreamName="pod-1", logEvents=[event])
    health = ask(port, "/settle", {})
    assert health["alarms"]["audit-mfa-phone-changed"] == "ALARM"
    assert health["log_groups"]["/audit/records"] > 1  # with those of what was told

    notified = ask(port, "/notifications")
    assert {(each["type"], each["channel"], each.get("to")) for each in notified} == {
        ("slack", "security-slack", None),
        ("email", "security-email", "security@example.com"),
    }
    assert ask(port, "/advance", {"seconds": 600})["alarms"]["audit-mfa-phone-changed"] == "OK"
    assert ask(port, "/notifications") == notified

    page = ask(port, "")
    assert "<h1>Embedded cloud</h1>" in page
    assert "audit-mfa-phone-changed: OK" in page

    again = audit("local", "deploy", "--port", port)
    assert "(no changes)" in again.stdout
    assert "Bootstrapping" not in again.stdout

    log = (ROOT / "build/local/up.log").read_text()
    assert "alarm audit-mfa-phone-changed: OK → ALARM" in log
    assert "mail to security@example.com: [High] MFA phone number changed: User 7" in log


def test_a_deploy_after_destroy_takes_over_the_records_and_their_key(
    port: str, client: Any
) -> None:
    """The audit group is retained and has a fixed name: a plain deployment would fail."""
    [before] = client("logs").describe_log_groups(logGroupNamePrefix="/audit/")["logGroups"]
    destroyed = run_cdk(
        f"http://localhost:{port}", "destroy", "--all", "--force", "--output", "build/local/gone"
    )
    assert destroyed.returncode == 0, destroyed.stdout
    assert "audit" not in ask(port, "/health")["stacks"]

    deployed = audit("local", "deploy", "--port", port)
    assert deployed.returncode == 0, deployed.stdout
    [after] = client("logs").describe_log_groups(logGroupNamePrefix="/audit/")["logGroups"]
    assert after["kmsKeyId"] == before["kmsKeyId"]
    assert after["storedBytes"] >= before["storedBytes"] > 0  # with those of what is told again
    found = client("cloudformation").list_stack_resources(StackName="audit")
    resources = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in found["StackResourceSummaries"]
    }
    assert resources["StoreRecords611269AC"] == "/audit/records"
    assert before["kmsKeyId"].endswith(resources["StoreKey7A3C02BD"])
    assert len(resources) > 40


def test_audit_deploy_says_first_what_it_makes_and_costs(port: str, client: Any) -> None:
    """`audit deploy` uses the endpoint of the environment."""
    announced = audit("deploy", "--plan")
    assert announced.returncode == 0, announced.stdout
    assert "account 123456789012, Region eu-west-1: update the stack" in announced.stdout
    assert "in total, without records" in announced.stdout


def test_audit_deploy_without_credentials_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    refused = audit("deploy", "--plan")
    assert refused.returncode == 1
    assert "the AWS account cannot be read: Unable to locate credentials" in refused.stdout


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Host": "evil.example"}, {}, 403),
        ({"Content-Type": "text/plain"}, {}, 415),
        ({}, {"seconds": -5}, 400),
        ({}, {}, 400),
    ],
)
def test_other_sites_cannot_ask_and_bad_requests_are_told(
    port: str, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    with pytest.raises(HTTPError) as refused:
        ask(port, "/advance", body, **headers)
    assert refused.value.code == status
    refused.value.close()


def test_what_cannot_be_done_is_told(port: str, tmp_path: Path) -> None:
    taken = audit("local", "up", "--port", port)
    assert taken.returncode == 1
    assert f"port {port}" in taken.stdout
    assert "audit local down" in taken.stdout
    bad = tmp_path / "audit.toml"
    bad.write_text("[audit]\nname = 7\n")
    refused = audit("local", "deploy", "--port", port, "--config", str(bad))
    assert refused.returncode == 1
    assert "audit.toml: 3 problems\n  - audit: name: found an integer" in refused.stdout


def test_without_a_cloud_the_commands_say_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = str(free.getsockname()[1])
        for command in ("deploy", "down"):
            refused = audit("local", command, "--port", number)
            assert refused.returncode == 1
            assert f"no embedded cloud responds on port {number}" in refused.stdout
