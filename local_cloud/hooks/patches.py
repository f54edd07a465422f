"""Changes to moto: checks what it replaces, and restores everything at the end.

moto is pinned to one version, because these are private names.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any

from local_cloud.errors import HookError

__all__ = ["Patches", "parameters_of"]


class Patches:
    """The changes made, restored in reverse order."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def undo(self) -> None:
        """Restore everything."""
        while self._undo:
            self._undo.pop()()

    def later(self, undo: Callable[[], None]) -> None:
        """Register a callback that `undo` calls."""
        self._undo.append(undo)

    def replace(self, holder: Any, name: str, parameters: str, replacement: Any) -> Any:
        """Replace `holder.name`; return the original, which must have these `parameters`.

        Raises:
            HookError: it does not exist or has other parameters.
        """
        place = f"{getattr(holder, '__qualname__', holder.__name__)}.{name}"
        original = vars(holder).get(name)
        if original is None:
            raise HookError(f"moto has no {place}; install the pinned version of moto")
        found = " ".join(inspect.signature(original).parameters)
        if found != parameters:
            raise HookError(
                f"moto's {place} takes ({found}), not ({parameters}); install the pinned version of moto"
            )
        self.swap(holder, name, replacement)
        return original

    def swap(self, holder: Any, name: str, value: Any) -> None:
        """Set `holder.name` to another value."""
        original = vars(holder)[name]
        setattr(holder, name, value)
        self._undo.append(lambda: setattr(holder, name, original))

    def add(self, holder: Any, name: str, method: Any) -> None:
        """Add an operation that moto does not have.

        Raises:
            HookError: moto has that operation itself.
        """
        if hasattr(holder, name):
            raise HookError(f"moto has its own {name}; remove this hook")
        setattr(holder, name, method)
        self._undo.append(lambda: delattr(holder, name))


def parameters_of(response: Any) -> dict[str, Any]:
    """Return the parameters of a call in the JSON protocol."""
    parameters: dict[str, Any] = json.loads(response.body)
    return parameters
