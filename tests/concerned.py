"""Selects the unit tests that a change affects, for `make check`.

A test is selected if it changed, imports a changed file directly or indirectly, reads the sources, or
names a changed file that is not Python, such as `audit.toml`. A change of `pyproject.toml` or of a
`conftest.py` selects all tests. The change is the uncommitted one, or else the last commit.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.imports import ROOT, dependents, discovered, imports, project_files

UNIT = ROOT / "tests" / "unit"
SOURCE_READERS = (
    "test_docs.py", "test_isolated.py", "test_layers.py", "test_names.py", "test_reference.py",
)  # fmt: skip
READ_SOURCES = {UNIT / name for name in SOURCE_READERS}
AFFECTS_ALL = {"pyproject.toml", "requirements.txt", "requirements-dev.txt"}


def changed_files() -> set[Path]:
    """Return the uncommitted files, or those of the last commit if everything is committed."""
    files = _git("diff", "--name-only", "HEAD") + _git("ls-files", "-o", "--exclude-standard")
    return {ROOT / name for name in files or _git("diff", "--name-only", "HEAD~1", "HEAD")}


def concerned(changed: Iterable[Path], folders: Iterable[Path] = (UNIT,)) -> list[Path]:
    """Return the test files that a change affects, sorted.

    Args:
        changed: the changed files.
        folders: where the tests are.
    """
    changed = set(changed)
    tests = {path for folder in folders for path in folder.rglob("test_*.py")}
    if any(path.name in AFFECTS_ALL or path.name == "conftest.py" for path in changed):
        return sorted(tests)
    files = project_files()
    graph = imports(files)
    for package, found in discovered(files).items():
        graph[package] |= found
    reached = tests & dependents(graph, {path for path in changed if path in graph})
    names = {path.name for path in changed if path.suffix != ".py"}
    named = {path for path in tests if _named(path, names)}
    return sorted(reached | named | (READ_SOURCES & tests))


def _named(test: Path, names: set[str]) -> set[str]:
    text = test.read_text()
    return {name for name in names if name in text}


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


if __name__ == "__main__":
    changed = changed_files()
    tests = concerned(changed)
    if not set(tests) - READ_SOURCES:
        print("no unit test reaches the change; `make test` has the others")  # noqa: T201 - for the terminal
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *map(str, tests)]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
