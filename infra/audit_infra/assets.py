"""Packs the code of the Lambda functions into reproducible zip files, for the stack to deploy.

A function's package, the packages that it requires and the files that it reads are packed from this
environment, without Docker. The bytes depend only on the contents: not on times, modes or the order of
files, and compiled files are excluded. So the CDK's asset hash changes only when the function changes.
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

__all__ = ["AssetError", "FunctionAsset", "forwarder_asset", "router_asset"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_PINNED: Final = re.compile(r"^([\w.-]+)==(\S+)$", re.MULTILINE)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can store
_UNIX: Final = 3
_READABLE: Final = 0o100644 << 16
# Not needed at run time. Compiled parts run on one platform only, and each package works without them.
_LEFT_OUT: Final = re.compile(
    r"(^|/)(__pycache__|[^/]*\.dist-info|tests)/|^\.\./|\.(pyc|pyi|so|pyd)$|(^|/)(py\.typed|requirements[^/]*)$"
)


class AssetError(Exception):
    """A package that a function requires is not installed, or not in the pinned version."""


@dataclass(frozen=True, slots=True)
class FunctionAsset:
    """The code that a Lambda function is deployed from.

    Attributes:
        path: a zip file, deleted when the process ends.
        package: the package whose module `handler` has the handlers.
    """

    path: Path
    package: str

    def handler(self, name: str = "handler") -> str:
        """Return a handler for Lambda, `package.module.function`."""
        return f"{self.package}.handler.{name}"


def router_asset() -> FunctionAsset:
    """Pack the router; it has no dependencies besides those of the Lambda runtime."""
    return _packed("router", dict(_package(_ROOT / "lambda" / "router")))


def forwarder_asset(config_file: Path) -> FunctionAsset:
    """Pack the forwarder, `audit_rules`, the pinned packages, and the configuration as `audit.toml`.

    Args:
        config_file: the team's `audit.toml`.

    Raises:
        AssetError: a package is not installed in the version that `lambda/forwarder/requirements.txt` pins.
    """
    files = dict(_package(_ROOT / "lambda" / "forwarder"))
    files |= _package(_ROOT / "audit_rules")
    files |= _pinned_packages(_ROOT / "lambda" / "forwarder" / "requirements.txt")
    return _packed("forwarder", files | {"audit.toml": config_file.read_bytes()})


def _package(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder.parent).as_posix()
        if path.is_file() and not _LEFT_OUT.search(name):
            yield name, path.read_bytes()


def _pinned_packages(requirements: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the installed files of the distributions that a requirements file pins."""
    install = f"`pip install --requirement {requirements}`"
    for name, version in _PINNED.findall(requirements.read_text()):
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise AssetError(
                f"{name}=={version} is pinned, but not installed; run {install}"
            ) from error
        files = installed.files
        if installed.version != version or not files:
            found = f"{installed.version} is installed"
            if not files:
                found += " without a list of its files"
                install = install.replace("install", "install --ignore-installed")
            raise AssetError(f"{name}=={version} is pinned, but {found}; run {install}")
        for file in files:
            if not _LEFT_OUT.search(file.as_posix()):
                yield file.as_posix(), Path(str(file.locate())).read_bytes()


def _packed(name: str, files: dict[str, bytes]) -> FunctionAsset:
    # A new folder each time, because the CDK caches assets by path.
    scratch = Path(tempfile.mkdtemp(prefix="audit-assets-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    path = scratch / f"{name}.zip"
    with ZipFile(path, "w") as archive:
        for inside in sorted(files):
            entry = ZipInfo(inside, _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            archive.writestr(entry, files[inside])
    return FunctionAsset(path, name)
