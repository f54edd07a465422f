"""`audit demo` as a new user runs it, and its report of differences from the scenario."""

import email
import email.policy
import json
import os
import subprocess
from pathlib import Path

import pytest

from audit_ops.demo.report import DemoResult
from audit_ops.demo.run import _problems
from audit_ops.demo.scenario import SCENARIO
from audit_rules import load_config
from local_cloud.receivers.slack import SlackReceiver

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("build") / "demo"
    done = subprocess.run(
        [ROOT / ".venv/bin/audit", "demo", "--once", "--output", output],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
        env=os.environ | {"COLUMNS": "120"},
    )  # fmt: skip
    return output, done


def test_the_demo_ends_well_and_its_numbers_are_the_storys(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, done = run
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((output / "summary.json").read_text())
    assert (
        summary["emitted"]
        == summary["audit_records"]
        == sum(step.records for step in SCENARIO)
        == 13
    )
    assert summary["lines"] > summary["emitted"]
    assert summary["rules_notified"] == sorted({step.rule for step in SCENARIO if step.rule})
    assert summary["notifications"] == 14
    assert "14 notifications, each sent once" in done.stdout


def one(output: Path, name: str) -> Path:
    """Return the only file of a name after its number; between channels, the order is any."""
    [found] = output.glob(f"??-{name}")
    return found


def test_the_messages_are_what_a_business_person_reads(
    run: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    output, _ = run
    slack = one(output, "slack-payout-account-changed.json").read_text()
    assert "Max Weber changed where the money of Payout account PA-9 goes" in slack
    assert "Fish &amp; Chips &lt;Harbour&gt;" in slack
    assert r"`ES9121000418450200051332`\n→ `DE89370400440532013000`" in slack
    refund = one(output, "slack-large-refund.json").read_text()
    assert "&lt;!channel&gt; *urgent* refund" in refund
    assert "<!channel>" not in refund
    mail = email.message_from_bytes(
        one(output, "email-payout-account-changed.eml").read_bytes(), policy=email.policy.default
    )
    assert mail["Subject"] == "[High] Payout account changed: Payout account PA-9"
    assert mail["To"] == "finance@example.com"
    assert "ES9121000418450200051332" in mail.get_body(("plain",)).get_content()
    assert "Chips &lt;Harbour&gt;" in mail.get_body(("html",)).get_content()
    assert "iframe sandbox" in (output / "index.html").read_text()


def test_a_run_that_is_not_as_expected_is_told() -> None:
    step = SCENARIO[3]
    result = DemoResult(
        steps=[(step, 2, 0, [])], lines=2, emitted=0, audit_records=1, matched={}, notifications=[]
    )
    channels = [("mfa-phone-changed", "security-email"), ("mfa-phone-changed", "security-slack")]
    assert _problems(result, load_config(ROOT / "audit.toml")) == [
        f"step {step.title!r}: found 0 audit records, expected 1",
        "the log group /audit/records has 1 audit records, the application emitted 0",
        f"step {step.title!r}: found the notifications [], expected {channels} (rule, channel)",
    ]


def test_the_preview_shows_hostile_text_as_text() -> None:
    text = "*b* `<i>&lt;script&gt;` &amp;lt; <https://a.example/?x=1&amp;y=2|go> \"'"
    html = SlackReceiver.html(
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]}
    )
    assert "<script>" not in html
    assert "<b>b</b>" in html
    assert "<code>&lt;i&gt;&lt;script&gt;</code>" in html
    assert "&amp;lt;" in html
    assert '<a href="https://a.example/?x=1&amp;y=2">go</a>' in html
