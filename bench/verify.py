"""Compares `verify` with SHA-256 alone and the PyPI packages `auditchain` and `rust-py-audit`.

First the speed on the same number of records, each in the package's own format; then how many of the same
simple tamperings of a log of twelve lines each detects.
"""

import asyncio
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import auditchain
import auditchain.backends.jsonl
import rust_py_audit

import audit_lib

RECORDS, ROUNDS = 20_000, 5
BEFORE = {f"field_{number}": f"value {number}" for number in range(20)}
AFTER = BEFORE | {"field_3": "new", "field_7": "newer", "field_11": 5}
CHANGES = {"before": {"field_3": "value 3"}, "after": {"field_3": "new"}}


def ours(path: Path, count: int) -> None:
    logger = audit_lib.get_logger(f"bench{path.name}").audit
    with path.open("w") as file:
        handler = audit_lib.AuditHandler(file)
        logger.addHandler(handler)
        for number in range(count):
            logger.record_updated("Edit made", "user", BEFORE, AFTER, record_id=number)
        handler.seal()
    logger.removeHandler(handler)


def rusts(path: Path, count: int) -> None:
    log = rust_py_audit.AuditLogger(app_name="bench", file_path=str(path))
    for number in range(count):
        log.log(
            actor_id="7", action="user-updated", resource="user", resource_id=str(number),
            metadata=CHANGES,
        )  # fmt: skip


def chains(path: Path, count: int) -> None:
    async def write() -> None:
        async with auditchain.AuditLog(auditchain.backends.jsonl.JsonlBackend(path)) as log:
            for number in range(count):
                await log.append("7", "user-updated", f"user:{number}", metadata=CHANGES)

    asyncio.run(write())


def ours_whole(path: Path) -> bool:
    with path.open("rb") as file:
        return audit_lib.verify(file).complete


def rusts_whole(path: Path) -> bool:
    try:
        log = rust_py_audit.AuditLogger(app_name="bench", file_path=str(path))
        return bool(log.verify()["valid"])
    except Exception:  # noqa: BLE001 - an error counts as detected
        return False


def chains_whole(path: Path) -> bool:
    async def check() -> bool:
        async with auditchain.AuditLog(auditchain.backends.jsonl.JsonlBackend(path)) as log:
            return bool((await log.verify()).ok)

    try:
        return asyncio.run(check())
    except Exception:  # noqa: BLE001 - an error counts as detected
        return False


def sha_alone(path: Path) -> bool:
    for line in path.read_bytes().splitlines():
        hashlib.sha256(line).hexdigest()
    return True


PEERS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], bool]]] = {
    "audit_lib": (ours, ours_whole),
    "rust-py-audit": (rusts, rusts_whole),
    "auditchain": (chains, chains_whole),
}


def tamperings(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Yield each simple tampering of each line, and of the head and the tail."""
    for at in range(len(lines)):
        yield [*lines[:at], lines[at].replace(b"a", b"o", 1), *lines[at + 1 :]]
        yield [*lines[:at], *lines[at + 1 :]]
        yield [*lines[: at + 1], *lines[at:]]
        yield lines[at + 1 :]
        yield lines[:at]
        if at:
            yield [*lines[: at - 1], lines[at], lines[at - 1], *lines[at + 1 :]]


def per_second(whole: Callable[[Path], bool], path: Path) -> int:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        if not whole(path):
            raise SystemExit(f"{path} is complete, but was reported as tampered with")
        best = min(best, time.perf_counter() - start)
    return round(RECORDS / best)


def main() -> None:
    result: dict[str, Any] = {"records_per_second": {}, "seen": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, whole) in PEERS.items():
            path = Path(folder) / name
            write(path, RECORDS)
            result["records_per_second"][name] = per_second(whole, path)
            if name == "audit_lib":
                result["records_per_second"]["sha256 alone"] = per_second(sha_alone, path)
                result["line_bytes"] = path.stat().st_size // RECORDS
            short = Path(folder) / f"{name}.short"
            write(short, 12)
            lines = short.read_bytes().splitlines(keepends=True)
            seen = total = 0
            for tampered in tamperings(lines):
                short.write_bytes(b"".join(tampered))
                total += 1
                seen += not whole(short)
            result["seen"][name] = f"{seen} of {total}"
    print(json.dumps(result))


if __name__ == "__main__":
    main()
