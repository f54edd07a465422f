"""A log whose changes are detected: two processes write it, then it is changed in several ways.

Run it: `python examples/proof.py`.
"""

import multiprocessing
import sys
import tempfile
from pathlib import Path

import audit_lib


def work(log: Path, orders: range) -> None:
    """Audit some orders, in a separate process."""
    audit = audit_lib.get_logger("shop").audit
    audit.addHandler(audit_lib.AuditFileHandler(log))
    for number in orders:
        audit.record_updated(
            "Order paid", "order", {"paid": 0}, {"paid": 10 * number}, record_id=number
        )


def main() -> None:
    """Write a log, verify it, change it, verify it again."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.log"
        spawn = multiprocessing.get_context("spawn")
        processes = [
            spawn.Process(target=work, args=(log, orders)) for orders in (range(1, 5), range(5, 9))
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        lines = log.read_bytes().splitlines()
    whole = audit_lib.verify(lines)
    show("unchanged", whole)
    heads = [chain.head for chain in whole.chains]  # a few bytes, to be stored elsewhere

    show("40 made 90", audit_lib.verify(line.replace(b'"paid":40', b'"paid":90') for line in lines))
    show("one line removed", audit_lib.verify(lines[:3] + lines[4:]))
    show("its end removed", audit_lib.verify(lines[:-4]))
    show("its end removed, with stored heads", audit_lib.verify(lines[:-4], heads=heads))
    show("as CloudWatch delivers it", audit_lib.verify(lines[::-1], transported=True))


def show(title: str, report: audit_lib.VerifyReport) -> None:
    """Print the result for a log."""
    result = "complete" if report.complete else "problems" if report.problems else "open end"
    sys.stdout.write(f"{title}: {result}\n")
    for problem in report.problems:
        place = f"line {problem.line}" if problem.line else "at the end"
        sys.stdout.write(f"    {place}: {problem.kind}: {problem.text}\n")


if __name__ == "__main__":
    main()
