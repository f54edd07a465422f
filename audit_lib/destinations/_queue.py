"""The queue of a destination: it counts the bytes of its entries, of those that are being sent too."""

from collections import deque
from collections.abc import Iterable
from threading import Condition

from ._entries import Entry, Limits

__all__ = ["EntryQueue"]


class EntryQueue:
    """A first-in, first-out queue of entries that knows when its maximum size in bytes is reached.

    The condition `changed` guards it, and is notified when entries are settled. The caller of
    `has_room_for`, `put`, `is_over`, `is_full` and `len` has to hold `changed`.
    """

    def __init__(self, limits: Limits, most_bytes: int) -> None:
        self.changed = Condition()
        self._limits = limits
        self._most_bytes = most_bytes
        self._full_bytes = min(limits.batch_bytes, most_bytes // 2)
        self._entries: deque[Entry] = deque()
        self._unsettled: dict[Entry, None] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def has_room_for(self, entry: Entry) -> bool:
        """Return whether an entry fits; any entry fits if none is queued or being sent."""
        return not self._bytes or self._bytes + self._limits.size(entry) <= self._most_bytes

    def put(self, entry: Entry) -> None:
        """Add an entry, even if it does not fit."""
        self._entries.append(entry)
        self._bytes += self._limits.size(entry)
        self._unsettled[entry] = None

    def unsettled(self) -> list[Entry]:
        """Return the entries that are queued or being sent, in the order in which they were added."""
        with self.changed:
            return list(self._unsettled)

    @property
    def is_over(self) -> bool:
        """Whether the queued and unsettled entries exceed the maximum size."""
        return self._bytes > self._most_bytes

    @property
    def is_full(self) -> bool:
        """Whether the entries reach the maximum size of a call or half of the queue's size."""
        return self._bytes >= self._full_bytes

    def take(self) -> list[Entry]:
        """Remove and return all entries; their bytes count until they are settled."""
        with self.changed:
            entries = list(self._entries)
            self._entries.clear()
        return entries

    def settle(self, entries: Iterable[Entry]) -> None:
        """Mark entries as done, and notify threads that wait for them or for room."""
        with self.changed:
            for entry in entries:
                if not entry.done:
                    entry.done = True
                    self._unsettled.pop(entry, None)
                    self._bytes -= self._limits.size(entry)
            self.changed.notify_all()
