"""Synthesizes a CDK app as the CDK CLI does, but without the CLI, which takes three seconds to start.

The CLI runs the app in `cdk.json`, and passes it the context of `cdk.json` with the `-c` options and some
flags of its own: without them, the template differs.
"""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

from audit_ops.errors import AuditOpsError, reason_of
from audit_ops.rollout.node import NODE_MISSING, node_variables

__all__ = ["SynthesisError", "context_of", "synthesize"]

# The CLI's own flags: the path of each construct and of each asset, in the metadata.
_FLAGS: Final = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}


class SynthesisError(AuditOpsError):
    """The CDK app cannot be run, or it failed; the message has the reason or the app's error output."""


def synthesize(app: Path, output: Path, **context: str) -> Path:
    """Run the CDK app of a folder; return the absolute path of its cloud assembly.

    Args:
        app: the folder of `cdk.json`.
        output: the folder for the assembly.
        context: context values, as those of `-c name=value`; they override those of `cdk.json`.

    Raises:
        SynthesisError: `cdk.json` cannot be read, the app or Node.js is missing, or the app failed.
    """
    settings = _settings(app)
    if not settings.get("app"):
        raise SynthesisError(
            f"{app / 'cdk.json'}: the key `app` is missing or empty; set it to the command of the"
            " CDK app"
        )
    if not isinstance(settings["app"], str):
        raise SynthesisError(
            f"{app / 'cdk.json'}: app: found {settings['app']!r}, not a string; set it to the"
            " command of the CDK app"
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
    except (OSError, ValueError) as error:
        raise SynthesisError(
            f"{app / 'cdk.json'}: app: the command {settings['app']!r} cannot be run:"
            f" {reason_of(error)}; set it to the command of the CDK app"
        ) from error
    if run.returncode:
        raise SynthesisError(
            f"the CDK app ({settings['app']}) failed with exit status {run.returncode}:"
            f"\n{run.stderr.strip() or '(no output on standard error)'}"
        )
    return output


def context_of(app: Path) -> dict[str, Any]:
    """Return the context that the CDK CLI passes to an app: that of `cdk.json`, and two flags.

    Raises:
        SynthesisError: `cdk.json` cannot be read.
    """
    return {**_settings(app).get("context", {}), **_FLAGS}


def _settings(app: Path) -> dict[str, Any]:
    path = app / "cdk.json"
    try:
        settings = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError):
            raise SynthesisError(f"{path}: is not JSON: {error}; correct the file") from error
        raise SynthesisError(
            f"{path}: cannot be read: {reason_of(error)}; run `audit` in the folder of a CDK app,"
            " or set audit_app to it in the configuration of pytest"
        ) from error
    if not isinstance(settings, dict):
        raise SynthesisError(
            f"{path}: found {type(settings).__name__}, not a JSON object; correct the file"
        )
    return settings
