"""Defines and evaluates the conditions of a JSON filter pattern.

A comparison applies to strings and numbers. An object, an array, `true`, `false`, `null` and a
missing value do not satisfy any comparison, not even `!=`.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol, cast

from ._event import JsonEvent, NumberText
from ._selector import Selector


class Condition(Protocol):
    """A condition on a log event that is a JSON object."""

    def holds(self, event: JsonEvent) -> bool:
        """Return whether the condition holds for the event. Never raises."""


class TextTest(Protocol):
    """A test of a string value: a `Wildcard`, a `Regex`, or the term `Contains`."""

    def matches(self, text: str) -> bool:
        """Return whether the text satisfies the test. Never raises."""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text in which `*` at the beginning and at the end stands for any text.

    Anywhere else, `*` stands for itself, as in CloudWatch: `Ev*ent` matches only that text.
    """

    text: str

    @property
    def exact(self) -> bool:
        """Whether the text has no wildcard."""
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
    """`$.a = "text"`, `$.a != text*`, `$.a = %regex%`; a JSON number is compared by its text in the event."""

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
    """`$.a >= 500`: an exact comparison of JSON numbers; the string "500" is not a number."""

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
    except InvalidOperation:  # such as an exponent of twenty digits
        return None


@dataclass(frozen=True, slots=True)
class Is:
    """`$.a IS NULL`, `IS TRUE`, `IS FALSE`: the selector selects that constant (None is `null`)."""

    selector: Selector
    constant: bool | None
    column: int = field(default=0, compare=False)

    def holds(self, event: JsonEvent) -> bool:
        return any(value is self.constant for value in self.selector.select(event))


@dataclass(frozen=True, slots=True)
class NotExists:
    """`$.a NOT EXISTS`: the selector selects no value; `null` is a value."""

    selector: Selector
    column: int = field(default=0, compare=False)

    def holds(self, event: JsonEvent) -> bool:
        return not any(True for _ in self.selector.select(event))


@dataclass(frozen=True, slots=True)
class And:
    """`left && right`: both conditions hold."""

    left: Condition
    right: Condition

    def holds(self, event: JsonEvent) -> bool:
        return self.left.holds(event) and self.right.holds(event)


@dataclass(frozen=True, slots=True)
class Or:
    """`left || right`: at least one of the conditions holds."""

    left: Condition
    right: Condition

    def holds(self, event: JsonEvent) -> bool:
        return self.left.holds(event) or self.right.holds(event)


Leaf = TextComparison | NumericComparison | Is | NotExists


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Yield the comparisons, `IS` and `NOT EXISTS` in a condition, from left to right."""
    return cast("Iterator[Leaf]", _parts(condition, And, Or))


def all_of(condition: Condition) -> Iterator[Condition]:
    """Yield the operands of the outermost `&&`, from left to right; the condition itself if it has none."""
    return _parts(condition, And)


def any_of(condition: Condition) -> Iterator[Condition]:
    """Yield the operands of the outermost `||`, from left to right; the condition itself if it has none."""
    return _parts(condition, Or)


def _parts(condition: Condition, *kinds: type[And | Or]) -> Iterator[Condition]:
    waiting = [condition]
    while waiting:
        part = waiting.pop()
        if isinstance(part, kinds):
            waiting += [part.right, part.left]
        else:
            yield part
