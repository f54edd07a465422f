"""Each example, run as a new user runs it, shows what it claims."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import audit_lib

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(*arguments: str, folder: Path = EXAMPLES, status: int = 0) -> tuple[str, str]:
    # As in a new shell: no Region, and no pytest plugin of this run.
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=100, env=kept,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout, done.stderr


def records(name: str) -> list[dict[str, Any]]:
    lines = map(json.loads, filter(None, run(name)[0].splitlines()))
    return [line for line in lines if line["log"]["logger"] != "audit_lib.audit"]


def test_the_first_example_writes_its_three_lines() -> None:
    stdout, stderr = run("first_steps.py")
    ordinary = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - __main__ - INFO - An ordinary line: .*\n"
    assert re.fullmatch(ordinary, stderr)
    opened, simple, changed, sealed = map(json.loads, filter(None, stdout.splitlines()))
    assert opened["message"] == "Audit chain opened"
    assert sealed["message"] == "Audit chain sealed"
    assert audit_lib.verify(stdout.splitlines()).complete
    for line in (simple, changed):
        assert line["log"]["logger"] == "__main__.audit"
        assert line["log"]["origin"]["file"]["name"] == "first_steps.py"
        assert line["log"]["origin"]["function"] == "main"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["@timestamp"])
        assert line["log.level"] == "info"
        assert line["process"]["name"] == "MainProcess"
    assert simple["Extra info"] == "travels in extra"
    assert simple["error"]["stack_trace"].startswith("Stack (most recent call last):\n")
    assert changed["message"] == "Edit made to MFA information"
    assert changed["changes"]["before"] == {"phone": "+1234567890"}
    assert changed["changes"]["after"] == {"phone": "+19876543210"}
    assert changed["changes"]["record_type"] == "user"


def test_what_nobody_reads_waits_and_goes_out_in_order() -> None:
    _, said = run("delivery.py")
    assert [line for line in said.splitlines() if line.strip()] == [
        "read:", "    Audit chain opened", "    Order 1 paid",
        "waiting in the spool:", "    Order 2 paid",
        "refused, since it cannot be audited:",
        "    audit_lib: the record below could not be written to its stream:"
        " BrokenPipeError(32, 'Broken pipe')",
        "read after that:", "    Audit chain opened", "    Order 2 paid", "    Order 3 paid",
    ]  # fmt: skip


def test_sensitive_values_are_told_of_and_not_written() -> None:
    [record] = records("sensitive_values.py")
    text = json.dumps(record)
    secrets = ("swordfish", "hunter2!", "s3cret", "B-2", "Calle", "DE8937")
    assert [secret for secret in secrets if secret in text] == []
    assert record["changes"]["notes"] == {
        "iban": "masked", "password": "masked", "tax_id": "hashed", "home.street": "dropped",
        "$.message": "masked", "$.note": "masked",
    }  # fmt: skip
    assert record["changes"]["after"]["pin"] == "40.4,3.7"


def test_the_log_shows_what_was_done_to_it() -> None:
    verdicts = [line for line in run("proof.py")[0].splitlines() if not line.startswith(" ")]
    assert verdicts == [
        "unchanged: complete", "40 made 90: problems", "one line removed: problems",
        "its end removed: open end", "its end removed, with stored heads: problems",
        "as CloudWatch delivers it: complete",
    ]  # fmt: skip


def test_an_invocation_knows_its_caller_and_nothing_of_the_one_before() -> None:
    first, second = records("lambda_function.py")
    assert first["user"] == {"id": "7", "name": "Ana Souza"}
    assert "user" not in second
    assert second["source"] == {"ip": "203.0.113.9"}
    assert second["changes"]["before"] == first["changes"]["after"]


def test_models_are_audited_after_the_commit_alone() -> None:
    for name in ("orm_sqlalchemy.py", "orm_django.py"):
        created, *updated = records(name)
        assert created["event"]["action"] == "customer-created"
        assert [each["event"]["action"] for each in updated] == ["customer-updated"] * 2
        assert {each["user"]["name"] for each in (created, *updated)} == {"Ana Souza"}


def test_the_table_answers() -> None:
    said = [
        line.partition("Z ")[2] or line for line in run("history_in_dynamodb.py")[0].splitlines()
    ]
    assert said == [
        "what happened to order 1042:",
        "Ana Souza: Ordered {'total': 40, 'paid': False}", "Ana Souza: Paid {'paid': True}",
        "Max Weber: Refunded {'total': 0}",
        "what Max Weber did in the last 30 days:",
        "Max Weber: Refunded {'total': 0}", "Max Weber: Turnover of October exported ",
        "which reports were exported today:", "Max Weber: Turnover of October exported ",
    ]  # fmt: skip


def test_the_shops_own_tests_pass_and_the_coverage_names_what_they_missed() -> None:
    pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
    shop = EXAMPLES / "a_tested_shop"
    assert "2 passed" in run(*pytest, folder=shop)[0]
    said, _ = run(*pytest, "--audit-coverage", folder=shop, status=1)
    assert "UPDATE users (phone): audited" in said
    assert "UPDATE users (email): NOT AUDITED, in test_shop.py::test_a_changed_address" in said


def test_every_example_is_in_the_list() -> None:
    listed = (EXAMPLES / "README.md").read_text()
    there = {path.name for path in EXAMPLES.iterdir()} - {"README.md", "__pycache__"}
    assert {name for name in there if f"`{name}" not in listed} == set()
