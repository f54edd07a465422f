"""A record is written, or its loss is reported: a closed pipe, a spool, an exception.

Run it: `python examples/delivery.py`. The records are written to a pipe. When its reader is closed, they
are stored in a file, and written in their order before the next record that a reader receives.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import TextIO

import audit_lib

logger = audit_lib.get_logger("shop")


def main() -> None:
    """Close the reader of a pipe, and open another one."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "audit.jsonl"
        audit_lib.configure(
            catalogue={"actions": {"paid": {}, "refunded": {"on_failure": "raise"}}},
            on_failure="spool",
            spool=spool,
        )
        reader, stream = pipe()
        handler = audit_lib.AuditHandler(stream)
        logger.audit.addHandler(handler)

        logger.audit.event("Order 1 paid", action="paid")
        show("read", read(reader))

        reader.close()
        logger.audit.event("Order 2 paid", action="paid")
        show("waiting in the spool", spool.read_text().splitlines())

        try:
            logger.audit.event("Order 1 refunded", action="refunded")
        except audit_lib.RecordLostError as error:
            show("refused, since it cannot be audited", str(error).splitlines()[:1])

        reader, handler.stream = pipe()
        logger.audit.event("Order 3 paid", action="paid")
        show("read after that", read(reader))
        logger.audit.removeHandler(handler)


def pipe() -> tuple[TextIO, TextIO]:
    """Return both ends of a new pipe."""
    reader, writer = os.pipe()
    return os.fdopen(reader), os.fdopen(writer, "w")


def read(reader: TextIO) -> list[str]:
    """Return the lines that are in a pipe."""
    return os.read(reader.fileno(), 1 << 16).decode().splitlines()


def show(title: str, lines: list[str]) -> None:
    """Print a title and the messages of records."""
    sys.stderr.write(f"{title}:\n")
    for line in lines:
        text = line.partition('"message":"')[2].partition('"')[0] or line
        sys.stderr.write(f"    {text}\n")


if __name__ == "__main__":
    main()
