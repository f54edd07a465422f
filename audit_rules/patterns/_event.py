"""Parses the message of a log event for filter patterns; no message can cause an error."""

import json
from typing import Any, Final, NewType

JsonEvent = NewType("JsonEvent", dict[str, object])
"""A parsed message; its numbers are `NumberText`, other values as `json` returns them."""


class NumberText(str):
    """The text of a JSON number.

    A string comparison such as `$.latency = 4*` uses the text. It is converted to a number only for
    a numeric comparison, so an integer of a million digits costs nothing.
    """

    __slots__ = ()


class LogEvent:
    """The message of a log event; it is parsed at most once for all patterns."""

    __slots__ = ("_fields", "_json", "message")

    def __init__(self, message: str) -> None:
        self.message = message
        self._json: Any = _UNREAD
        self._fields: list[str] | None = None

    @property
    def json(self) -> JsonEvent | None:
        """The message as a JSON object; None if it is not a JSON object, or is nested too deeply."""
        if self._json is _UNREAD:
            self._json = _read_json(self.message)
        found: JsonEvent | None = self._json
        return found

    @property
    def fields(self) -> list[str]:
        """The message as fields separated by spaces; `[…]` and `"…"` are one field each."""
        if self._fields is None:
            self._fields = _split(self.message)
        return self._fields


_UNREAD: Final = object()


def _refuse_constant(name: str) -> object:
    raise ValueError(name)  # NaN and Infinity: Python accepts them, JSON does not


_DECODER: Final = json.JSONDecoder(
    parse_float=NumberText, parse_int=NumberText, parse_constant=_refuse_constant
)


def _read_json(message: str) -> JsonEvent | None:
    if not message.lstrip(" \t\r\n").startswith("{"):
        return None  # most ordinary log lines
    try:
        return JsonEvent(_DECODER.decode(message))
    except (ValueError, RecursionError):
        return None


_CLOSING: Final = {"[": "]", '"': '"'}


def _split(message: str) -> list[str]:
    fields = []
    last = {closing: message.rfind(closing) for closing in _CLOSING.values()}
    at = 0
    while at < len(message):
        if message[at].isspace():
            at += 1
            continue
        closing = _CLOSING.get(message[at])
        if closing is not None and last[closing] > at:
            end = message.index(closing, at + 1)
            fields.append(message[at + 1 : end])
            at = end + 1
            continue
        begin = at
        while at < len(message) and not message[at].isspace():
            at += 1
        fields.append(message[begin:at])
    return fields
