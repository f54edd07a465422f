"""`audit_lib` installed without extras: what needs an extra names it, and the rest works."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT = "import sys; sys.modules.update(dict.fromkeys(['boto3', 'click', 'moto', 'rich']))\n"


def run(program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + program, *arguments],
        cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    outcome = run("from audit_ops.__main__ import main; main()", folder=tmp_path)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr == (
        "audit: click is not installed; install the extra of this command: pip install 'audit-lib[ops]'\n"
    )


def test_of_the_fixtures_one_works_and_one_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("""
import audit_lib

def test_records(audit_records):
    audit_lib.get_logger("shop").audit.record_created("Made", "user", {"name": "Ana"})
    assert audit_records.one(action="user-created")

def test_trail(audit_trail): ...
""")
    program = "import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"
    outcome = run(program, folder=tmp_path)
    assert "1 passed, 1 error" in outcome.stdout, outcome.stdout
    assert "install the extra of audit_trail: pip install 'audit-lib[ops]'" in outcome.stdout
    assert "Traceback" not in outcome.stdout
