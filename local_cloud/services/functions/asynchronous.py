"""Runs asynchronous invocations: queues events, and gives up after three failed attempts.

The first attempt is immediate, the second follows one minute after the first has failed, the third two
minutes after the second, on the cloud's clock. Then the event goes to the dead-letter queue:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from local_cloud.services.clock import Clock
from local_cloud.services.functions.processes import InvocationResult

__all__ = ["AsynchronousInvocations"]

_RETRY_AFTER_SECONDS: Final = (60, 120)
_MAX_CONCURRENT: Final = 4


@dataclass(slots=True)
class _Invocation:
    function: str
    event: Any
    request_id: str
    retries: int = 0
    retry_at: float = 0.0


class AsynchronousInvocations:
    """The queued events of all functions, and four threads that invoke the functions.

    Args:
        clock: the cloud's clock, for the retries.
        invoke: invokes a function and waits; called with its name, the event and the request id.
        give_up: called after three failed attempts, with the function's name, the event and the
            last result.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        invoke: Callable[[str, Any, str], InvocationResult],
        give_up: Callable[[str, Any, InvocationResult], None],
    ) -> None:
        self._clock = clock
        self._invoke = invoke
        self._give_up = give_up
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Invocation | None] = queue.SimpleQueue()
        self._retries: list[_Invocation] = []
        self._running = 0
        self._faults: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(_MAX_CONCURRENT)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, function: str, event: Any) -> str:
        """Queue an event for a function; return the request id, which stays the same in retries."""
        invocation = _Invocation(function, event, str(uuid4()))
        with self._lock:
            self._running += 1
        self._queue.put(invocation)
        return invocation.request_id

    def tick(self) -> None:
        """Queue the events whose retry is due on the cloud's clock."""
        now = self._clock.now()
        with self._lock:
            due = [each for each in self._retries if each.retry_at <= now]
            self._retries = [each for each in self._retries if each.retry_at > now]
            self._running += len(due)
        for invocation in due:
            self._queue.put(invocation)

    @property
    def running(self) -> int:
        """The number of events that are being handled at the moment: at most four."""
        with self._lock:
            return min(self._running, _MAX_CONCURRENT)

    @property
    def busy(self) -> bool:
        """Whether an event is queued or being handled; retries that are not yet due do not count."""
        with self._lock:
            return self._running > 0

    def raise_faults(self) -> None:
        """Raise the latest error of the embedded cloud that was not raised yet; do nothing without one.

        Errors of functions are results of invocations, and are not raised.
        """
        if self._faults:
            raise self._faults.pop()

    def stop(self) -> None:
        """Wait until the queued events are handled, and end the threads; pending retries are discarded."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (invocation := self._queue.get()) is not None:
            try:
                self._try(invocation)
            except Exception as error:  # noqa: BLE001 - an error of the cloud itself: `settle` raises it
                self._faults.append(error)
            finally:
                with self._lock:
                    self._running -= 1

    def _try(self, invocation: _Invocation) -> None:
        function, event = invocation.function, invocation.event
        result = self._invoke(function, event, invocation.request_id)
        if not result.failed:
            return
        if invocation.retries < len(_RETRY_AFTER_SECONDS):
            invocation.retry_at = self._clock.now() + _RETRY_AFTER_SECONDS[invocation.retries]
            invocation.retries += 1
            with self._lock:
                self._retries.append(invocation)
        else:
            self._give_up(function, event, result)
