"""The conditions of a pattern and how they combine: the evaluator.

A comparison looks at strings and numbers. An object, an array, `true`, `false`, `null` and a
value that is not there satisfy no comparison, not even `!=`.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol, cast

from ._event import JsonEvent, NumberText
from ._selector import Selector


class Condition(Protocol):
    """Something that an event satisfies or not."""

    def holds(self, event: JsonEvent) -> bool:
        """Whether the event satisfies the condition. Never raises."""


class TextTest(Protocol):
    """Something that a text satisfies or not: a `Wildcard` or a `Regex`."""

    def matches(self, text: str) -> bool:
        """Whether the text satisfies the test. Never raises."""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text in which `*` at the beginning and at the end stands for any text.

    A `*` further inside stands for itself, as CloudWatch has it: `Ev*ent` is that very text.
    """

    text: str

    @property
    def exact(self) -> bool:
        """Whether it stands for one text alone."""
        return not self.text.startswith("*") and not self.text.endswith("*")

    def matches(self, text: str) -> bool:
        match self.text.startswith("*"), self.text.endswith("*"):
            case True, True:
                return self.text.strip("*") in text
            case True, False:
                return text.endswith(self.text.lstrip("*"))
            case False, True:
                return text.startswith(self.text.rstrip("*"))
            case _:
                return text == self.text


@dataclass(frozen=True, slots=True)
class TextComparison:
    """`$.a = "text"`, `$.a != text*`, `$.a = %regex%`; a number counts as its text."""

    selector: Selector
    test: TextTest
    equal: bool
    column: int = field(default=0, compare=False)

    def holds(self, event: JsonEvent) -> bool:
        return any(
            self.test.matches(value) is self.equal
            for value in self.selector.select(event)
            if isinstance(value, str)
        )


ORDER: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class NumericComparison:
    """`$.a >= 500`: exact, on JSON numbers alone; the string "500" is no number."""

    selector: Selector
    operator: str
    number: Decimal
    column: int = field(default=0, compare=False)

    def holds(self, event: JsonEvent) -> bool:
        compare = ORDER[self.operator]
        return any(
            number is not None and compare(number, self.number)
            for number in map(_number, self.selector.select(event))
        )


def _number(value: object) -> Decimal | None:
    if not isinstance(value, NumberText):
        return None
    try:
        return Decimal(value)
    except InvalidOperation:  # an exponent of twenty digits
        return None


@dataclass(frozen=True, slots=True)
class Is:
    """`$.a IS NULL`, `IS TRUE`, `IS FALSE`."""

    selector: Selector
    constant: bool | None
    column: int = field(default=0, compare=False)

    def holds(self, event: JsonEvent) -> bool:
        return any(value is self.constant for value in self.selector.select(event))


@dataclass(frozen=True, slots=True)
class NotExists:
    """`$.a NOT EXISTS`: there is no such value; a `null` is one."""

    selector: Selector
    column: int = field(default=0, compare=False)

    def holds(self, event: JsonEvent) -> bool:
        return not any(True for _ in self.selector.select(event))


@dataclass(frozen=True, slots=True)
class And:
    """Both sides hold."""

    left: Condition
    right: Condition

    def holds(self, event: JsonEvent) -> bool:
        return self.left.holds(event) and self.right.holds(event)


@dataclass(frozen=True, slots=True)
class Or:
    """Either side holds."""

    left: Condition
    right: Condition

    def holds(self, event: JsonEvent) -> bool:
        return self.left.holds(event) or self.right.holds(event)


Leaf = TextComparison | NumericComparison | Is | NotExists


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Give the comparisons of a condition, from left to right."""
    return cast("Iterator[Leaf]", _parts(condition, And, Or))


def all_of(condition: Condition) -> Iterator[Condition]:
    """Give the conditions that all have to hold, none of which is an `And`."""
    return _parts(condition, And)


def any_of(condition: Condition) -> Iterator[Condition]:
    """Give the conditions of which one has to hold, none of which is an `Or`."""
    return _parts(condition, Or)


def _parts(condition: Condition, *kinds: type[And | Or]) -> Iterator[Condition]:
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, kinds):
            waiting += [part.right, part.left]
        else:
            yield part
