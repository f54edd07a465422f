"""The first example, run as a newcomer runs it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import audit_lib

EXAMPLE = Path(__file__).parents[2] / "examples" / "first_steps.py"


def test_the_first_example_writes_its_three_lines() -> None:
    run = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=True)
    ordinary = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - __main__ - INFO - An ordinary line: .*\n"
    assert re.fullmatch(ordinary, run.stderr)
    opened, simple, changed, sealed = map(json.loads, run.stdout.splitlines())
    assert opened["message"] == "Audit chain opened"
    assert sealed["message"] == "Audit chain sealed"
    assert audit_lib.verify(run.stdout.splitlines()).complete
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
