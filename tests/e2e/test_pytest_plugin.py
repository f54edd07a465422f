"""The pytest fixtures of the `ops` extra, as a team's tests use them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TESTS = """
import json, os, subprocess, sys, urllib.request

LINE = {
    "log": {"logger": "shop.audit"}, "message": "changed",
    "event": {"id": "one", "action": "user-updated"},
    "changes": {"record_type": "user", "record_id": "7", "fields": {"mfa_phone": "updated"}},
}

def test_a_changed_phone_is_told(audit_trail):
    audit_trail.put_lines("/app/shop", ["ordinary", json.dumps(LINE)])
    [slack] = audit_trail.notifications("security-slack")
    [mail] = audit_trail.notifications("security-email")
    assert slack["channel"] == "security-slack"
    assert "MFA phone number changed" in slack["message"]["text"]
    assert mail["to"] == "security@example.com"
    audit_trail.fault(service="slack", answer=403)  # ends with the test

def test_the_next_test_begins_in_peace(audit_trail):
    assert audit_trail.notifications() == []
    again = LINE | {"event": {"id": "two", "action": "user-updated"}}
    audit_trail.put_lines("/app/shop", [json.dumps(again)])
    assert len(audit_trail.notifications()) == 2

def test_a_record_is_told_once_after_slack_was_down(audit_trail):
    with audit_trail.fault(service="slack", answer=503, seconds=600):
        later = LINE | {"event": {"id": "three", "action": "user-updated"}}
        audit_trail.put_lines("/app/shop", [json.dumps(later)])
        assert audit_trail.notifications("security-slack") == []
        audit_trail.cloud.advance(1800)
    assert len(audit_trail.notifications("security-slack")) == 1

def test_another_process_reaches_the_cloud(audit_trail):
    program = "import boto3; print(boto3.client('logs').describe_log_groups()['logGroups'])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "/audit/records" in found.stdout

def test_elsewhere_nothing_of_it_is_set():
    assert "AWS_ENDPOINT_URL" not in os.environ
"""


def run(folder: Path, app: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_shop.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(f"[pytest]\naudit_app = {app}\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_team_tests_its_own_trail(tmp_path: Path) -> None:
    outcome = run(tmp_path, ROOT)
    assert "5 passed" in outcome.stdout, outcome.stdout


def test_without_a_cdk_app_the_fixture_says_so(tmp_path: Path) -> None:
    outcome = run(tmp_path, tmp_path)
    assert "run `audit` in the folder of a CDK app, or set audit_app to it" in outcome.stdout
    assert "4 errors" in outcome.stdout
