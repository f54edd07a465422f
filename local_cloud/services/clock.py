"""The cloud's clock: real time and an offset, one for moto, alarms, schedules and functions."""

import datetime  # noqa: ICN001 - the name that moto's module knows it by
import time
from math import inf
from typing import TYPE_CHECKING, Any, Final

import moto.core.utils

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["Clock"]

_OFFSET: Final = "_audit_clock_offset"


def _shifted_utcnow() -> Any:
    """Replace moto's `utcnow`; its names are looked up in moto's module."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_audit_clock_offset)  # type: ignore[name-defined] # noqa: F821
    return now.replace(tzinfo=None)


class Clock:
    """Reads and moves the time. While it is installed, moto has the same time."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._original: CodeType | None = None

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self._offset

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970."""
        return int(self.now() * 1000)

    def move(self, seconds: float) -> None:
        """Move it forward at once; `LocalCloud.advance` lets everything happen on the way."""
        self.check(seconds)
        self._offset += seconds
        setattr(moto.core.utils, _OFFSET, self._offset)

    @staticmethod
    def check(seconds: float) -> None:
        """Refuse to go backward.

        Raises:
            ValueError: the seconds are negative, infinite or not a number.
        """
        if not 0 <= seconds < inf:
            raise ValueError(f"found {seconds} seconds; the clock only moves forward")

    def install(self) -> None:
        """Let moto read this clock. Its function is imported by name everywhere, so its code changes."""
        setattr(moto.core.utils, _OFFSET, self._offset)
        self._original = moto.core.utils.utcnow.__code__
        moto.core.utils.utcnow.__code__ = _shifted_utcnow.__code__

    def uninstall(self) -> None:
        """Let moto read its own clock again."""
        if self._original is not None:
            moto.core.utils.utcnow.__code__ = self._original
            self._original = None
