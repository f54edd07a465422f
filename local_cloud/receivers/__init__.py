"""Servers on localhost that receive and keep notifications: one module per channel type.

The module's name is the channel type; it defines `RECEIVER`, a subclass of `Receiver`. Modules whose names
begin with `_` are not receivers.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from local_cloud.receivers._receiver import ReceivedMessage, Receiver

__all__ = ["ReceivedMessage", "Receiver", "receiver_types"]


@cache
def receiver_types() -> Mapping[str, type[Receiver]]:
    """Return the receiver classes by channel type, the name of the module in this package."""
    names = sorted(each.name for each in iter_modules(__path__) if not each.name.startswith("_"))
    found = {name: import_module(f"{__name__}.{name}").RECEIVER for name in names}
    return MappingProxyType(found)
