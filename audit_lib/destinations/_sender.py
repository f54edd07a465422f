"""The thread that sends the queue of a destination; if none can be started, the caller's thread does."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, Thread, get_ident
from typing import Final

from audit_lib._record.processes import on_copy

from ._entries import Entry
from ._queue import EntryQueue

__all__ = ["Sender", "is_sending"]

_SENDING: Final[set[int]] = set()
"""The ids of the threads that send, for any destination."""
on_copy(_SENDING.clear)
_LOOK_AT_SPOOL_SECONDS: Final = 30.0
_JOIN_SECONDS: Final = 5.0


def is_sending() -> bool:
    """Return whether the current thread is sending, for any destination."""
    return get_ident() in _SENDING


class Sender:
    """Sends a queue from a daemon thread; a lock ensures that one thread at a time sends.

    The thread replays the spool before it sends, and every 30 seconds while the spool has lines. A
    forked process needs a new `Sender`, because it has neither the thread nor a usable lock.
    """

    def __init__(  # noqa: PLR0913 - the callbacks of a handler
        self,
        queue: EntryQueue,
        *,
        name: str,
        flush_interval: float,
        send: Callable[[list[Entry]], None],
        replay: Callable[[], None],
        spool_waits: Callable[[], bool],
        seal: Callable[[], None],
    ) -> None:
        """Create the sender; the first entry starts its thread.

        Args:
            queue: the queue to send.
            name: the name of the thread.
            flush_interval: how many seconds an entry may wait, so that others are sent with it.
            send: sends entries, and settles them.
            replay: sends the lines of the spool; called before `send`.
            spool_waits: returns whether the spool has lines.
            seal: called at the end of a process that skips `atexit`, as multiprocessing's children.
        """
        self.flush_interval = flush_interval
        self.ending = False
        """Whether the process is ending: the thread that writes an entry sends it immediately."""
        self.lock = RLock()
        """Held by the thread that sends."""
        self._queue = queue
        self._name = name
        self._send = send
        self._replay = replay
        self._spool_waits = spool_waits
        self._seal = seal
        self._thread = 0
        self._worker: Thread | None = None
        self._hurry = False
        self._closing = False

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Mark the current thread as the one that sends."""
        thread = get_ident()
        outer = thread in _SENDING  # it writes a record for another destination while it sends
        self._thread = thread
        _SENDING.add(thread)
        try:
            yield
        finally:
            self._thread = 0
            if not outer:
                _SENDING.discard(thread)

    def put(self, entry: Entry) -> None:
        """Queue an entry, after waiting until the queue has room for it.

        If no thread can be started, do not wait; a queue that exceeds its size is then sent here.
        """
        queue = self._queue
        with queue.changed:
            while not queue.has_room_for(entry) and self._ensure_thread():
                self._hurry = True
                queue.changed.notify_all()
                queue.changed.wait(1)
            was_full = queue.is_full
            queue.put(entry)
            wakes = len(queue) == 1 or (queue.is_full and not was_full)
            if not self.ending and self._ensure_thread() and wakes:
                queue.changed.notify_all()
            over = queue.is_over and not self._ensure_thread()
        if over:
            self.drain()

    def settle(self, entry: Entry) -> None:
        """Wait until an entry is sent or handled by its failure policy.

        If no thread can be started, or the process is ending, the queue is sent in this thread.
        """
        with self._queue.changed:
            self._hurry = True
            self._queue.changed.notify_all()
            while not entry.done and not self.ending and self._ensure_thread():
                self._queue.changed.wait(1)
        if not entry.done:
            self.drain()

    def drain(self) -> None:
        """Replay the spool and send the whole queue in this thread, unless this thread is already sending."""
        with self.lock:
            if self._thread:  # called by a signal handler while sending
                return
            with self.sending():
                self._replay()
                while entries := self._queue.take():
                    self._send(entries)

    def close(self) -> None:
        """End the thread once the queue is empty, and wait at most 5 seconds for it.

        A further entry starts another thread.
        """
        with self._queue.changed:
            worker = self._worker
            self._closing = True
            self._queue.changed.notify_all()
        if worker is not None and worker.ident != get_ident():  # it may be sending the spool
            worker.join(_JOIN_SECONDS)

    def _ensure_thread(self) -> bool:
        """Start the thread if needed; return whether it runs."""
        if self._worker is not None and self._worker.is_alive():
            return True
        self._closing = False
        worker = Thread(target=self._run, name=self._name, daemon=True)
        try:
            worker.start()
        except RuntimeError:  # the interpreter is shutting down
            return False
        self._worker = worker
        for processes in ("multiprocessing", "billiard"):  # their children end with `os._exit`
            util = sys.modules.get(f"{processes}.util")
            if util is not None:
                util.Finalize(None, self._seal, exitpriority=10)
        return True

    def _run(self) -> None:
        queue = self._queue
        while True:
            with queue.changed:
                # Replay before the first wait: an earlier process may have left records.
                if not len(queue) and not self._closing:
                    queue.changed.wait(_LOOK_AT_SPOOL_SECONDS if self._spool_waits() else None)
                if len(queue):
                    queue.changed.wait_for(
                        lambda: self._hurry or self._closing or queue.is_full, self.flush_interval
                    )
                self._hurry = False
                if self._closing and not len(queue):
                    self._worker = None
                    return
            self.drain()
