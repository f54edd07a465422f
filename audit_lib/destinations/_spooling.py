"""Names the spool files, in which each destination keeps the records that were not accepted."""

from hashlib import sha256
from typing import Final
from urllib.parse import quote

from audit_lib._output.spool import Spool

__all__ = ["spool_of"]

_MAX_NAME_LENGTH: Final = 100


def spool_of(path: str, handler_kind: str, target: str, *, refused: bool = False) -> Spool:
    """Return the spool of one destination: the file `<path>.<handler_kind>.<target>[.refused]`.

    Args:
        path: the configured file; its name is the prefix of all spools.
        handler_kind: the kind of the destination.
        target: the name of its target; percent-encoded, and over 100 characters cut and
            made unique by a hash.
        refused: whether to return the spool of the records that the service will never accept,
            which is not replayed.
    """
    name = quote(target, safe="")
    if len(name) > _MAX_NAME_LENGTH:
        name = f"{name[:_MAX_NAME_LENGTH]}-{sha256(name.encode()).hexdigest()[:8]}"
    return Spool(f"{path}.{handler_kind}.{name}{'.refused' if refused else ''}")
