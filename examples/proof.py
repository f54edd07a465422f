"""A log that shows what was done to it: two processes write one, and somebody changes it afterwards.

Run it: `python examples/proof.py`.
"""

import multiprocessing
import sys
import tempfile
from pathlib import Path

import audit_lib


def work(log: Path, orders: range) -> None:
    """Audit some orders, in a process of its own."""
    audit = audit_lib.get_logger("shop").audit
    audit.addHandler(audit_lib.AuditFileHandler(log))
    for number in orders:
        audit.record_updated(
            "Order paid", "order", {"paid": 0}, {"paid": 10 * number}, record_id=number
        )


def main() -> None:
    """Write, check, tamper, check again."""
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
    tell("as it was written", whole)
    heads = [chain.head for chain in whole.chains]  # a few bytes, to be kept elsewhere

    tell("40 made 90", audit_lib.verify(line.replace(b'"paid":40', b'"paid":90') for line in lines))
    tell("one line less", audit_lib.verify(lines[:3] + lines[4:]))
    tell("its end cut off", audit_lib.verify(lines[:-4]))
    tell("the same, beside the heads", audit_lib.verify(lines[:-4], heads=heads))
    tell("as CloudWatch hands it over", audit_lib.verify(lines[::-1], transported=True))


def tell(what: str, report: audit_lib.VerifyReport) -> None:
    """Say what became of a log."""
    verdict = "whole" if report.complete else "not whole" if report.problems else "open"
    sys.stdout.write(f"{what}: {verdict}\n")
    for problem in report.problems:
        place = f"line {problem.line}" if problem.line else "at the end"
        sys.stdout.write(f"    {place}: {problem.kind}: {problem.text}\n")


if __name__ == "__main__":
    main()
