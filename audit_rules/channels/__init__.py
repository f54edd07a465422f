"""Finds the channel types (Slack, e-mail): one module for each, named as the `type` in `audit.toml`.

A channel type consists of four files, each named after the type:

- in this package: its keys in `audit.toml`, its limits, and the grants of the forwarder's role, as data;
- in `lambda/forwarder/channels/`: sends and previews a notification;
- in `local_cloud/receivers/`: receives the notification, for tests, the demo and the embedded cloud;
- in `tests/unit/channels/`: its test.

Other code calls `channel_types`.
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
    """Return the class of each channel type, by its `type` in `audit.toml`."""
    names = sorted(each.name for each in iter_modules(__path__) if not each.name.startswith("_"))
    found = {name: import_module(f"{__name__}.{name}").CHANNEL for name in names}
    return MappingProxyType(found)
