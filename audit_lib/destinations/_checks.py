"""Checks the arguments of the handlers, so that a mistake is known before the first record."""

from math import isfinite, isnan
from typing import Final

from audit_lib._exceptions import ConfigurationError

__all__ = ["checked_count", "checked_name", "checked_seconds"]

_MAX_SECONDS: Final = 24 * 60 * 60.0


def checked_name(argument: str, value: object) -> str:
    """Return the name of a target.

    Raises:
        ConfigurationError: it is not a text, it is empty, or it has characters that no name has.
    """
    if not isinstance(value, str) or not value or not value.isprintable():
        found = repr(value) if isinstance(value, str) or value is None else type(value).__name__
        raise ConfigurationError(f"{argument}: found {found}; write the name, a text")
    return value


def checked_seconds(argument: str, value: object, *, forever: bool = False) -> float:
    """Return a time in seconds, from 0 to a day, or with `forever` also any longer time.

    Raises:
        ConfigurationError: it is another value.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value)
    if not is_number or value < 0 or not (forever or (isfinite(value) and value <= _MAX_SECONDS)):  # type: ignore[operator,arg-type]
        limit = "0 or more" if forever else f"0 to {_MAX_SECONDS:.0f}"
        raise ConfigurationError(f"{argument}: found {value!r}; write a number of seconds, {limit}")
    return float(value)  # type: ignore[arg-type]


def checked_count(argument: str, value: object) -> int:
    """Return a whole number above 0.

    Raises:
        ConfigurationError: it is another value.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{argument}: found {value!r}; write a whole number above 0")
    return value
