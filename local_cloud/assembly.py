"""Reads the stacks and file assets of a cloud assembly, the folder `cdk.out` of `cdk synth`.

Format: https://github.com/aws/aws-cdk/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from local_cloud.errors import AssemblyError

__all__ = ["AssembledStack", "assets_of", "stacks_of"]


class AssembledStack(NamedTuple):
    """A stack of a cloud assembly: its artifact id in the manifest, stack name, and template text."""

    id: str
    name: str
    template: str


def stacks_of(assembly: Path) -> Iterator[AssembledStack]:
    """Yield the stacks of a cloud assembly, in the order of its manifest.

    Raises:
        AssemblyError: the manifest is missing, or the manifest or a template cannot be read.
    """
    manifest = assembly / "manifest.json"
    if not manifest.is_file():
        raise AssemblyError(
            f"{manifest} is missing; create it with `cdk synth --output {assembly}`, and check"
            " that the CDK app calls synth()"
        )
    with _reading(manifest):
        artifacts = json.loads(manifest.read_text())["artifacts"]
        stacks = [
            (id_, artifact["properties"])
            for id_, artifact in artifacts.items()
            if artifact["type"] == "aws:cloudformation:stack"
        ]
    for id_, properties in stacks:
        with _reading(manifest):
            path = assembly / properties["templateFile"]
        with _reading(path):
            template = path.read_text()
        yield AssembledStack(id_, properties.get("stackName", id_), template)


def assets_of(assembly: Path, stack: str) -> Mapping[str, Any]:
    """Return the file assets of a stack, by their ids, from `<stack>.assets.json`.

    Raises:
        AssemblyError: that file is missing or cannot be read.
    """
    path = assembly / f"{stack}.assets.json"
    with _reading(path):
        files: Mapping[str, Any] = json.loads(path.read_text())["files"]
    return files


@contextmanager
def _reading(path: Path) -> Generator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = "does not have the structure of a cloud assembly"
        if isinstance(error, OSError):
            reason = f"cannot be read: {error.strerror}"
        elif isinstance(error, ValueError):
            reason = f"is not JSON in UTF-8: {error}"
        elif isinstance(error, KeyError):
            reason = f"the key {error} is missing"
        raise AssemblyError(f"{path}: {reason}; create it again with `cdk synth`") from error
