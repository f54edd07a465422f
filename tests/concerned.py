"""The unit tests that a change concerns: what `make check` runs.

A test is concerned if it is changed, imports what is changed in however many steps, reads the sources
themselves, or names a changed file that is not Python, such as `audit.toml`. What all tests share (`pyproject.toml`, a `conftest.py`) concerns
all. The change is what is not committed; where everything is, the last commit.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.imports import ROOT, dependents, imports, project_files

UNIT = ROOT / "tests" / "unit"
READ_SOURCES = {UNIT / name for name in ("test_docs.py", "test_layers.py", "test_reference.py")}
CONCERNS_ALL = {"pyproject.toml", "requirements.txt", "requirements-dev.txt"}


def changed_files() -> set[Path]:
    """Return what differs from the last commit; if nothing does, what the last commit changed."""
    files = _git("diff", "--name-only", "HEAD") + _git("ls-files", "-o", "--exclude-standard")
    return {ROOT / name for name in files or _git("diff", "--name-only", "HEAD~1", "HEAD")}


def concerned(changed: Iterable[Path]) -> list[Path]:
    """Return the unit test files that the change concerns, sorted."""
    changed = set(changed)
    tests = set(UNIT.rglob("test_*.py"))
    if any(path.name in CONCERNS_ALL or path.name == "conftest.py" for path in changed):
        return sorted(tests)
    graph = imports(project_files())
    found = tests & dependents(graph, {path for path in changed if path in graph})
    names = {path.name for path in changed if path.suffix != ".py"}
    return sorted(found | READ_SOURCES | {path for path in tests if names & _named(path, names)})


def _named(test: Path, names: set[str]) -> set[str]:
    text = test.read_text()
    return {name for name in names if name in text}


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


if __name__ == "__main__":
    tests = map(str, concerned(changed_files()))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *tests]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
