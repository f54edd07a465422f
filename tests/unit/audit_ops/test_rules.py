"""The `audit rules` commands."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from audit_ops.cli import main
from audit_rules import load_config

ROOT = Path(__file__).parents[3]
RECORD = {
    "event": {"action": "user-updated"},
    "changes": {"record_type": "user", "fields": {"mfa_phone": "updated", "a": {"b c": "added"}}},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a copy of the real configuration, to be changed."""
    path = tmp_path / "audit.toml"
    path.write_text((ROOT / "audit.toml").read_text())
    return path


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, ["rules", *arguments], input=typed)


def broken(config: Path, old: str, new: str) -> str:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    return str(config)


def test_our_own_rules_pass(config: Path) -> None:
    assert run("check", "--config", str(config)).output == (
        "5 rules, 10 examples: 0 errors, 0 warnings\n"
    )
    tested = run("test", "--config", str(config))
    assert (tested.exit_code, tested.output.splitlines()[-1]) == (0, "10 examples, 0 failed")


def test_what_never_rings_fails_the_check(config: Path) -> None:
    path = broken(config, '$.event.outcome = "failure"', '$.event.outcome = "failed"')
    checked = run("check", "--config", path)
    assert checked.exit_code == 1
    assert checked.output.startswith(
        'error   rule "repeated-failed-logins": pattern, column 31: $.event.outcome is never "failed";'
    )


def test_an_example_that_fails_is_shown_with_its_pattern(config: Path, tmp_path: Path) -> None:
    path = broken(config, "refunded >= 1000", "refunded > 1000")
    report = tmp_path / "junit.xml"
    tested = run("test", "--config", path, "--junit", str(report))
    assert tested.exit_code == 1
    assert "FAILED  a thousand: does not match; it must match: { $.event.action" in tested.output
    suite = ET.fromstring(report.read_text())
    assert (suite.get("tests"), suite.get("failures")) == ("10", "1")
    (failure,) = suite.iter("failure")
    assert failure.get("message") == (
        'rule "large-refund": example "a thousand" must match, but does not;'
        " correct the rule or the example"
    )


def test_a_rule_in_words(config: Path) -> None:
    said = run("explain", "large-refund", "--config", str(config)).output
    assert 'event.action is "order-refunded" and changes.after.refunded is at least 1000' in said
    assert "finance-slack (slack), finance-email (email)" in said
    assert '"refunded": 1000' in said
    wrong = run("explain", "large-refunds", "--config", str(config))
    assert (wrong.exit_code, "did you mean 'large-refund'?" in wrong.output) == (2, True)


def test_the_kinds_of_a_rule_are_explained_once(config: Path) -> None:
    said = run("explain", "payout-account-changed", "--config", str(config)).output
    condition = 'changes.record_type is "payout_account" and changes.fields.iban is there'
    assert f"Matches a record when {condition}.\nAnd only when the operation is a change:" in said
    path = broken(
        config, 'changed = ["iban"]', 'actions = ["x"]\nkinds = ["creation", "change", "deletion"]'
    )
    said = run("explain", "payout-account-changed", "--config", path).output
    assert 'and event.action is "x".\n' in said


def test_a_pattern_that_can_be_shorter_is_shown_so(config: Path) -> None:
    path = broken(config, '{ $.event.action = "login" &&', '{ (($.event.action = "login")) &&')
    said = run("explain", "repeated-failed-logins", "--config", path).output
    assert '\nshorter   { $.event.action = "login" && $.event.outcome = "failure" }\n' in said
    assert "3 such records within 5 minutes are notified, each of them; fewer are not." in said


def test_a_rule_begun_with_a_record_passes_its_own_test(config: Path) -> None:
    begun = run("new", "--config", str(config), typed=json.dumps(RECORD) + "\n")
    assert begun.exit_code == 0
    (rule,) = tomllib.loads(begun.output)["rules"]
    assert rule["when"] == {"actions": ["user-updated"], "changed": ["a.b c", "mfa_phone"]}
    config.write_text(config.read_text() + "\n" + begun.output)
    assert run("test", "--config", str(config)).exit_code == 0
    assert run("check", "--config", str(config)).exit_code == 0


