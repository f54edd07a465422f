"""The distribution built from this checkout, tested without access to the checkout."""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"audit_lib", "audit_rules", "audit_ops", "local_cloud"}
# The other tests need the functions' sources, the CDK app or the examples, which are not in the wheel.
TESTS = ("unit/audit_lib", "integration/audit_lib", "unit/audit_rules", "unit/local_cloud", "integration/destinations",
         "integration/local_cloud/test_bare_moto.py")  # fmt: skip
BESIDE = ("conftest.py", "unit/conftest.py", "integration/conftest.py")
FILES = ("audit.toml", "audit.schema.json")
PROVENANCE = """
import sys
from pathlib import Path

def pytest_sessionfinish(session):
    names = {names}
    for name, module in sys.modules.items():
        if name.partition(".")[0] in names and (file := getattr(module, "__file__", None)):
            assert Path(file).is_relative_to({site!r}), f"{{name}} is of {{file}}"
"""

pytestmark = [pytest.mark.large, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT],
        check=True,
    )
    [found] = folder.glob("*.whl")
    return found


def test_it_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == PACKAGES
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    assert {"audit_lib/py.typed", "audit_rules/py.typed"} <= set(names)
    sources = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == sources


def test_its_tests_pass_where_the_checkout_is_out_of_reach(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", wheel)
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    for name in (*TESTS, *BESIDE):
        source, target = ROOT / "tests" / name, tmp_path / "tests" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file() and name != "conftest.py":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for name in FILES:
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "conftest.py").write_text(PROVENANCE.format(names=PACKAGES, site=str(site)))
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib -m 'not large'\nfilterwarnings = error\n"
        "markers = large: run by make test-all from the checkout\n"
    )
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def environment(folder: Path, wheel: Path) -> Path:
    """Create an environment with the wheel and the packages of this environment.

    A path in a `.pth` file is searched for modules, not for `.pth` files: the one by which this
    environment finds the checkout is not read.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next((folder / "lib").glob("python*/site-packages"))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel],
        check=True,
    )
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"
