"""Evaluates selectors such as `$.a.b[0]`, which select the values that a condition applies to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ._event import JsonEvent


@dataclass(frozen=True, slots=True)
class Property:
    """`.name` or `.['any name']`: a property of an object."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}" if _BARE.fullmatch(self.name) else f".['{self.name}']"


@dataclass(frozen=True, slots=True)
class Element:
    """`[3]`: an element of an array, counted from 0."""

    index: int

    def __str__(self) -> str:
        return f"[{self.index}]"


@dataclass(frozen=True, slots=True)
class EveryElement:
    """`[*]`: each element of an array; the condition holds if it holds for one element."""

    def __str__(self) -> str:
        return "[*]"


@dataclass(frozen=True, slots=True)
class EveryMember:
    """`.*`: each member of an object; the condition holds if it holds for one member."""

    def __str__(self) -> str:
        return ".*"


Step = Property | Element | EveryElement | EveryMember


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector, as the steps from the event to the selected values."""

    steps: tuple[Step, ...]
    path: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The names of the steps; an element is its index or `*`, any member is `*`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", tuple(map(_named, self.steps)))

    def __str__(self) -> str:
        return "$" + "".join(map(str, self.steps))

    @property
    def wildcards(self) -> int:
        """The number of `[*]` and `.*` in the selector."""
        return sum(isinstance(step, EveryElement | EveryMember) for step in self.steps)

    def select(self, event: JsonEvent) -> Iterator[object]:
        """Yield the selected values: none if a step finds nothing, several with `[*]` or `.*`."""
        found: Iterator[object] = iter([event])
        for step in self.steps:
            found = _follow(step, found)
        return found


def _follow(step: Step, values: Iterator[object]) -> Iterator[object]:
    for value in values:
        match step, value:
            case Property(name), dict() if name in value:
                yield value[name]
            case Element(index), list() if index < len(value):
                yield value[index]
            case EveryElement(), list():
                yield from value
            case EveryMember(), dict():
                yield from value.values()
            case _:
                pass


def _named(step: Step) -> str:
    match step:
        case Property(name):
            return name
        case Element(index):
            return str(index)
        case _:
            return "*"


_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
