"""A record gets out, or somebody hears of it: a reader that is gone, a spool, an exception.

Run it: `python examples/delivery.py`. The records go into a pipe. When its reader is gone they wait in
a file, and go out, in their order, before the next one that somebody reads.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import TextIO

import audit_lib

logger = audit_lib.get_logger("shop")


def main() -> None:
    """Lose a reader, and get it back."""
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
        say("read", read(reader))

        reader.close()
        logger.audit.event("Order 2 paid", action="paid")
        say("waiting in the spool", spool.read_text().splitlines())

        try:
            logger.audit.event("Order 1 refunded", action="refunded")
        except audit_lib.RecordLostError as error:
            say("refused, so that no money moves unseen", str(error).splitlines()[:1])

        reader, handler.stream = pipe()
        logger.audit.event("Order 3 paid", action="paid")
        say("read after that", read(reader))
        logger.audit.removeHandler(handler)


def pipe() -> tuple[TextIO, TextIO]:
    """Make a pipe, and open both its ends."""
    reader, writer = os.pipe()
    return os.fdopen(reader), os.fdopen(writer, "w")


def read(reader: TextIO) -> list[str]:
    """Give the lines that are in a pipe."""
    return os.read(reader.fileno(), 1 << 16).decode().splitlines()


def say(what: str, lines: list[str]) -> None:
    """Show what happened, and the messages of records."""
    sys.stderr.write(f"{what}:\n")
    for line in lines:
        text = line.partition('"message":"')[2].partition('"')[0] or line
        sys.stderr.write(f"    {text}\n")


if __name__ == "__main__":
    main()
