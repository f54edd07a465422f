"""The receiving end of the channels, a file a type: real servers on localhost that keep what arrives.

A file is found by its name, which is the type of the channel; it defines `RECEIVER`, a class of `Receiver`.
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
    """Return the receiver of each type of channel."""
    names = sorted(each.name for each in iter_modules(__path__) if not each.name.startswith("_"))
    found = {name: import_module(f"{__name__}.{name}").RECEIVER for name in names}
    return MappingProxyType(found)
