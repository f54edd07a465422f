"""Encodes a document as JSON in ASCII, the bytes of one line, for the handlers and the hash chain.

Every encoding of a stream accepts such a line, and it contains no character that a reader may treat
as a line end (U+2028, U+0085).
"""

import json
from collections.abc import Callable
from typing import Any, Final

__all__ = ["HIDDEN", "encode", "hidden", "json_text", "prepare"]

HIDDEN: Final = "***"
"""The text that is written instead of a sensitive value."""


def hidden(_: Any) -> str:
    """Return `***` instead of a value that the JSON encoder does not know, such as a `SensitiveValue`."""
    return HIDDEN


# `plain` leaves no NaN; allow_nan=False checks that.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=hidden)

_Dumps = Callable[[Any, Callable[[Any], Any]], bytes]
_dumps: _Dumps | None = None


def encode(document: Any) -> bytes:
    """Return the ASCII JSON of plain values, without a line end.

    `orjson`, if installed, encodes values that are ASCII in a tenth of the time; `json` encodes others.
    """
    try:
        line = (_dumps or prepare())(document, hidden)
    except TypeError:  # nested over 254 levels deep; `plain` allows fewer
        return _escaped(document)
    return line if line.isascii() else _escaped(document)


def json_text(document: Any) -> str:
    """Return the JSON of plain values as a text of a record, which may contain any character."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=hidden)


def prepare() -> _Dumps:
    """Import `orjson` once and return its encoder, or that of `json` if it is not installed.

    The import takes 10 ms, so the first logger calls this, and not the import of `audit_lib`. The first
    record would be too late: if another thread holds the import lock when a process forks, the child
    process can never import.
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
