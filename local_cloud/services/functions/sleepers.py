"""Lets functions sleep on the cloud's clock, so that a moved clock wakes them, as it starts what is due."""

import threading
import time
from typing import Final

from local_cloud.services.clock import Clock

__all__ = ["Sleepers"]

_POLL_SECONDS: Final = 0.005


class Sleepers:
    """The invocations that sleep at the moment, each until a time of the cloud's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wakes: dict[object, float] = {}
        self._stopping = False

    def sleep(self, seconds: float) -> float:
        """Wait until the clock has moved by so many seconds, or `stop`; return its time, in seconds since 1970."""
        return self.sleep_until(self._clock.now() + seconds)

    def sleep_until(self, wake: float) -> float:
        """Wait until a time of the clock, or `stop`; return its time. All are in seconds since 1970."""
        sleeper = object()
        with self._lock:
            self._wakes[sleeper] = wake
        try:
            while (left := wake - self._clock.now()) > 0 and not self._stopping:
                time.sleep(min(left, _POLL_SECONDS))
        finally:
            with self._lock:
                del self._wakes[sleeper]
        return self._clock.now()

    def stop(self) -> None:
        """Wake all who sleep, and let nobody sleep from now on."""
        self._stopping = True

    def next_wake(self, running: int) -> float | None:
        """Return when the first of them wakes, if at least so many invocations sleep; else None."""
        with self._lock:
            return min(self._wakes.values()) if 0 < running <= len(self._wakes) else None
