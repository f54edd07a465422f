"""Measures the embedded cloud: start, deployment with the CDK CLI, 1,000 lines to notifications, memory.

Peers in the same run: `python -c "import moto.server"` for the start, the CLI's synthesis for the
deployment, the size of the lines for the memory.
"""

import ctypes
import gc
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from audit_ops.rollout import synthesize
from audit_ops.world import World
from audit_rules import load_config

ROOT = Path(__file__).resolve().parents[1]
CDK = ROOT / "node_modules/.bin/cdk"
LINES = 1_000
MANY = 100_000
BATCH = 5_000


def line(number: int) -> str:
    changes = {"record_type": "user", "record_id": str(number), "fields": {"mfa_phone": "updated"}}
    return json.dumps(
        {
            "@timestamp": "2026-11-24T10:00:05.123Z",
            "message": "MFA phone changed",
            "log": {"logger": "shop.audit"},
            "event": {"id": f"e{number}", "action": "user-updated"},
            "changes": changes,
            "user": {"id": "7", "name": "Ana Souza"},
        }
    )


def timed(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def by_cli() -> dict[str, float]:
    """Time the start, and bootstrap and deployment with the real CLI."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    audit = (sys.executable, "-m", "audit_ops", "local")
    imports = timed(sys.executable, "-c", "import moto.server")
    timed(*audit, "up", "--detach", "--port", port)
    timed(*audit, "down", "--port", port)
    start = timed(*audit, "up", "--detach", "--port", port)  # warm: the files are in the cache
    try:
        deploy = timed(*audit, "deploy", "--port", port)
    finally:
        timed(*audit, "down", "--port", port)
    with tempfile.TemporaryDirectory() as folder:
        synth = timed(str(CDK), "synth", "--quiet", "--output", folder)
    return {
        "start_s": round(start, 1),
        "start_to_bare_import": round(start / imports, 1),
        "bootstrap_and_deploy_s": round(deploy, 1),
        "deploy_to_synth": round(deploy / synth, 1),
    }


def lines_to_notifications(world: World) -> dict[str, float]:
    world.put_lines("/app/shop", [line(0)])  # warm
    world.wait_until_quiet()
    start = time.perf_counter()
    world.put_lines("/app/shop", [line(number) for number in range(1, LINES + 1)])
    seconds = time.perf_counter() - start
    kept = world.cloud.health()["log_groups"]["/audit/records"]
    assert kept == LINES + 1, kept
    assert world.receivers["slack"].originals, "no message arrived"
    return {
        "thousand_lines_s": round(seconds, 2),
        "messages": len(world.receivers["slack"].originals),
    }


def memory(world: World) -> dict[str, float]:
    """Measure this process's memory before and after putting ordinary lines, in MB."""
    ordinary = [json.dumps({"message": "ordinary " * 20, "log": {"logger": "shop"}})] * BATCH
    world.put_lines("/app/shop", ordinary)
    before = resident()
    start = time.perf_counter()
    for _ in range(MANY // BATCH):
        world.put_lines("/app/shop", ordinary)
    seconds = time.perf_counter() - start
    size = sum(len(each) for each in ordinary) * (MANY // BATCH) / 1e6
    return {
        "before_mb": round(before),
        "grown_mb": round(resident() - before, 1),
        "lines_mb": round(size, 1),
        "lines_a_second": round(MANY / seconds),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def resident() -> float:
    """Return the resident memory in MB, without what the allocator keeps for reuse."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    result: dict[str, float] = by_cli()
    config = load_config(ROOT / "audit.toml")
    with tempfile.TemporaryDirectory() as folder, World() as world:
        assembly = synthesize(ROOT, Path(folder))
        world.prepare(config)
        world.cloud.deploy(assembly)
        world.cloud.settle()
        result |= lines_to_notifications(world)
        result |= memory(world)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
