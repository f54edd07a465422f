"""Writes `changes.notes`, which says what values of a record were masked, shortened or not readable."""

from functools import lru_cache
from typing import Any, Final

__all__ = ["add_notes", "path_text"]

# A record with more notes than these has one entry for the rest.
_MAX_NOTES: Final = 100
_STATES: Final = frozenset({"before", "after"})


@lru_cache(maxsize=1024)
def path_text(path: tuple[str, ...]) -> str:
    """Return a path as text: `phone` for a field of `changes.before` or `after`, else `$.error.message`."""
    if len(path) > 2 and path[0] == "changes" and path[1] in _STATES:
        return ".".join(path[2:])
    return ".".join(("$", *path))


def add_notes(document: dict[str, Any], notes: dict[str, str], most: int = _MAX_NOTES) -> None:
    """Add all notes of a record to `changes.notes` of its document, in place, once; the caller's are kept.

    Only the first 100 notes are written, and the number of further notes. A `changes` that is not an
    object is moved to `changes.extra`.

    Args:
        document: the document.
        notes: path → `masked`, `hashed`, `dropped`, `shortened`, `unreadable` or `beyond limit`.
        most: how many notes are written, if that is fewer than 100.
    """
    changes = document.get("changes")
    if not isinstance(changes, dict):
        changes = {} if changes is None else {"extra": changes}
    present = changes.get("notes")
    noted = notes
    if present is not None:
        noted = {**(present if isinstance(present, dict) else {"notes": present}), **notes}
    most = min(most, _MAX_NOTES)
    if len(noted) > most:
        more = len(noted) - most
        noted = {**dict(list(noted.items())[:most]), "…": f"{more} more"}
    document["changes"] = {**changes, "notes": noted}
