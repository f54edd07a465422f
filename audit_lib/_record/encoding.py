"""A document as the bytes of one line: ASCII alone, whatever is in it.

No encoding of a stream can refuse such a line, and nothing that any reader takes for the end of one
(U+2028, U+0085) is left in it.
"""

import json
from collections.abc import Callable
from typing import Any, Final

__all__ = ["HIDDEN", "encode", "hidden", "prepare"]

HIDDEN: Final = "***"
"""What is written in the place of a sensitive value."""


def hidden(_: Any) -> str:
    """Return the text in the place of a sensitive value that is in no field of its own."""
    return HIDDEN


# allow_nan holds the promise that `plain` makes.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=hidden)

_Dumps = Callable[[Any, Callable[[Any], Any]], bytes]
_dumps: _Dumps | None = None


def encode(document: Any) -> bytes:
    """Return the JSON of plain values, without a line's end.

    Most lines are ASCII: `orjson` writes those, where it is installed, at a tenth of the time.
    """
    try:
        line = (_dumps or prepare())(document, hidden)
    except TypeError:  # nested deeper than 254 levels, which `plain` cuts far above
        return _escaped(document)
    return line if line.isascii() else _escaped(document)


def prepare() -> _Dumps:
    """Import what encodes, which takes 10 ms: not at import, for whoever needs no logger yet.

    Nor at the first record: a thread may be about to fork, and the child could never import then.
    """
    global _dumps  # noqa: PLW0603 - chosen once
    if _dumps is None:
        try:
            from orjson import dumps  # noqa: PLC0415
        except ImportError:  # there is no wheel of it for every platform
            _dumps = _escaped
        else:
            _dumps = dumps
    return _dumps


def _escaped(document: Any, _: object = None) -> bytes:
    return _ENCODER.encode(document).encode("ascii")
