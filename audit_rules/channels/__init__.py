"""The channels: the ways to people, one file a type, found by the file's name.

A type of channel is four files, one in each room, all called after the type:

- here: its keys in `audit.toml`, its limits, and what the forwarder's role needs, as plain data;
- `lambda/forwarder/channels/`: how a notification is sent and previewed;
- `local_cloud/receivers/`: the other end, for tests, the demo and the embedded cloud;
- `tests/unit/channels/`: its test.

Nothing else names a type: all others ask `channel_types`.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from ._channel import Channel, Grant

__all__ = ["Channel", "Grant", "channel_types"]


@cache
def channel_types() -> Mapping[str, type[Channel]]:
    """Return the class of each type of channel, by the type as `audit.toml` writes it."""
    names = sorted(each.name for each in iter_modules(__path__) if not each.name.startswith("_"))
    found = {name: import_module(f"{__name__}.{name}").CHANNEL for name in names}
    return MappingProxyType(found)
