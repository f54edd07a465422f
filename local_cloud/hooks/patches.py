"""Changes to moto: what is replaced is checked first, and everything is restored at the end.

moto is pinned exactly, because these are private names.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any

from local_cloud.errors import HookError

__all__ = ["Patches", "given"]


class Patches:
    """What was changed, so that it can be restored, the last change first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def undo(self) -> None:
        """Restore everything."""
        while self._undo:
            self._undo.pop()()

    def later(self, undo: Callable[[], None]) -> None:
        """Note how something else is restored."""
        self._undo.append(undo)

    def replace(self, holder: Any, name: str, parameters: str, replacement: Any) -> Any:
        """Replace `holder.name`; return the original, which must have these `parameters`.

        Raises:
            HookError: it does not exist or has other parameters.
        """
        place = f"{getattr(holder, '__qualname__', holder.__name__)}.{name}"
        original = vars(holder).get(name)
        if original is None:
            raise HookError(f"moto has no {place} any more; install the moto that is pinned")
        found = " ".join(inspect.signature(original).parameters)
        if found != parameters:
            raise HookError(f"moto's {place} takes ({found}), not ({parameters})")
        self.swap(holder, name, replacement)
        return original

    def swap(self, holder: Any, name: str, value: Any) -> None:
        """Set `holder.name` to another value."""
        original = vars(holder)[name]
        setattr(holder, name, value)
        self._undo.append(lambda: setattr(holder, name, original))

    def add(self, holder: Any, name: str, method: Any) -> None:
        """Add an operation that moto lacks.

        Raises:
            HookError: moto has that operation itself.
        """
        if hasattr(holder, name):
            raise HookError(f"moto has a {name} of its own by now; use that")
        setattr(holder, name, method)
        self._undo.append(lambda: delattr(holder, name))


def given(response: Any) -> dict[str, Any]:
    """Return the parameters of a call in the JSON protocol."""
    parameters: dict[str, Any] = json.loads(response.body)
    return parameters
