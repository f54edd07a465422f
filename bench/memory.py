"""Measures the memory of a process that writes many records: `python bench/memory.py [10000000]`.

Each is a change of a different record by one of a thousand users, so that a cache by value would grow.
"""

import json
import resource
import sys
from pathlib import Path

import audit_lib

audit = audit_lib.get_logger("bench").audit


def main(records: int) -> None:
    """Write records, and print the peak memory in MB at each power of ten."""
    out, sys.stdout = sys.stdout, Path("/dev/null").open("w")  # noqa: SIM115 - open until the process ends
    peaks = {}
    next_stop = 10_000
    for number in range(1, records + 1):
        with audit_lib.context(user={"id": str(number % 1000), "name": f"person {number % 1000}"}):
            audit.record_updated(
                "Changed", "user", {"n": number, "api_token": f"tok-{number}"}, {"n": -number},
                record_id=number,
            )  # fmt: skip
        if number in {next_stop, records}:
            peaks[number] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
            next_stop *= 10
    print(json.dumps({"peak_mb": peaks}), file=out)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
