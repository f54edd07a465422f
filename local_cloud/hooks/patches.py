"""Patches attributes of moto for the hooks, and restores them when the cloud stops.

Before a function is replaced, its parameters are checked: the hooks use private names of moto, so they
work only with the pinned version.
"""

import inspect
import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from local_cloud.errors import HookError

__all__ = ["Patches", "parameters_of"]

_ADVICE = "install the pinned version with `pip install 'audit-lib[ops]'`"


class Patches:
    """The patches that were applied to moto; `undo` reverts them, the last first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def undo(self) -> None:
        """Revert all patches, and call the registered callbacks, the last first."""
        while self._undo:
            self._undo.pop()()

    def later(self, undo: Callable[[], None]) -> None:
        """Register a callback that `undo` calls in its turn."""
        self._undo.append(undo)

    def replace(self, holder: Any, name: str, parameters: str, replacement: Any) -> Any:
        """Replace a function or method, after checking its parameters.

        Args:
            holder: the class or module that defines it.
            name: its name.
            parameters: the names of its parameters, separated by spaces.
            replacement: the new function.

        Returns:
            The original function.

        Raises:
            HookError: the function does not exist or has other parameters.
        """
        place = f"{getattr(holder, '__qualname__', holder.__name__)}.{name}"
        original = vars(holder).get(name)
        if original is None:
            raise HookError(f"moto {version('moto')} has no {place}; {_ADVICE}")
        found = " ".join(inspect.signature(original).parameters)
        if found != parameters:
            raise HookError(
                f"{place} of moto {version('moto')} takes ({found}), not ({parameters}); {_ADVICE}"
            )
        self.swap(holder, name, replacement)
        return original

    def swap(self, holder: Any, name: str, value: Any) -> None:
        """Set the attribute `name` of a class or module to another value, without a check."""
        original = vars(holder)[name]
        setattr(holder, name, value)
        self._undo.append(lambda: setattr(holder, name, original))

    def add(self, holder: Any, name: str, method: Any) -> None:
        """Add a method to a class of moto that does not have it, such as an API operation.

        Raises:
            HookError: the class already has an attribute of that name.
        """
        if hasattr(holder, name):
            place = getattr(holder, "__qualname__", holder.__name__)
            raise HookError(f"moto {version('moto')} already has {place}.{name}; {_ADVICE}")
        setattr(holder, name, method)
        self._undo.append(lambda: delattr(holder, name))


def parameters_of(response: Any) -> dict[str, Any]:
    """Return the parameters of a call in AWS's JSON protocol."""
    parameters: dict[str, Any] = json.loads(response.body)
    return parameters
