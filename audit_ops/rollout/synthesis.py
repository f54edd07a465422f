"""From a CDK app to its cloud assembly, as the CDK CLI does it, without the CLI's three seconds.

The CLI runs the app that `cdk.json` names, and hands it the context of `cdk.json`, with what it was
asked for and some flags of its own: without them another template comes out.
"""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

from audit_ops.errors import AuditOpsError
from audit_ops.rollout.node import NODE_MISSING, node_variables

__all__ = ["SynthesisError", "context_of", "synthesize"]

# What the CLI adds by itself: the path of each construct and of each asset, in the metadata.
_FLAGS: Final = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}


class SynthesisError(AuditOpsError):
    """The CDK app cannot be run; the text holds what it said."""


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
