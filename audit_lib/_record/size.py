"""Shortens a document that is too long for a line, for the handlers, and notes what was shortened.

The log drivers of Docker and Kubernetes split a line at 16 KiB, in the middle of the JSON.
"""

from collections.abc import Iterator
from typing import Any, Final

from .encoding import encode
from .head import HEAD
from .names import DistinctNames
from .notes import add_notes, path_text

__all__ = ["fitted"]

_MIN_TEXT: Final = 64
_MIN_MEMBERS: Final = 4
# What identifies a record is kept whole until only the essential fields are left.
_KEPT_WHOLE: Final = frozenset({("log",), ("event", "id"), ("event", "action"), ("@timestamp",)})


def fitted(document: dict[str, Any], notes: dict[str, str], limit: int) -> bytes:
    """Return the JSON of a document with its notes, shortened until it has at most `limit` bytes.

    Texts are shortened first, the longest first and to no less than 64 characters; then objects and
    lists, to no less than 4 members. If that is not enough, only the essential fields remain (texts of
    128 characters); their length is not compared with `limit`. A shortened value ends with the number
    of characters or members that were removed; `changes.notes` has its path.
    """
    attempts = [(longest, limit) for longest in _halves(limit // 2, _MIN_TEXT)]
    attempts += [(_MIN_TEXT, most) for most in _halves(limit // 32, _MIN_MEMBERS)]
    for longest, most in attempts:
        line = _encoded(document, notes, longest, most)
        if len(line) <= limit:
            return line
    return encode(_essential_fields(document))


def _halves(number: int, least: int) -> Iterator[int]:
    while number >= least:
        yield number
        number //= 2


def _encoded(document: dict[str, Any], notes: dict[str, str], longest: int, most: int) -> bytes:
    shortening = _Shortening(longest, most)
    short = shortening.object(document, ())
    noted = shortening.notes
    distinct = DistinctNames(noted)
    for path, note in notes.items():
        if noted.get(path) != note and (path not in noted or len(path) > longest):
            noted[distinct(_cut(path, longest))] = note
    add_notes(short, noted, most)
    return encode(short)


class _Shortening:
    """One pass: no text has more than `longest` characters, no container more than `most` members."""

    def __init__(self, longest: int, most: int) -> None:
        self._longest = longest
        self._most = most
        self.notes: dict[str, str] = {}

    def object(self, value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        kept = list(value.items())
        removed = 0
        if path and len(kept) > self._most:
            self.notes[path_text(path)] = "shortened"
            removed = len(kept) - self._most
            kept = kept[: self._most]
        result: dict[str, Any] = {}
        distinct = DistinctNames(result)
        for name, inner in kept:
            short = distinct(self._text(name, (*path, name)))
            result[short] = self._value(inner, (*path, name))
        if removed:
            result[distinct("…")] = f"<shortened: {removed} more>"
        return result

    def _value(self, value: Any, path: tuple[str, ...]) -> Any:
        if path in _KEPT_WHOLE:
            return value
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            return self.object(value, path)
        if isinstance(value, list):
            kept = [self._value(inner, (*path, str(at))) for at, inner in enumerate(value)]
            if len(kept) > self._most:
                self.notes[path_text(path)] = "shortened"
                kept = [*kept[: self._most], f"<shortened: {len(kept) - self._most} more>"]
            return kept
        return value

    def _text(self, value: str, path: tuple[str, ...]) -> str:
        if len(value) <= self._longest:
            return value
        short = _cut(value, self._longest)
        self.notes[path_text((*path[:-1], _cut(path[-1], _MIN_TEXT)))] = "shortened"
        return short


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}<shortened: {len(text) - longest} more characters>"


def _essential_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies a record, its user and its subject, texts cut to 128 characters."""
    essential: dict[str, Any] = {name: _brief(document[name]) for name in HEAD if name in document}
    changes = document.get("changes")
    if isinstance(changes, dict):
        about = ("record_type", "record_id")
        essential["changes"] = {name: _brief(changes[name]) for name in about if name in changes}
    if "log" in document:
        # The end of the logger's name is kept, because filters match it: `*.audit`.
        essential["log"] = {"logger": str(document["log"].get("logger", ""))[-256:]}
    user = document.get("user")
    if isinstance(user, dict):
        essential["user"] = {name: _brief(user[name]) for name in ("id", "name") if name in user}
    add_notes(essential, {"$": "shortened"})
    event = document.get("event", {})
    named = ("id", "kind", "action", "outcome", "category", "type")
    essential["event"] = {name: _brief(event[name]) for name in named if name in event}
    return essential


def _brief(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _brief(value[name]) for name in ("pid", "name") if name in value}
    if isinstance(value, list):
        return [_brief(inner) for inner in value[:4] if isinstance(inner, str)]
    return _cut(value, 128) if isinstance(value, str) else value
