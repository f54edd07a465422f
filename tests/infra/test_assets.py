"""The functions' zip files: the same bytes everywhere, of the pinned packages."""

import os
import shutil
from importlib import metadata
from pathlib import Path

import pytest

from audit_infra import assets
from audit_infra.assets import AssetError, forwarder_asset, router_asset

ROOT = Path(__file__).parents[2]


def test_bytes_depend_on_the_contents_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another time, another mode, another place, compiled files beside the sources."""
    for folder in ("lambda", "audit_rules", "audit_lib"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for path in (tmp_path / "lambda").rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    cache = tmp_path / "lambda" / "router" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "handler.cpython-311.pyc").write_bytes(b"x")
    here = [router_asset(), forwarder_asset(ROOT / "audit.toml")]
    monkeypatch.setattr(assets, "_ROOT", tmp_path)
    there = [router_asset(), forwarder_asset(ROOT / "audit.toml")]
    assert [each.path.read_bytes() for each in here] == [each.path.read_bytes() for each in there]
    assert [here[0].handler(), here[1].handler("tell")] == [
        "router.handler.handler",
        "forwarder.handler.tell",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "jinja2==3.0.0",
            r"jinja2==3\.0\.0 is pinned, but .* is installed; run `pip install --requirement",
        ),
        (
            "nothing-of-that-name==1",
            "nothing-of-that-name==1 is pinned, but not installed; run `pip",
        ),
    ],
)
def test_another_version_than_the_pinned_one_is_refused(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("lambda", "audit_rules", "audit_lib"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "lambda/forwarder/requirements.txt").write_text(f"{line}\n    # via x\n")
    monkeypatch.setattr(assets, "_ROOT", tmp_path)
    with pytest.raises(AssetError, match=said):
        forwarder_asset(ROOT / "audit.toml")


def test_a_package_without_a_list_of_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata.Distribution, "files", None)
    with pytest.raises(AssetError, match="without a list of its files"):
        forwarder_asset(ROOT / "audit.toml")
