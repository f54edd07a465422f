"""The thread that sends what is queued; where there is none, the caller's thread sends it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock, Thread, get_ident
from typing import Final

from ._entries import Entry
from ._queue import EntryQueue

__all__ = ["Sender"]

_LOOK_AT_SPOOL_SECONDS: Final = 30.0
_JOIN_SECONDS: Final = 5.0


class Sender:
    """Sends all of a queue, one thread at a time.

    A process that forks makes another one in its child: no thread and no lock of this one is there.
    """

    def __init__(  # noqa: PLR0913 - what a handler lends to it
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
        """Start no thread yet.

        Args:
            queue: what is sent.
            name: of the thread.
            flush_interval: how many seconds an entry waits for others to go with it.
            send: sends entries, and settles them.
            replay: sends what waits in the spool; called before what is queued.
            spool_waits: whether anything is in the spool.
            seal: called at the end of a process that skips `atexit`, as multiprocessing's children.
        """
        self.flush_interval = flush_interval
        self.ending = False
        """Whether the process ends: each entry is sent at once, by its caller."""
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

    @property
    def is_here(self) -> bool:
        """Whether it is this thread that is sending."""
        return self._thread == get_ident()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Mark this thread as the one that sends."""
        self._thread = get_ident()
        try:
            yield
        finally:
            self._thread = 0

    def put(self, entry: Entry) -> None:
        """Queue an entry; wait where the queue has no room for it."""
        queue = self._queue
        with queue.changed:
            while not queue.has_room_for(entry) and self._works():
                self._hurry = True
                queue.changed.notify_all()
                queue.changed.wait(1)
            queue.put(entry)
            if not self.ending and self._works() and len(queue) == 1:
                queue.changed.notify_all()
            over = queue.is_over and not self._works()
        if over:
            self.drain()

    def settle(self, entry: Entry) -> None:
        """Wait until an entry is sent, or where its policy says."""
        with self._queue.changed:
            self._hurry = True
            self._queue.changed.notify_all()
            while not entry.done and not self.ending and self._works():
                self._queue.changed.wait(1)
        if not entry.done:
            self.drain()

    def drain(self) -> None:
        """Send all that is queued, in this thread."""
        with self.lock:
            if self._thread:  # a signal handler's flush, in the middle of it
                return
            with self.sending():
                self._replay()
                while entries := self._queue.take():
                    self._send(entries)

    def close(self) -> None:
        """End the thread, once nothing is queued; another entry starts it again."""
        with self._queue.changed:
            worker = self._worker
            self._closing = True
            self._queue.changed.notify_all()
        if worker is not None and worker.ident != get_ident():  # it may be at the spool
            worker.join(_JOIN_SECONDS)

    def _works(self) -> bool:
        """Return whether there is a thread that sends; start one where there is none."""
        if self._worker is not None and self._worker.is_alive():
            return True
        self._closing = False
        worker = Thread(target=self._work, name=self._name, daemon=True)
        try:
            worker.start()
        except RuntimeError:  # the interpreter is shutting down
            return False
        self._worker = worker
        for processes in ("multiprocessing", "billiard"):  # their children leave by `os._exit`
            util = sys.modules.get(f"{processes}.util")
            if util is not None:
                util.Finalize(None, self._seal, exitpriority=10)
        return True

    def _work(self) -> None:
        queue = self._queue
        while True:
            with queue.changed:
                # Asked before the first look: records may wait since another process's time.
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
