"""The stacks of a cloud assembly, the folder that `cdk synth` writes (`cdk.out`).

The files: https://github.com/aws/aws-cdk/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from local_cloud.errors import AssemblyError

__all__ = ["AssembledStack", "stacks_of"]


class AssembledStack(NamedTuple):
    """A stack in a cloud assembly: its id in the manifest, its name in AWS, its template's text."""

    id: str
    name: str
    template: str


def stacks_of(assembly: Path) -> Iterator[AssembledStack]:
    """Return the stacks of a cloud assembly, in the order of its manifest.

    Raises:
        AssemblyError: the folder has no manifest.
    """
    manifest = assembly / "manifest.json"
    if not manifest.is_file():
        raise AssemblyError(f"{manifest} is missing; create it with `cdk synth`")
    artifacts = json.loads(manifest.read_text())["artifacts"]
    for id_, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            template = (assembly / properties["templateFile"]).read_text()
            yield AssembledStack(id_, properties.get("stackName", id_), template)
