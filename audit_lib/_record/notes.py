"""`changes.notes`: which values of a record were altered, so that "masked" is not read as "empty"."""

from functools import lru_cache
from typing import Any, Final

__all__ = ["UnreadableText", "add_notes", "event_last", "path_text"]

# A record with more notes than these has one entry for the rest.
_MAX_NOTES: Final = 100
_STATES: Final = frozenset({"before", "after"})


class UnreadableText(str):
    """The text that replaces a value which could not be converted, or only in part."""

    __slots__ = ()


@lru_cache(maxsize=1024)
def path_text(path: tuple[str, ...]) -> str:
    """Return a path as text: `phone` within the states of a record, `$.error.message` elsewhere."""
    if len(path) > 2 and path[0] == "changes" and path[1] in _STATES:
        return ".".join(path[2:])
    return ".".join(("$", *path))


def add_notes(document: dict[str, Any], notes: dict[str, str]) -> None:
    """Add path → `masked`, `hashed`, `dropped`, `shortened` or `unreadable` to a document."""
    changes = document.get("changes")
    if not isinstance(changes, dict):
        changes = {} if changes is None else {"extra": changes}
    present = changes.get("notes")
    noted = notes
    if present is not None:
        noted = {**(present if isinstance(present, dict) else {"notes": present}), **notes}
    if len(noted) > _MAX_NOTES:
        more = len(noted) - _MAX_NOTES
        noted = {**dict(list(noted.items())[:_MAX_NOTES]), "…": f"{more} more"}
    document["changes"] = {**changes, "notes": noted}


def event_last(document: dict[str, Any]) -> dict[str, Any]:
    """Return the same document with `event` last, so that the proof of the line can follow it."""
    if "event" in document:
        document["event"] = document.pop("event")
    return document
