"""Stores the log events of all log streams in a temporary file instead of memory.

moto keeps an object of almost 1 KB per log event. Here, a log event needs 12 bytes of memory: its position
in the file, and its length.
"""

import json
import os
import tempfile
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

__all__ = ["EventFile", "StoredEvent", "StoredEvents"]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A log event: its id, message, and ingestion time and timestamp in milliseconds since 1970."""

    ingestion_time: int
    timestamp: int
    event_id: str
    message: str

    def to_filter_dict(self) -> dict[str, Any]:
        """Return the log event as FilterLogEvents does, without the log stream's name."""
        return {"eventId": self.event_id, **self.to_response_dict()}

    def to_response_dict(self) -> dict[str, Any]:
        """Return the log event as GetLogEvents does."""
        return {
            "ingestionTime": self.ingestion_time,
            "message": self.message,
            "timestamp": self.timestamp,
        }


class EventFile:
    """A temporary file for the log events of all streams; threads may share it, `close` removes it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="audit-events-")  # noqa: SIM115 - `close` closes it
        self._size = 0
        self._lock = threading.Lock()

    def append(self, texts: Sequence[bytes]) -> int:
        """Append texts to the file; return the position of the first in bytes."""
        joined = b"".join(texts)
        with self._lock:
            begin = self._size
            os.pwrite(self._file.fileno(), joined, begin)
            self._size += len(joined)
        return begin

    def read(self, begin: int, length: int) -> bytes:
        """Return `length` bytes of the file from the position `begin`."""
        return os.pread(self._file.fileno(), length, begin)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


class StoredEvents(Sequence[StoredEvent]):
    """The log events of one log stream: a sequence that replaces moto's list and reads from the file."""

    def __init__(self, file: EventFile) -> None:
        self._file = file
        self._begins = array("Q")
        self._lengths = array("I")

    def extend(self, events: Iterable[StoredEvent]) -> None:
        """Append log events to the file and the sequence."""
        texts = [
            json.dumps([e.ingestion_time, e.timestamp, e.event_id, e.message]).encode()
            for e in events
        ]
        begin = self._file.append(texts)
        for text in texts:
            self._lengths.append(len(text))
            self._begins.append(begin)  # last: an event with a position is complete
            begin += len(text)

    def __len__(self) -> int:
        return len(self._begins)

    @overload
    def __getitem__(self, index: int) -> StoredEvent: ...
    @overload
    def __getitem__(self, index: slice) -> list[StoredEvent]: ...
    def __getitem__(self, index: int | slice) -> StoredEvent | list[StoredEvent]:
        if isinstance(index, slice):
            return [self._event(number) for number in range(*index.indices(len(self)))]
        return self._event(index)

    def __iter__(self) -> Iterator[StoredEvent]:
        for number in range(len(self)):
            yield self._event(number)

    def _event(self, number: int) -> StoredEvent:
        text = self._file.read(self._begins[number], self._lengths[number])
        return StoredEvent(*json.loads(text))
