"""Replays 200,000 records of 1 KB over 100 rules: records per second, beside `orjson.loads` and a plain way.

The plain way is that of an emulator: each pattern parses the JSON again. They run in turns in one process;
the results are medians. Memory is the peak of a process that replays ten times as many records.
"""

import json
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import orjson

from audit_ops.rules.replay import replay
from audit_rules import AuditConfig, parse_config

RECORDS, RULES, ROUNDS, PLAIN = 200_000, 100, 3, 300
ACTIONS = [f"action-{number}" for number in range(60)]
TYPES = ["user", "order", "payout_account", "group", "role"]
HEAD = """
[audit]
name = "bench"
time_zone = "UTC"
[sources]
log_groups = ["/app"]
[channels.a]
type = "slack"
webhook_secret = "a"
"""
RULE = """
[[rules]]
id = "r{number}"
title = "T"
owner = "O"
severity = "low"
channels = ["a"]
pattern = '{pattern}'
"""
SHAPES = (
    '{{ $.event.action = "{action}" && $.event.outcome = "failure" }}',
    '{{ $.event.action = "{action}" && $.changes.after.amount >= 1000 }}',
    '{{ $.changes.record_type = "{record_type}" && $.changes.fields.{field} = "*" }}',
    '{{ ($.event.action = "{action}" || $.event.action = "x-{action}") && $.user.id = "7" }}',
)


def config() -> AuditConfig:
    rules = [
        RULE.format(
            number=number,
            pattern=SHAPES[number % len(SHAPES)].format(
                action=ACTIONS[number % len(ACTIONS)],
                record_type=TYPES[number % 5],
                field=f"f{number}",
            ),
        )
        for number in range(RULES)
    ]
    return parse_config(HEAD + "".join(rules))


def records(count: int) -> Iterator[bytes]:
    draw = random.Random(7)
    for number in range(count):
        fields = {f"f{draw.randrange(20)}": "updated" for _ in range(3)}
        record = {
            "@timestamp": f"2026-{1 + number % 11:02}-{1 + number % 28:02}T10:00:00.000Z",
            "log.level": "info", "message": "Edit made", "ecs.version": "9.0.0",
            "log": {"logger": "shop.audit", "origin": {"file": {"line": 7, "name": "a.py"}}},
            "process": {"pid": 7, "name": "MainProcess", "thread": {"id": 7, "name": "MainThread"}},
            "user": {"id": str(draw.randrange(500)), "name": f"User {draw.randrange(500)}"},
            "source": {"ip": "203.0.113.9"},
            "changes": {
                "record_type": draw.choice(TYPES), "record_id": str(number),
                "before": dict.fromkeys(fields, "before " * 8),
                "after": dict.fromkeys(fields, "after " * 8) | {"amount": draw.randrange(2000)},
                "fields": fields,
            },
            "event": {
                "id": f"{number:032x}", "kind": "event", "action": draw.choice(ACTIONS),
                "outcome": draw.choice(["success", "failure"]), "category": ["iam"], "type": ["user"],
            },
        }  # fmt: skip
        yield json.dumps(record, separators=(",", ":")).encode() + b"\n"


def per_second(call: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    call()
    return count / (time.perf_counter() - began)


def main() -> None:
    rules = config()
    if sys.argv[1:]:
        replay(records(int(sys.argv[1])), rules)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    lines = list(records(RECORDS))
    few = [line.decode() for line in lines[:PLAIN]]

    def parse_alone() -> None:
        for line in lines:
            orjson.loads(line)

    def plain() -> None:
        for line in few:
            for rule in rules.rules:
                rule.pattern.matches(line)

    ways = {
        "replay": (lambda: replay(lines, rules), RECORDS),
        "orjson alone": (parse_alone, RECORDS),
        "plain": (plain, PLAIN),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (call, count) in ways.items():
            found[name].append(per_second(call, count))
    rate = {name: statistics.median(each) for name, each in found.items()}
    result: dict[str, object] = {f"{name} a second": round(each) for name, each in rate.items()}
    result["of orjson alone"] = round(rate["replay"] / rate["orjson alone"], 2)
    result["times plain"] = round(rate["replay"] / rate["plain"])
    result["record_bytes"] = round(sum(map(len, lines)) / len(lines))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
