"""The memory of a process that goes on writing records: `python bench/memory.py [10000000]`.

Each is a change of a record of its own by one of a thousand people, so that nothing that is remembered by
value could stay small.
"""

import json
import resource
import sys
from pathlib import Path

import audit_lib

audit = audit_lib.get_logger("bench").audit


def main(records: int) -> None:
    """Write them, and say at each power of ten what the process has held at most, in MB."""
    out, sys.stdout = sys.stdout, Path("/dev/null").open("w")  # noqa: SIM115 - as long as the process
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
