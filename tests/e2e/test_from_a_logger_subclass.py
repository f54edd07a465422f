"""`docs/from-a-logger-subclass.md`: the page's program does what the page describes."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "from-a-logger-subclass.md").read_text()


def test_the_pages_program_writes_what_the_old_class_wrote(tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "application.py").write_text(program)
    run = subprocess.run(
        [sys.executable, "application.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    [ordinary] = map(json.loads, run.stderr.splitlines())
    assert (ordinary["message"], ordinary["log"]["logger"]) == ("An ordinary line", "__main__")
    records = [json.loads(line) for line in run.stdout.splitlines() if line]
    simple, changed = (r for r in records if r["log"]["logger"] == "__main__.audit")
    assert simple["Extra info"] == "is passed in extra"
    assert simple["error"]["stack_trace"].startswith("Stack (most recent call last):")
    assert changed["message"] == "Edit made to MFA information"
    assert changed["changes"]["record_type"] == "user"
    assert changed["changes"]["before"] == {"phone": "+1234567890"}
    assert changed["changes"]["after"] == {"phone": "+19876543210"}
    assert changed["log"]["origin"]["file"]["name"] == "application.py"
    for field in ("@timestamp", "log.level", "message", "ecs.version", "process"):
        assert field in changed
