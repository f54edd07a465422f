"""Measures the time from a log line to its message on the embedded cloud, and what a match writes to DynamoDB.

`cold`: the first record after the deployment, whose functions have to start. `single`: records that are put
one at a time, half a minute apart on the cloud's clock. `burst`: 1,000 records of one rule put at once, with
the time of the first message and, on the cloud's clock, of the last one. Run: `bench/telling.py [SINGLE]`.
"""

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from moto.core.responses import BaseResponse

from audit_ops.rollout.synthesis import synthesize
from audit_ops.world import World
from audit_rules import load_config

ROOT = Path(__file__).resolve().parents[1]
BURST = 1000


def line(number: int) -> str:
    return json.dumps(
        {
            "message": "User profile changed",
            "log": {"logger": "shop.audit"},
            "event": {"id": f"e{number}", "action": "user-updated", "outcome": "success"},
            "user": {"name": "Ana Souza"},
            "changes": {
                "record_type": "user",
                "record_id": str(number),
                "before": {"mfa_phone": "+34600111222"},
                "after": {"mfa_phone": "+34600000000"},
                "fields": {"mfa_phone": "updated"},
            },
        }
    )


def main() -> None:
    single = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    calls: Counter[str] = Counter()
    original = vars(BaseResponse)["_get_action"]

    def counted(response: Any) -> str:
        action = str(original(response))
        calls[action] += 1
        return action

    with World() as world, tempfile.TemporaryDirectory() as folder:
        world.prepare(load_config(ROOT / "audit.toml"))
        world.cloud.deploy(synthesize(ROOT, Path(folder) / "cdk.out"))
        world.cloud.settle()
        slack = world.receivers["slack"]

        def told(number: int, count: int = 1) -> list[float]:
            """Put records; return how long after the put each message arrived at Slack, in seconds."""
            before, began = len(slack.received), time.monotonic()
            lines = [line(each) for each in range(number, number + count)]
            world.cloud.put_lines("/app/shop", lines)
            world.cloud.settle()
            return [message.arrived - began for message in slack.received[before:]]

        cold = told(0)[0]
        world.cloud.advance(300)
        setattr(BaseResponse, "_get_action", counted)  # noqa: B010 - moto's private name
        times = []
        for number in range(1, single + 1):
            times += told(number)
            world.cloud.clock.move(30)
        setattr(BaseResponse, "_get_action", original)  # noqa: B010 - the same
        world.cloud.advance(300)
        clock = world.cloud.clock.now()
        burst = told(10_000, BURST)
        print(
            json.dumps(
                {
                    "cold_s": round(cold, 3),
                    "single_median_s": round(statistics.median(times), 3),
                    "single_worst_s": round(max(times), 3),
                    "singles": len(times),
                    "burst_first_s": round(burst[0], 3),
                    "burst_all_within_s": round(world.cloud.clock.now() - clock, 1),
                    "burst_messages": len(burst),
                    "calls_a_record": {
                        name: round(calls[name] / single, 2)
                        for name in ("PutItem", "UpdateItem", "BatchGetItem", "GetItem", "Query")
                    },
                }
            )
        )


main()
