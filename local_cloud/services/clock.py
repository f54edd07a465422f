"""The cloud's clock: real time plus an offset, shared by moto, alarms, schedules and functions."""

import datetime  # noqa: ICN001 - its name in moto's module
import time
from math import inf
from typing import TYPE_CHECKING, Any, Final

import moto.core.utils

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["Clock"]

_OFFSET: Final = "_audit_clock_offset"


def _shifted_utcnow() -> Any:
    """Return the cloud's time in UTC; its code replaces that of moto's `utcnow`, in moto's module."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_audit_clock_offset)  # type: ignore[name-defined] # noqa: F821
    return now.replace(tzinfo=None)


class Clock:
    """The real time plus an offset that only grows. While the clock is installed, moto reads it too."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._original: CodeType | None = None

    @property
    def offset(self) -> float:
        """How far the clock is ahead of real time, in seconds."""
        return self._offset

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time() + self._offset

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970."""
        return int(self.now() * 1000)

    def move(self, seconds: float) -> None:
        """Move the time forward in one step; `LocalCloud.advance` moves it minute by minute.

        Raises:
            ValueError: the seconds are negative, infinite or not a number.
        """
        self.check(seconds)
        self._offset += seconds
        setattr(moto.core.utils, _OFFSET, self._offset)

    @staticmethod
    def check(seconds: float) -> None:
        """Check the number of seconds for `move`.

        Raises:
            ValueError: the seconds are negative, infinite or not a number.
        """
        if not 0 <= seconds < inf:
            raise ValueError(
                f"found {seconds} seconds; the clock only moves forward, by a finite number of"
                " seconds"
            )

    def install(self) -> None:
        """Make moto read this clock, by replacing the code of its `utcnow`.

        moto's modules import that function by name, so replacing the attribute would have no effect.
        """
        setattr(moto.core.utils, _OFFSET, self._offset)
        self._original = moto.core.utils.utcnow.__code__
        moto.core.utils.utcnow.__code__ = _shifted_utcnow.__code__

    def uninstall(self) -> None:
        """Make moto read its own clock again."""
        if self._original is not None:
            moto.core.utils.utcnow.__code__ = self._original
            self._original = None
