"""Encodes a document as the bytes of one line, in ASCII only.

Every encoding of a stream accepts such a line, and it contains no character that a reader may treat
as a line end (U+2028, U+0085).
"""

import json
from collections.abc import Callable
from typing import Any, Final

__all__ = ["HIDDEN", "encode", "hidden", "prepare"]

HIDDEN: Final = "***"
"""The text that is written instead of a sensitive value."""


def hidden(_: Any) -> str:
    """Return the mask, instead of a `SensitiveValue` that is nested in another value."""
    return HIDDEN


# `plain` leaves no NaN; allow_nan=False checks that.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=hidden)

_Dumps = Callable[[Any, Callable[[Any], Any]], bytes]
_dumps: _Dumps | None = None


def encode(document: Any) -> bytes:
    """Return the JSON of plain values, without a line end.

    Most lines are ASCII: `orjson`, if installed, encodes those in a tenth of the time.
    """
    try:
        line = (_dumps or prepare())(document, hidden)
    except TypeError:  # nested over 254 levels deep; `plain` allows fewer
        return _escaped(document)
    return line if line.isascii() else _escaped(document)


def prepare() -> _Dumps:
    """Import the encoder, which takes 10 ms: with the first logger, not with `audit_lib`.

    Not with the first record: another thread may hold the import lock when a process forks, and the
    child could never import.
    """
    global _dumps  # noqa: PLW0603 - chosen once
    if _dumps is None:
        try:
            from orjson import dumps  # noqa: PLC0415
        except ImportError:  # some platforms have no wheel
            _dumps = _escaped
        else:
            _dumps = dumps
    return _dumps


def _escaped(document: Any, _: object = None) -> bytes:
    return _ENCODER.encode(document).encode("ascii")
