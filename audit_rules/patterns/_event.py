"""A log message as JSON, read so that no message can do harm."""

import json
from typing import Final, NewType

JsonEvent = NewType("JsonEvent", dict[str, object])
"""A parsed message; its numbers are `NumberText`, all else is what `json` gives."""


class NumberText(str):
    """A JSON number as it was written.

    The text is what a string comparison such as `$.latency = 4*` looks at. It becomes a number
    only where one is compared, so an integer of a million digits costs nothing.
    """

    __slots__ = ()


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and Infinity: Python reads them, JSON has none


_DECODER: Final = json.JSONDecoder(
    parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse_constant
)


def read_event(message: str) -> JsonEvent | None:
    """Parse a message; None when it is not one JSON object, or nests too deeply to be read."""
    if not message.lstrip(" \t\r\n").startswith("{"):
        return None  # most ordinary log lines end here
    try:
        return JsonEvent(_DECODER.decode(message))
    except (ValueError, RecursionError):
        return None
