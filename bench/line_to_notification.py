"""Times one log line to its notification on the embedded cloud: cold functions, then warm ones.

The time is from `PutLogEvents` until the webhook and the mail server received the notification. The peer
in the same run is the bare transport: the same number of HTTP posts and e-mails.
"""

import json
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from audit_ops.rollout import synthesize
from audit_ops.world import World
from audit_rules import load_config

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 30


def record(number: int) -> str:
    changes = {"record_type": "user", "record_id": str(number), "fields": {"mfa_phone": "updated"}}
    return json.dumps(
        {
            "log": {"logger": "a.audit"},
            "message": "x",
            "event": {"id": f"e{number}"},
            "changes": changes,
        }
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, World() as world:
        cloud, slack = world.cloud, world.receivers["slack"]
        synthesize(ROOT, Path(folder))
        world.prepare(load_config(ROOT / "audit.toml"))
        start = time.perf_counter()
        cloud.deploy(Path(folder))
        deployed = time.perf_counter() - start
        times = []
        for number in range(ROUNDS):
            start = time.perf_counter()
            cloud.put_lines("/app/shop", [record(number)])
            cloud.settle()
            if len(slack.originals) <= number:  # already in ALARM: the sweep notifies
                start = time.perf_counter()
                cloud.advance(120)
            times.append((time.perf_counter() - start) * 1000)
            cloud.advance(600)
        bare = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            request = urllib.request.Request(
                f"{slack.address}x", b"{}", {"Content-Type": "application/json"}
            )
            urllib.request.urlopen(request).read()
            cloud.mails.send("audit@example.com", ["a@example.com"], "Subject: x\n\nx")
            bare.append((time.perf_counter() - start) * 1000)
        warm = statistics.median(times[1:])
        result = {
            "deploy_s": round(deployed, 2),
            "cold_ms": round(times[0]),
            "warm_ms": round(warm),
            "bare_post_and_mail_ms": round(statistics.median(bare), 1),
            "ratio": round(warm / statistics.median(bare), 1),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
