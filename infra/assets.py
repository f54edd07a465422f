"""What the Lambda functions are made of: put together from the tree, without Docker.

A function's folder, the packages that `make setup` installed for it and the files it reads are
copied into a folder of this process; CDK copies it on and names the asset by a hash of what is in it.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["AssetError", "forwarder_asset", "router_asset"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_PACKAGES: Final = _ROOT / "build" / "lambda-packages"
# Whatever differs from one machine to the next, or is not needed to run.
_LEFT_OUT: Final = shutil.ignore_patterns(
    "__pycache__", "*.pyc", "*.dist-info", "bin", "requirements*", "py.typed", "*.pyi"
)


class AssetError(Exception):
    """A part of a function is missing."""


def router_asset() -> Path:
    """Give the folder that the router is deployed from."""
    return _assembled("router", [_ROOT / "lambda" / "router"])


def forwarder_asset(config_file: Path) -> Path:
    """Give the folder that the forwarder is deployed from; the rules travel with it.

    Raises:
        AssetError: its packages are not installed.
    """
    packages = _PACKAGES / "forwarder"
    if not packages.is_dir():
        raise AssetError(f"{packages} is missing: the forwarder's packages; run `make setup`")
    parts = [_ROOT / "lambda" / "forwarder", _ROOT / "audit_rules", *sorted(packages.iterdir())]
    folder = _assembled("forwarder", parts)
    shutil.copyfile(config_file, folder / "audit.toml")
    return folder


def _assembled(name: str, parts: Iterable[Path]) -> Path:
    # A new place each time: CDK remembers what it found at a path.
    scratch = Path(tempfile.mkdtemp(prefix="audit-assets-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    folder = scratch / name
    folder.mkdir()
    for part in parts:
        if part.name not in _LEFT_OUT(str(part.parent), [part.name]):
            if part.is_dir():
                shutil.copytree(part, folder / part.name, ignore=_LEFT_OUT)
            else:
                shutil.copyfile(part, folder / part.name)
    return folder
