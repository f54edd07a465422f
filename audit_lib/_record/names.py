"""Keeps the names of members distinct where they are shortened or masked, so that no member replaces another."""

from collections.abc import Container

__all__ = ["DistinctNames"]


class DistinctNames:
    """Returns names that an object does not have yet: `name`, else `name (2)`, `name (3)` and so on."""

    __slots__ = ("_counts", "_taken")

    def __init__(self, taken: Container[str]) -> None:
        """Begin with no counts.

        Args:
            taken: the object, or the collection of its names; it may grow.
        """
        self._taken = taken
        self._counts: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        """Return the name itself if it is not taken, else with the first number that is free."""
        if name not in self._taken:
            return name
        number = self._counts.get(name, 1)
        while True:
            number += 1
            if (distinct := f"{name} ({number})") not in self._taken:
                self._counts[name] = number
                return distinct
