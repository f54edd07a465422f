"""Times a synthesis without the CLI: our app beside an app of one bucket, on the same Node.js, in turns.

Both start jsii: Node.js with aws-cdk-lib, which validates the template for 0.7 s (`CDK_VALIDATION=false`
shows it). The goal of 1.3 times is not reached: 67 constructs, each a call to Node.js, and the modules of
eight services are 0.6 s more than one bucket and one module, and their larger template 0.2 s.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from audit_ops.rollout.node import node_variables
from audit_ops.rollout.synthesis import context_of

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7
ONE_BUCKET = """
from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3
app = App()
s3.Bucket(Stack(app, "One"), "Bucket")
app.synth()
"""


def seconds(*command: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CDK_OUTDIR": folder, "CDK_CONTEXT_JSON": json.dumps(context_of(ROOT))}
        start = time.perf_counter()
        subprocess.run(
            command, cwd=ROOT, env=os.environ | node_variables() | environment, check=True
        )
        return time.perf_counter() - start


def main() -> None:
    ours, peer = [], []
    for number in range(RUNS + 1):
        pair = seconds(sys.executable, "app.py"), seconds(sys.executable, "-c", ONE_BUCKET)
        if number:  # the first pair fills the caches
            ours.append(pair[0])
            peer.append(pair[1])
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    print(
        f"synth: {statistics.median(ours):.2f} s, one bucket {statistics.median(peer):.2f} s,"
        f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
