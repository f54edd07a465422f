"""Every type checker refuses each line of `misuse.py`.

mypy and pyright report a `type: ignore` that is not needed, in `make lint`. pyrefly and ty check a copy
without these comments here, and have to report each line.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MISUSE = (ROOT / "tests" / "typing" / "misuse.py").read_text()
LINES = {
    number
    for number, line in enumerate(MISUSE.splitlines(), 1)
    if line.rpartition("#")[2].startswith(" type: ignore[")
}
CHECKERS = {
    "pyrefly": ["check", "--output-format", "json", "--config", str(ROOT / "pyproject.toml")],
    "ty": ["check", "--output-format", "gitlab", "--extra-search-path", str(ROOT)],
}


def reported(checker: str, path: Path) -> set[int]:
    """Return the lines of a file in which a checker finds an error."""
    command = [str(Path(sys.executable).with_name(checker)), *CHECKERS[checker], path.name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    if checker == "pyrefly":
        return {each["line"] for each in found["errors"]}
    return {each["location"]["positions"]["begin"]["line"] for each in found}


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_line_of_misuse_is_refused(checker: str, tmp_path: Path) -> None:
    assert len(LINES) > 25
    path = tmp_path / "misuse.py"
    path.write_text("\n".join(line.partition("  #")[0] for line in MISUSE.splitlines()))
    assert reported(checker, path) == LINES


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_line_that_is_correct_is_not_reported(checker: str, tmp_path: Path) -> None:
    path = tmp_path / "use.py"
    path.write_text(
        "import audit_lib\naudit = audit_lib.get_logger('shop').audit\n"
        "audit.event('In', action='login', outcome='failure')\n"
        "audit.event('In', action='login', outcome='failed')\n"
    )
    assert reported(checker, path) == {4}
