"""`record_updated` beside the naive version: a logger with an `ecs-logging` formatter of its own.

Both write to /dev/null, by turns in one process; the fastest of many rounds counts.
"""

import io
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ecs_logging

import audit_lib

CALLS, ROUNDS = 500, 25
BEFORE = {
    "id": 1042,
    "name": "Li Wei",
    "email": "li@example.com",
    "phone": "+34600987654",
    "roles": ["a"],
}
AFTER = BEFORE | {"phone": "+34600000000"}


class NaiveAudit:
    """What one writes first: compare the common keys, and let ecs-logging do the rest."""

    def __init__(self, stream: Any) -> None:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(ecs_logging.StdlibFormatter())
        self.logger = logging.Logger("naive.audit", logging.INFO)  # noqa: LOG001 - as the naive version has it
        self.logger.addHandler(handler)

    def record_updated(
        self, msg: str, record_type: str, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        changed = [key for key in before.keys() & after.keys() if before[key] != after[key]]
        changes = {
            "record_type": record_type,
            "before": {key: before[key] for key in changed},
            "after": {key: after[key] for key in changed},
        }
        self.logger.info(msg, extra={"changes": changes})


def timed(call: Callable[..., None]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call("Edit made to MFA information", "user", BEFORE, AFTER)
    return (time.perf_counter() - start) / CALLS * 1e6


def main() -> None:
    out = sys.stdout
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        naive = NaiveAudit(nowhere).record_updated
        ours = audit_lib.get_logger("bench").audit.record_updated
        sys.stdout = nowhere  # where audit_lib writes
        times = [(timed(naive), timed(ours)) for _ in range(ROUNDS)]
        sys.stdout = out
    naive_us, ours_us = (min(column) for column in zip(*times, strict=True))
    size = len(written(audit_lib.get_logger("bench").audit))
    result = {
        "naive_us": round(naive_us, 1),
        "audit_lib_us": round(ours_us, 1),
        "ratio": round(ours_us / naive_us, 3),
        "line_bytes": size,
    }
    print(json.dumps(result))


def written(audit: audit_lib.AuditLogger) -> str:
    kept = sys.stdout
    sys.stdout = io.StringIO()
    try:
        audit.record_updated("Edit made to MFA information", "user", BEFORE, AFTER)
        return sys.stdout.getvalue()
    finally:
        sys.stdout = kept


if __name__ == "__main__":
    main()
