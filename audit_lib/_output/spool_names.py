"""Names the spool files: each destination keeps the records that it did not accept in one of its own."""

import glob
import os
import re
from hashlib import sha256
from typing import Final
from urllib.parse import quote

__all__ = ["spool_name", "spools_of"]

_MAX_NAME_LENGTH: Final = 100
_REFUSED: Final = ".refused"
_SUFFIX: Final = re.compile(r"\.[a-z0-9_]+\.[\w%~-]+\.[\w%~-]+(?:\.refused)?")


def spool_name(path: str, kind: str, place: str, target: str, *, refused: bool = False) -> str:
    """Return the path of the spool of one destination: `<path>.<kind>.<place>.<target>[.refused]`.

    Args:
        path: the configured file; its name is the prefix of all spools.
        kind: the kind of the destination.
        place: what distinguishes targets of the same name, such as the region.
        target: the name of its target.
        refused: whether to return the spool of the records that the service will never accept,
            which is not replayed.
    """
    return f"{path}.{kind}.{_encoded(place)}.{_encoded(target)}{_REFUSED if refused else ''}"


def _encoded(name: str) -> str:
    """Return a name percent-encoded, also its dots; over 100 characters, cut and made unique by a hash."""
    encoded = quote(name, safe="").replace(".", "%2E")
    if len(encoded) <= _MAX_NAME_LENGTH:
        return encoded or "_"
    return f"{encoded[:_MAX_NAME_LENGTH]}-{sha256(encoded.encode()).hexdigest()[:8]}"


def spools_of(path: str) -> list[str]:
    """Return the paths of the existing spools: that of the streams, and those of the destinations.

    Other files whose names begin with the path, such as a copy of a spool, are none.
    """
    beside = sorted(glob.glob(f"{glob.escape(path)}.*"))  # noqa: PTH207 - of texts
    found = [name for name in beside if _SUFFIX.fullmatch(name, len(path))]
    return [path, *found] if os.path.exists(path) else found  # noqa: PTH110 - of a text
