"""`make mutants SECONDS=…`: change the changed lines a little, one by one; a test has to fail each time.

In a copy of the checkout, for each file of the product that the change touches (what is not committed, else
the last commit), with the unit tests that the change concerns. What survives is a line that no test holds.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.concerned import UNIT, changed_files, concerned
from tests.imports import ROOT

PRODUCT = ("audit_lib", "audit_rules", "audit_ops", "local_cloud", "infra", "lambda")
FOLDERS = (UNIT, ROOT / "tests" / "infra", ROOT / "tests" / "integration")
CONFIG = """
[cosmic-ray]
module-path = {modules}
timeout = 60
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"
distributor.name = "local"
filters.git-filter.branch = "{base}"
"""


def mutated(paths: set[Path]) -> list[str]:
    """Return the files of the product among those, from the root of the checkout."""
    names = (path.relative_to(ROOT) for path in sorted(paths) if path.is_file())
    return [str(name) for name in names if name.suffix == ".py" and name.parts[0] in PRODUCT]


def main(seconds: float) -> int:
    changed = changed_files()
    modules = mutated(changed)
    if not modules:
        print("no file of the product is changed")  # noqa: T201 - for the terminal
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "checkout"
        _run("git", "clone", "--quiet", str(ROOT), str(copy), cwd=ROOT)
        for path in changed & {ROOT / name for name in _git_changes()}:
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        base = "HEAD" if _git_changes() else "HEAD~1"
        tests = " ".join(str(path.relative_to(ROOT)) for path in concerned(changed, FOLDERS))
        config, session = copy / "cosmic-ray.toml", copy / "session.sqlite"
        config.write_text(
            CONFIG.format(modules=modules, python=sys.executable, tests=tests, base=base)
        )
        _tool("init", config, session, copy=copy)
        _run(str(Path(sys.executable).with_name("cr-filter-git")), str(session), "--config",
             str(config), cwd=copy)  # fmt: skip
        with suppress(subprocess.TimeoutExpired):
            _tool("exec", config, session, copy=copy, timeout=seconds)
        report = Path(sys.executable).with_name("cr-report")
        found = _run(str(report), "--surviving-only", "--show-diff", str(session), cwd=copy)
        print(found)  # noqa: T201 - what it is for
        return "surviving mutants: 0 " not in found


def _git_changes() -> list[str]:
    tracked = _run("git", "diff", "--name-only", "HEAD", cwd=ROOT)
    return (tracked + _run("git", "ls-files", "-o", "--exclude-standard", cwd=ROOT)).split()


def _tool(
    command: str, config: Path, session: Path, *, copy: Path, timeout: float | None = None
) -> None:
    _run(str(Path(sys.executable).with_name("cosmic-ray")), command, str(config), str(session),
         cwd=copy, timeout=timeout)  # fmt: skip


def _run(*command: str, cwd: Path, timeout: float | None = None) -> str:
    paths = os.pathsep.join(str(cwd / name) for name in (".", "infra", "lambda", "docs"))
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(
        command, cwd=cwd, env=environment, timeout=timeout, check=True, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
