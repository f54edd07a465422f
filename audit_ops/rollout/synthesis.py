"""From a CDK app to its cloud assembly, as the CDK CLI does it, without the CLI's three seconds.

The CLI runs the app that `cdk.json` names, and hands it the context of `cdk.json`, with what it was
asked for and some flags of its own: without them another template comes out.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from audit_ops.errors import AuditOpsError
from audit_ops.rollout.node import NODE_MISSING, node_variables

__all__ = ["AssembledStack", "SynthesisError", "context_of", "stacks_of", "synthesize"]

# What the CLI adds by itself: the path of each construct and of each asset, in the metadata.
_FLAGS: Final = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}


class SynthesisError(AuditOpsError):
    """The CDK app cannot be run; the text holds what it said."""


class AssembledStack(NamedTuple):
    """A stack in a cloud assembly: its id there, its name in AWS, its template's text."""

    id: str
    name: str
    template: str


def synthesize(app: Path, output: Path, **context: str) -> Path:
    """Run the CDK app of a folder; give the cloud assembly that it wrote.

    Args:
        app: the folder of `cdk.json`.
        output: where the assembly goes.
        context: what `-c name=value` gives.

    Raises:
        SynthesisError: there is no app, no Node.js, or the app failed.
    """
    settings = _settings(app)
    if "app" not in settings:
        raise SynthesisError(
            f"{app / 'cdk.json'}: app: is missing; name the command of the CDK app"
        )
    node = node_variables()
    if not node:
        raise SynthesisError(NODE_MISSING)
    output = output.resolve()
    environment = {
        "CDK_OUTDIR": str(output),
        "CDK_CONTEXT_JSON": json.dumps(context_of(app) | context),
    }
    try:
        run = subprocess.run(  # noqa: S603 - the app that cdk.json names, as the CLI runs it
            shlex.split(settings["app"]),
            cwd=app,
            env=os.environ | node | environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise SynthesisError(f"{app / 'cdk.json'}: app: {settings['app']}: {error}") from error
    if run.returncode:
        raise SynthesisError(f"the CDK app failed:\n{run.stderr.strip()}")
    return output


def stacks_of(assembly: Path) -> Iterator[AssembledStack]:
    """Give the stacks of a cloud assembly, in their order.

    Raises:
        SynthesisError: it is none.
    """
    manifest = assembly / "manifest.json"
    if not manifest.is_file():
        raise SynthesisError(f"{manifest} is missing; make it with `cdk synth`")
    artifacts = json.loads(manifest.read_text())["artifacts"]
    for id_, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            template = (assembly / properties["templateFile"]).read_text()
            yield AssembledStack(id_, properties.get("stackName", id_), template)


def context_of(app: Path) -> dict[str, Any]:
    """Give the context that the CLI hands to the app of a folder.

    Raises:
        SynthesisError: there is no readable `cdk.json`.
    """
    return {**_settings(app).get("context", {}), **_FLAGS}


def _settings(app: Path) -> dict[str, Any]:
    path = app / "cdk.json"
    try:
        settings = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SynthesisError(f"{path}: {error}; this has to be the folder of a CDK app") from error
    if not isinstance(settings, dict):
        raise SynthesisError(f"{path}: found no object")
    return settings
