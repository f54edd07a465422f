"""Converts values without fields (numbers, dates, paths, …) to JSON values, for `plain`.

Conversions are found by the name of the class, so that no module such as `decimal` or `uuid` is
imported for an application that does not use it.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from .interrupts import from_signal_handler

__all__ = [
    "LEAVES",
    "MAX_SAFE_INTEGER",
    "class_name",
    "error_text",
    "finite",
    "integer",
    "well_formed",
]

# I-JSON (RFC 7493, section 2.2): many readers lose the last digits of a larger integer.
MAX_SAFE_INTEGER: Final = 2**53 - 1


def class_name(cls: type) -> str:
    """Return the full name of a class: `decimal.Decimal`, but `int` without the module `builtins`."""
    try:
        return f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")
    except Exception as error:
        if from_signal_handler(error):
            raise
        return "unreadable class"  # a metaclass may raise anything


def error_text(error: BaseException) -> str:
    """Return the class and the text of an exception; only the class if its `__str__` raises."""
    try:
        return f"{type(error).__name__}: {well_formed(str(error))}"
    except Exception as failure:
        if from_signal_handler(failure):
            raise
        return type(error).__name__  # a `__str__` may raise anything


def well_formed(text: str) -> str:
    """Return a text with lone surrogates, which strict JSON readers reject, as backslash escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def integer(value: int) -> int | str:
    """Return an integer, or its digits as text if it is beyond ±(2**53 - 1).

    The digits are decimal, or hexadecimal (`0x…`) beyond the limit of `sys.get_int_max_str_digits()`.
    """
    if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return value
    try:
        return str(value)
    except ValueError:  # over sys.get_int_max_str_digits(), which does not limit hexadecimal
        return hex(value)


def finite(value: float) -> float | str:
    """Return a finite float unchanged, else the text `NaN`, `Infinity` or `-Infinity`."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _date_time(value: Any) -> str:
    if value.tzinfo is not None and value.utcoffset() is not None:
        from datetime import UTC  # noqa: PLC0415 - imported already: the value is one of its classes

        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
    return str(value.isoformat())


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _zone(value: Any) -> str:
    offset = str(type(value)(value.utcoffset(None)))
    return offset if str(value) == offset else f"{value} ({offset})"


def _time(value: Any) -> str:
    # Without a date, the offset of a named zone is unknown: the name is written instead.
    named = value.tzinfo is not None and value.utcoffset() is None
    return f"{value.isoformat()}[{value.tzinfo}]" if named else str(value.isoformat())


def _pattern(value: Any) -> str:
    from re import UNICODE, RegexFlag  # noqa: PLC0415 - imported already: it made the pattern

    text = value.pattern if isinstance(value.pattern, str) else _binary(value.pattern)
    flags = RegexFlag(value.flags) & ~UNICODE  # which each pattern of a text has
    return well_formed(f"{text} ({flags.name})" if flags else text)


def _duration(value: Any) -> str:
    # The first edition of ISO 8601 has no sign for a duration; XML Schema and Java read this form.
    sign, rest = ("-", -value) if value.days < 0 else ("", value)
    hours, seconds = divmod(rest.seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{rest.microseconds:06}".rstrip("0") if rest.microseconds else ""
    days = f"{rest.days}D" if rest.days else ""
    parts = [f"{hours}H" if hours else "", f"{minutes}M" if minutes else ""]
    if seconds or fraction or not (days or any(parts)):
        parts.append(f"{seconds}{fraction}S")
    clock = "".join(parts)
    return f"{sign}P{days}{'T' if clock else ''}{clock}"


def _decimal(value: Any) -> int | float | str:
    if not value.is_finite():
        return "NaN" if value.is_nan() else "-Infinity" if value.is_signed() else "Infinity"
    # A number only if the value is exactly the same: 30.40 is (30.4), 0.1000000000000000000001 is not.
    as_float = float(value)
    if math.isfinite(as_float) and type(value)(repr(as_float)) == value:
        return as_float if value.as_tuple().exponent < 0 else integer(int(value))
    return str(value)


def _binary(value: Any) -> str:
    from base64 import b64encode  # noqa: PLC0415 - such values are rare

    return f"base64:{b64encode(value).decode()}"


def _routine(value: Any) -> str:
    return str(getattr(value, "__qualname__", value.__name__))


LEAVES: Final[dict[str, Callable[[Any], Any]]] = {
    "str": lambda value: well_formed(str.__str__(value)),
    "bool": bool,
    "int": lambda value: integer(int(value)),
    "float": lambda value: finite(float(value)),
    "complex": str,
    "bytes": _binary,
    "bytearray": _binary,
    "memoryview": _binary,
    "type": class_name,
    "function": _routine,
    "builtin_function_or_method": _routine,
    "method": _routine,
    "module": _routine,
    "BaseException": error_text,
    "decimal.Decimal": _decimal,
    "fractions.Fraction": str,
    "datetime.datetime": _date_time,
    "datetime.date": _iso,
    "datetime.time": _time,
    "datetime.timedelta": _duration,
    "uuid.UUID": str,
    "pathlib.PurePath": str,
    "pathlib._local.PurePath": str,
    "ipaddress.IPv4Address": str,
    "ipaddress.IPv6Address": str,
    "ipaddress.IPv4Network": str,
    "ipaddress.IPv6Network": str,
    "datetime.timezone": _zone,
    "datetime.tzinfo": str,
    "re.Pattern": _pattern,
}
"""The name of a class, as returned by `class_name` → the conversion of its objects and of subclasses."""
