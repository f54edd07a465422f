"""Compiles conditions to Python functions, for records that a faster JSON parser has read.

Such a parser returns numbers as `int` and `float`. An `int` is exact, a `float` is not: if one is compared,
the function raises `InexactError`, and the caller uses `FilterPattern.matches` on the message instead. The
same applies to the `NumberText` of `FilterPattern.read`. In all other cases the two agree.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from ._conditions import (
    ORDER,
    And,
    Condition,
    Is,
    Leaf,
    NotExists,
    NumericComparison,
    Or,
    TextComparison,
    TextTest,
    Wildcard,
    all_of,
)
from ._event import JsonEvent, NumberText
from ._selector import Property

__all__ = ["Compiled", "InexactError", "compiled", "required_member", "simplified"]

Compiled = Callable[[Any], bool]
_NUMBERS: Final = frozenset({int, float, NumberText})


class InexactError(Exception):
    """A compared number may differ from its text in the log line; call `FilterPattern.matches` instead."""


def compiled(condition: Condition) -> Compiled:
    """Return a function that checks the condition on a record, given as a dict.

    The function raises `InexactError` if the result depends on the text of a number in the log line.
    """
    match condition:
        case And(left, right):
            first, second = compiled(left), compiled(right)
            return lambda record: first(record) and second(record)
        case Or(left, right):
            first, second = compiled(left), compiled(right)
            return lambda record: first(record) or second(record)
        case TextComparison() | NumericComparison() | Is() | NotExists() as leaf:
            return _leaf(leaf)
    raise TypeError(condition)


def simplified(
    condition: Condition, known: Mapping[tuple[str, ...], str | None]
) -> Condition | bool:
    """Simplify a condition for records some of whose fields are known.

    Args:
        condition: the condition.
        known: by the path of a field, its text, or None if the field is missing or `null`.

    Returns:
        The condition on the other fields, or the result if the known fields decide it.
    """
    match condition:
        case And(left, right) | Or(left, right):
            decisive = isinstance(condition, Or)
            first = simplified(left, known)
            if first is decisive:
                return decisive
            second = simplified(right, known)
            if second is decisive or isinstance(first, bool):
                return second
            return first if isinstance(second, bool) else type(condition)(first, second)
        case TextComparison(selector, test, equal) if selector.path in known:
            text = known[selector.path]
            return text is not None and test.matches(text) is equal
        case NumericComparison(selector) if selector.path in known:
            return False
    return condition


def required_member(condition: Condition, path: tuple[str, ...]) -> str | None:
    """Return a member of the object at `path` without which the condition cannot hold, or None."""
    for part in all_of(condition):
        match part:
            case TextComparison(selector) | NumericComparison(selector) | Is(selector):
                at = len(path)
                if selector.path[:at] == path and len(selector.steps) > at:
                    member = selector.steps[at]
                    if isinstance(member, Property):
                        return member.name
    return None


def _leaf(leaf: Leaf) -> Compiled:
    match leaf:
        case TextComparison(selector, text, equal):
            test = _text_test(text, equal=equal)
        case NumericComparison(selector, operator, number):
            test = _number_test(operator, number)
        case _:  # compares neither strings nor numbers
            return lambda record: leaf.holds(JsonEvent(record))
    if not all(isinstance(step, Property) for step in selector.steps):
        return lambda record: any(map(test, selector.select(JsonEvent(record))))
    path = selector.path

    def holds(value: Any) -> bool:
        try:
            for name in path:
                if name not in value:
                    return False
                value = value[name]
        except TypeError:  # a string, a list or a number instead of an object
            return False
        return test(value)

    return holds


def _text_test(test: TextTest, *, equal: bool) -> Compiled:
    matches: Callable[[str], bool] = test.matches
    if isinstance(test, Wildcard):
        if test.exact:
            matches = test.text.__eq__
        elif not test.text.strip("*"):
            matches = _any_text

    def holds(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            return matches(value) is equal
        if kind in _NUMBERS:
            raise InexactError
        return False

    return holds


def _any_text(_: str) -> bool:
    return True


def _number_test(operator: str, number: Decimal) -> Compiled:
    compare = ORDER[operator]

    def holds(value: Any) -> bool:
        kind = type(value)
        if kind is int:
            return compare(Decimal(value), number)
        if kind in _NUMBERS:
            raise InexactError
        return False

    return holds
