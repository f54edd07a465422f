"""Measures a full `record_updated` beside simpler ways of logging, into a pipe that is read.

Six context fields, states of 20 fields of which 3 differ, one of them masked, and the hash chain. The
peers: a naive version (`ecs_logging.StdlibFormatter`, the two states compared, one `info` call) and a bare
`structlog` + `orjson` line of the same size without diff, masking or chain. They run in turns in one
process; the result is the median of many rounds. `listened` is ours with another handler that keeps the
`LogRecord`s, `extra` is ours with the context fields passed as `extra`. `floor` is the part of ours that is not Python: the document as JSON, its SHA-256, the pipe's
lock, the write.
"""

import fcntl
import hashlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import deepdiff
import ecs_logging
import orjson
import structlog

import audit_lib
from audit_lib._record.changes import changes_between
from audit_lib._record.masking import Masking

CALLS, ROUNDS = 400, 41
BEFORE: dict[str, Any] = {f"field_{number}": f"value {number}" for number in range(17)}
BEFORE |= {"id": 1042, "phone": "+34600987654", "api_token": "tok-1234567890"}
AFTER = BEFORE | {"field_3": "new", "phone": "+34600000000", "api_token": "tok-0987654321"}
CONTEXT: dict[str, Any] = {
    "user": {"id": "7", "name": "Ana Souza", "email": "ana@example.com"},
    "source": {"ip": "203.0.113.9"},
    "http": {"request": {"id": "0d9f3c5e-8a0f-4c0e-9a51-3a1c6e1f0b52"}},
    "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
}
MESSAGE = "Edit made to MFA information"
MASKING = Masking()


class NaiveAudit:
    """A naive version: compares the common keys, and leaves the rest to ecs-logging."""

    def __init__(self, stream: Any) -> None:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(ecs_logging.StdlibFormatter())
        self.logger = logging.Logger("naive.audit", logging.INFO)  # noqa: LOG001 - part of the naive version
        self.logger.addHandler(handler)

    def record_updated(self) -> None:
        changed = [key for key in BEFORE.keys() & AFTER.keys() if BEFORE[key] != AFTER[key]]
        changes = {
            "record_type": "user",
            "record_id": "1042",
            "before": {key: BEFORE[key] for key in changed},
            "after": {key: AFTER[key] for key in changed},
        }
        self.logger.info(MESSAGE, extra={"changes": changes, **CONTEXT})


def bare_structlog(stream: Any, size: int) -> Callable[[], None]:
    logger = structlog.wrap_logger(
        structlog.BytesLogger(stream.buffer),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event)),
        ],
    )
    structlog.contextvars.bind_contextvars(**CONTEXT)
    filling = "x" * (size - 380)
    return lambda: logger.info(MESSAGE, record_type="user", filling=filling)


def floor(file: int, document: dict[str, Any]) -> Callable[[], None]:
    before = b"0" * 64

    def call() -> None:
        nonlocal before
        line = orjson.dumps(document)
        before = hashlib.sha256(before + line).hexdigest().encode()
        fcntl.lockf(file, fcntl.LOCK_EX)
        os.write(file, line + b"\n")
        fcntl.lockf(file, fcntl.LOCK_UN)

    return call


def timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def medians(calls: dict[str, Callable[[], None]], rounds: int = ROUNDS) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(timed(call))
    return {name: statistics.median(each) for name, each in times.items()}


class Keeping(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None: ...


def main() -> None:
    out = sys.stdout
    # Reads what is available from time to time, like a log driver. A reader that wakes at each line
    # makes all of them slower by the same 10 µs.
    program = "import os, time\nwhile os.read(0, 1 << 20): time.sleep(0.002)"
    reader = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    assert reader.stdin is not None
    fcntl.fcntl(reader.stdin, fcntl.F_SETPIPE_SZ, 1 << 20)
    stream = os.fdopen(reader.stdin.fileno(), "w", encoding="utf-8", closefd=False)
    sys.stdout = stream  # where audit_lib writes
    audit = audit_lib.get_logger("bench").audit
    listened = audit_lib.get_logger("listened").audit
    listened.addHandler(Keeping())

    def ours(logger: audit_lib.AuditLogger, extra: Any = None) -> Callable[[], None]:
        return lambda: logger.record_updated(
            MESSAGE, "user", BEFORE, AFTER, record_id=1042, extra=extra
        )

    with audit_lib.context(**CONTEXT):
        line = one_line(ours(audit))
        whole = medians(
            {
                "naive": NaiveAudit(stream).record_updated,
                "structlog": bare_structlog(stream, len(line)),
                "floor": floor(stream.fileno(), orjson.loads(line)),
                "ours": ours(audit),
                "listened": ours(listened),
            }
        )
    with_extra = medians(
        {"naive": NaiveAudit(stream).record_updated, "ours": ours(audit, CONTEXT)}, rounds=15
    )
    diff = medians(
        {
            "deepdiff": lambda: deepdiff.DeepDiff(BEFORE, AFTER),
            "ours": lambda: changes_between(BEFORE, AFTER, MASKING),
        },
        rounds=7,
    )
    sys.stdout = out
    result = {f"{name}_us": round(each, 1) for name, each in whole.items()}
    result |= {
        "of_naive": round(whole["ours"] / whole["naive"], 3),
        "of_naive_extra": round(with_extra["ours"] / with_extra["naive"], 3),
        "of_naive_listened": round(whole["listened"] / whole["naive"], 3),
        "of_structlog": round(whole["ours"] / whole["structlog"], 2),
        "floor_of_naive": round(whole["floor"] / whole["naive"], 3),
        "line_bytes": len(line),
        "diff_us": round(diff["ours"], 2),
        "deepdiff_times": round(diff["deepdiff"] / diff["ours"]),
        "import_ms": round(import_ms(), 1),
    }
    print(json.dumps(result))


def one_line(call: Callable[[], None]) -> bytes:
    read, write = os.pipe()
    kept = sys.stdout
    with os.fdopen(write, "w") as pipe:
        sys.stdout = pipe
        call()
        call()
    sys.stdout = kept
    with os.fdopen(read, "rb") as lines:
        return lines.readlines()[-1]


def import_ms() -> float:
    """Return the median time of the import after `import logging, json`, each in a new process.

    The package is compiled before, as an installed package is.
    """
    program = (
        "import logging, json, time; start = time.perf_counter(); import audit_lib;"
        "print((time.perf_counter() - start) * 1e3)"
    )
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        environment["PYTHONPYCACHEPREFIX"] = folder
        runs = [
            subprocess.run(
                [sys.executable, "-c", program], capture_output=True, check=True, env=environment
            )
            for _ in range(16)
        ]
    return statistics.median(float(run.stdout) for run in runs[1:])


if __name__ == "__main__":
    main()
