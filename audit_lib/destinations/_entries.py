"""Records on their way to a service, and how many of them one call takes."""

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
    """A record on its way: its JSON without a proof, and what is to be done if nobody takes it."""

    __slots__ = ("body", "done", "error", "policy")

    def __init__(self, body: bytes, policy: str) -> None:
        self.body = body
        self.policy = policy
        self.done = False
        self.error: RecordLostError | None = None

    @property
    def milliseconds(self) -> int:
        """When it happened, since 1970; now, if the line does not say."""
        return milliseconds_of(self.body)


class Limits(NamedTuple):
    """What a service takes in one call: bytes are those of lines, ends included."""

    events: int
    batch_bytes: int
    line_bytes: int
    event_overhead_bytes: int = 0

    def size(self, entry: Entry) -> int:
        """Return the most bytes that an entry adds to a call."""
        return len(entry.body) + TAIL_BYTES + self.event_overhead_bytes


def batches(entries: Iterable[Entry], limits: Limits) -> Iterable[list[Entry]]:
    """Cut entries into what one call takes, with room for the lines that open and seal a chain."""
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
    """Group entries by their failure policy; each one whose caller waits for it is alone."""
    together: dict[object, list[Entry]] = {}
    for entry in entries:
        together.setdefault(entry if entry.policy == "raise" else entry.policy, []).append(entry)
    return together.values()


def milliseconds_of(line: bytes) -> int:
    """Return the `@timestamp` that a line begins with, in milliseconds since 1970; or now."""
    try:
        return round(datetime.fromisoformat(line[15:39].decode("ascii")).timestamp() * 1000)
    except ValueError:
        return int(time() * 1000)
