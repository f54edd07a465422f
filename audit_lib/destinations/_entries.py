"""Queued records, the limits of a service's call, and batches that keep these limits."""

from collections.abc import Iterable
from datetime import datetime
from time import time
from typing import TYPE_CHECKING, Final, NamedTuple

from audit_lib._proof.chain import TAIL_BYTES

if TYPE_CHECKING:
    from audit_lib._exceptions import RecordLostError

__all__ = ["Entry", "Limits", "batches", "by_policy", "milliseconds_of"]

_CHAIN_LINE_BYTES: Final = 1024


class Entry:
    """A queued record: its JSON without hash-chain members, its failure policy, and its state.

    `done` is true once the service accepted the record or its policy was applied; `failed` says that it
    was its policy; `error` is what the caller that wrote the record has to raise.
    """

    __slots__ = ("body", "done", "error", "failed", "policy")

    def __init__(self, body: bytes, policy: str) -> None:
        self.body = body
        self.policy = policy
        self.done = self.failed = False
        self.error: RecordLostError | None = None

    @property
    def milliseconds(self) -> int:
        """The record's `@timestamp` in milliseconds since 1970; the current time if it is unreadable."""
        return milliseconds_of(self.body)


class Limits(NamedTuple):
    """The limits of one call to a service.

    Attributes:
        events: the maximum number of lines.
        batch_bytes: the maximum size of all lines, with line ends and overhead.
        line_bytes: the maximum size of a line, with its line end.
        event_overhead_bytes: what the service adds to the size of each line.
    """

    events: int
    batch_bytes: int
    line_bytes: int
    event_overhead_bytes: int = 0

    @property
    def bytes_beside_chain(self) -> int:
        """The size of a call without the two lines that open and seal a chain."""
        return self.batch_bytes - 2 * _CHAIN_LINE_BYTES

    def size(self, entry: Entry) -> int:
        """Return the maximum number of bytes that an entry adds to a call, with proof and overhead."""
        return len(entry.body) + TAIL_BYTES + self.event_overhead_bytes


def batches(entries: Iterable[Entry], limits: Limits) -> Iterable[list[Entry]]:
    """Divide entries into batches of one call each, in their order.

    Each batch leaves room for the two lines that open and seal a chain, of 1,024 bytes each, unless its
    only entry is so long that it needs the whole call.
    """
    most_bytes = limits.bytes_beside_chain
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
    """Return the `@timestamp` of a line in milliseconds since 1970; the current time if unreadable.

    The timestamp is read at bytes 15 to 38, where the formatter writes it.
    """
    try:
        return round(datetime.fromisoformat(line[15:39].decode("ascii")).timestamp() * 1000)
    except ValueError:
        return int(time() * 1000)
