"""Times log lines to their notifications on the embedded cloud: cold functions, warm ones, and a burst.

The time is from `PutLogEvents` until Slack's receiver has the message. The peer in the same run is the bare
transport: one HTTP post and one e-mail. A burst is 1,000 records of one rule that are put at once; `burst_all_s`
is the time of its last message on the cloud's clock, which includes the 20 seconds between two messages of a
rule. Run: `bench/line_to_notification.py [RECORDS]`.
"""

import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from audit_ops.rollout import synthesize
from audit_ops.world import World
from audit_rules import load_config

ROOT = Path(__file__).resolve().parents[1]
BURST = 1000
PEER_ROUNDS = 30


def record(number: int) -> str:
    changes = {"record_type": "user", "record_id": str(number), "fields": {"mfa_phone": "updated"}}
    event = {"id": f"e{number}", "action": "user-updated", "outcome": "success"}
    return json.dumps(
        {"log": {"logger": "a.audit"}, "message": "x", "event": event, "changes": changes}
    )


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder, World() as world:
        cloud, slack = world.cloud, world.receivers["slack"]
        synthesize(ROOT, Path(folder))
        world.prepare(load_config(ROOT / "audit.toml"))
        start = time.perf_counter()
        cloud.deploy(Path(folder))
        deployed = time.perf_counter() - start
        cloud.settle()

        def told(first: int, count: int = 1) -> list[float]:
            """Put records; return how long after that each message arrived at Slack, in milliseconds."""
            before, began = len(slack.received), time.monotonic()
            cloud.put_lines("/app/shop", [record(each) for each in range(first, first + count)])
            cloud.settle()
            return [(message.arrived - began) * 1000 for message in slack.received[before:]]

        [cold] = told(0)
        warm = []
        for number in range(1, rounds + 1):
            cloud.clock.move(30)
            warm += told(number)
        cloud.advance(600)
        offset = cloud.clock.offset
        burst = told(1_000_000, BURST)
        burst_all = burst[-1] / 1000 + cloud.clock.offset - offset
        bare = []
        for _ in range(PEER_ROUNDS):
            start = time.perf_counter()
            request = urllib.request.Request(
                f"{slack.address}x", b'{"text": "x"}', {"Content-Type": "application/json"}
            )
            urllib.request.urlopen(request).read()
            cloud.mails.send("audit@example.com", ["a@example.com"], "Subject: x\n\nx")
            bare.append((time.perf_counter() - start) * 1000)
        median = statistics.median(warm)
        result = {
            "deploy_s": round(deployed, 2),
            "cold_ms": round(cold),
            "warm_ms": round(median),
            "warm_worst_ms": round(max(warm)),
            "records": len(warm),
            "burst_first_s": round(burst[0] / 1000, 2),
            "burst_all_s": round(burst_all, 1),
            "burst_messages": len(burst),
            "bare_post_and_mail_ms": round(statistics.median(bare), 1),
            "ratio": round(median / statistics.median(bare), 1),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