def test_what_a_program_prints_begins_a_rule_and_its_action(config: Path) -> None:
    program = """
import audit_lib
logger = audit_lib.get_logger("shop")
print("Listening on port 8000")
logger.audit.record_deleted("Limit gone", "credit_limit", {"limit": 5}, record_id=9)
logger.audit.event("Signed in", action="login", category="authentication", type="start")
"""
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    begun = run("new", "--config", str(config), typed=printed.stdout)
    read = tomllib.loads(begun.output)
    assert read["actions"] == {
        "credit_limit-deleted": {
            "sentence": "{actor} deleted {record}", "category": ["database"], "type": ["change"],
        }
    }  # fmt: skip
    assert read["rules"][0]["when"] == {"actions": ["credit_limit-deleted"], "changed": ["limit"]}
    config.write_text(config.read_text() + "\n" + begun.output)
    assert run("check", "--config", str(config)).output == (
        "6 rules, 12 examples: 0 errors, 0 warnings\n"
    )
    assert run("test", "--config", str(config)).exit_code == 0


@pytest.mark.parametrize("outcome", ["failure", "unknown"])
def test_a_rule_begun_with_a_failed_sign_in_does_not_match_the_others(
    outcome: str, config: Path
) -> None:
    event = {"action": "login", "outcome": outcome, "reason": "wrong password"}
    begun = run("new", "--config", str(config), typed=json.dumps({"event": event}))
    read = tomllib.loads(begun.output)["rules"][0]
    assert read["when"] == {"actions": ["login"], "outcomes": [outcome]}
    assert [each["record"]["event"] for each in read["examples"]] == [
        event, {"action": "login", "outcome": "success"},
    ]  # fmt: skip
    config.write_text(config.read_text() + "\n" + begun.output)
    rule = load_config(config).rule("login")
    assert rule.matches(json.dumps({"event": event}))
    assert not rule.matches(json.dumps({"event": event | {"outcome": "success"}}))
    assert run("test", "--config", str(config)).exit_code == 0


def test_a_failed_change_keeps_its_fields_and_its_outcome(config: Path) -> None:
    record = {**RECORD, "event": {"action": "user-updated", "outcome": "failure"}}
    begun = run("new", "--config", str(config), typed=json.dumps(record))
    assert tomllib.loads(begun.output)["rules"][0]["when"] == {
        "actions": ["user-updated"],
        "outcomes": ["failure"],
        "changed": ["a.b c", "mfa_phone"],
    }


def test_a_rule_for_an_action_alone_says_that_it_matches_each_of_its_records(config: Path) -> None:
    for outcome, every in (("success", True), ("failure", False)):
        record = {"event": {"action": "login", "outcome": outcome}}
        begun = run("new", "--config", str(config), typed=json.dumps(record))
        assert ("# Matches every record of this action" in begun.output) is every


def test_a_chain_alone_begins_no_rule(config: Path) -> None:
    line = json.dumps({"event": {"action": "audit-chain-opened"}})
    begun = run("new", "--config", str(config), typed=f"{line}\n{line}\n")
    assert (begun.exit_code, "no record of an application" in begun.output) == (1, True)


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\u202e", "\x9b31m", "\U000e0001", '"\n[[rules]]\nid = "x"', "\x7f"]
)
def test_a_hostile_record_gives_no_orders_to_terminal_or_file(hostile: str, config: Path) -> None:
    record = {"event": {"action": hostile}, "changes": {"fields": {hostile: "added"}}}
    begun = run("new", "--config", str(config), typed=json.dumps(record))
    assert begun.output.replace("\n", "").isprintable()
    (rule,) = tomllib.loads(begun.output)["rules"]
    assert rule["when"]["actions"] == [hostile]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("no json", "is not JSON"), ("[]", "no event.action"), ("{}", "no event.")],
)
def test_a_line_that_is_no_record_is_refused(line: str, complaint: str, config: Path) -> None:
    begun = run("new", "--config", str(config), typed=line)
    assert (begun.exit_code, complaint in begun.output) == (1, True)


def test_a_preview_is_what_the_reader_will_see(config: Path, tmp_path: Path) -> None:
    path = broken(
        config,
        'order-refunded"\nrecord.user.name = "Ana',
        'order-refunded"\nrecord.user.name = "<b>Ana</b>',
    )
    shown = run("preview", "large-refund", "--config", path, "--output", str(tmp_path))
    assert shown.exit_code == 0, shown.output
    assert "Large refund" in shown.output
    assert "refunded Order 311; 1000 are refunded by now" in shown.output
    page = (tmp_path / "large-refund.html").read_text()
    assert 'class="slack"' in page
    assert "<iframe sandbox srcdoc=" in page
    assert "<b>Ana</b>" not in page
    assert shown.output.count("── finance-") == page.count("<h2>finance-") == 2


def test_a_preview_needs_an_example(config: Path) -> None:
    path = broken(config, 'name = "a thousand"\nmatches = true', 'name = "x"\nmatches = false')
    shown = run("preview", "large-refund", "--config", path)
    assert (shown.exit_code, "has no matching example" in shown.output) == (1, True)
