"""Records that are queued for a service, and the limits of a call."""

from collections.abc import Iterable
from datetime import datetime
from time import time
from typing import TYPE_CHECKING, Final, NamedTuple

from audit_lib._proof.chain import TAIL_BYTES

if TYPE_CHECKING:
    from audit_lib._exceptions import RecordLostError

__all__ = ["Entry", "Limits", "batches", "by_policy", "milliseconds_of"]

_OPENING_BYTES: Final = 1024


class Entry:
    """A queued record: its JSON without a proof, and its failure policy."""

    __slots__ = ("body", "done", "error", "policy")

    def __init__(self, body: bytes, policy: str) -> None:
        self.body = body
        self.policy = policy
        self.done = False
        self.error: RecordLostError | None = None

    @property
    def milliseconds(self) -> int:
        """The time of the record, in milliseconds since 1970."""
        return milliseconds_of(self.body)


class Limits(NamedTuple):
    """The limits of a call of a service. Bytes are those of lines, with their line ends."""

    events: int
    batch_bytes: int
    line_bytes: int
    event_overhead_bytes: int = 0

    def size(self, entry: Entry) -> int:
        """Return the maximum number of bytes that an entry adds to a call."""
        return len(entry.body) + TAIL_BYTES + self.event_overhead_bytes


def batches(entries: Iterable[Entry], limits: Limits) -> Iterable[list[Entry]]:
    """Divide entries into batches for one call, with room for the lines that open and seal a chain."""
    most_bytes = limits.batch_bytes - 2 * _OPENING_BYTES
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        more = limits.size(entry)
        if batch and (size + more > most_bytes or len(batch) + 2 >= limits.events):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch


def by_policy(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """Group entries by their failure policy; each entry with `raise` is a group of its own."""
    together: dict[object, list[Entry]] = {}
    for entry in entries:
        together.setdefault(entry if entry.policy == "raise" else entry.policy, []).append(entry)
    return together.values()


def milliseconds_of(line: bytes) -> int:
    """Return the `@timestamp` at the beginning of a line, in milliseconds since 1970; else now."""
    try:
        return round(datetime.fromisoformat(line[15:39].decode("ascii")).timestamp() * 1000)
    except ValueError:
        return int(time() * 1000)
