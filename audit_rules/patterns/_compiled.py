"""Conditions as functions of a record that some other, faster reader of JSON has read.

Such a reader gives numbers as `int` and `float`, and an `int` says all that its text said, a `float` not:
where one is compared, the function raises `InexactError`, and the message has to be looked at by
`FilterPattern.matches`. For all else the two agree.
"""

from collections.abc import Callable
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
    Wildcard,
    all_of,
    any_of,
)
from ._event import JsonEvent
from ._selector import Property

__all__ = ["Compiled", "InexactError", "compiled", "required_texts"]

Compiled = Callable[[dict[str, Any]], bool]


class InexactError(Exception):
    """The record has a number in a place that is compared, which is not as it was written."""


_MISSING: Final = object()


def compiled(condition: Condition) -> Compiled:
    """Make a function of a condition.

    It raises `InexactError` where only the message itself can tell.
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


def required_texts(condition: Condition, path: tuple[str, ...]) -> frozenset[str] | None:
    """Give the texts of which a field has to be one if the condition holds; None, if any will do."""
    for part in all_of(condition):
        texts = [_required_text(each, path) for each in any_of(part)]
        if None not in texts:
            return frozenset(text for text in texts if text is not None)
    return None


def _required_text(condition: Condition, path: tuple[str, ...]) -> str | None:
    match condition:
        case TextComparison(selector, Wildcard(text) as test, True):
            if selector.path == path and test.exact and not selector.wildcards:
                return text
    return None


def _leaf(leaf: Leaf) -> Compiled:
    match leaf:
        case TextComparison(selector, text, equal):
            test = _text_test(text, equal=equal)
        case NumericComparison(selector, operator, number):
            test = _number_test(operator, number)
        case _:  # it looks at no text and at no number
            return lambda record: leaf.holds(JsonEvent(record))
    if not all(isinstance(step, Property) for step in selector.steps):
        return lambda record: any(map(test, selector.select(JsonEvent(record))))
    *parents, last = selector.path

    def holds(record: dict[str, Any]) -> bool:
        value: Any = record
        for name in parents:
            value = value.get(name)
            if type(value) is not dict:
                return False
        value = value.get(last, _MISSING)
        return value is not _MISSING and test(value)

    return holds


def _text_test(test: Any, *, equal: bool) -> Callable[[Any], bool]:
    matches = test.matches
    if isinstance(test, Wildcard) and test.exact:
        matches = test.text.__eq__

    def holds(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            return matches(value) is equal
        if kind is int or kind is float:
            raise InexactError
        return False

    return holds


def _number_test(operator: str, number: Decimal) -> Callable[[Any], bool]:
    compare = ORDER[operator]

    def holds(value: Any) -> bool:
        if type(value) is int:
            return compare(Decimal(value), number)
        if type(value) is float:
            raise InexactError
        return False

    return holds
