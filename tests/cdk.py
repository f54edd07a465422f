"""Runs the real CDK CLI; its only AWS settings are those of the embedded cloud."""

import os
import subprocess
from pathlib import Path

from audit_ops.running import CREDENTIALS

ROOT = Path(__file__).parents[1]


def run_cdk(endpoint: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1"}
    return subprocess.run(
        [ROOT / "node_modules/.bin/cdk", *arguments], cwd=cwd, env=kept | own, text=True,
        timeout=120, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,  # the CLI uses stdout if CI=true, else stderr
    )  # fmt: skip
