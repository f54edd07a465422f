"""The files of records that a service did not accept, one for each destination."""

from hashlib import sha256
from typing import Final
from urllib.parse import quote

from audit_lib._output.spool import Spool

__all__ = ["spool_of"]

_MAX_NAME_LENGTH: Final = 100


def spool_of(path: str, handler_kind: str, target: str, *, refused: bool = False) -> Spool:
    """Return the spool of one destination, which no other destination replays.

    Args:
        path: the configured file; its name is the prefix of all spools.
        handler_kind: the kind of the destination.
        target: the name of its target, of any length and with any characters.
        refused: for records that are not retried, because the service never accepts them.
    """
    name = quote(target, safe="")
    if len(name) > _MAX_NAME_LENGTH:
        name = f"{name[:_MAX_NAME_LENGTH]}-{sha256(name.encode()).hexdigest()[:8]}"
    return Spool(f"{path}.{handler_kind}.{name}{'.refused' if refused else ''}")
