"""The files of a destination's records that its service did not take."""

from hashlib import sha256
from typing import Final
from urllib.parse import quote

from audit_lib._output.spool import Spool

__all__ = ["spool_of"]

_LONGEST_NAME: Final = 100


def spool_of(path: str, kept_by: str, target: str, *, refused: bool = False) -> Spool:
    """Return a file of one destination alone: no other one may take what it did not get.

    Args:
        path: the file that is configured, whose name begins the names of all of them.
        kept_by: the kind of the destination.
        target: what it writes to, of any length and of any characters.
        refused: for records that are not tried again, since the service never takes them.
    """
    name = quote(target, safe="")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{sha256(name.encode()).hexdigest()[:8]}"
    return Spool(f"{path}.{kept_by}.{name}{'.refused' if refused else ''}")
