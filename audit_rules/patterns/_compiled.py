"""Conditions as functions of a record that some other, faster reader of JSON has read.

Such a reader gives numbers as `int` and `float`, and an `int` says all that its text said, a `float` not:
where one is compared, the function raises `InexactError`, and the message has to be looked at by
`FilterPattern.matches`. For all else the two agree.
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
    Wildcard,
    all_of,
    leaves,
)
from ._selector import Element, EveryElement, EveryMember, Property, Selector

__all__ = ["Compiled", "InexactError", "compiled", "required_texts"]

Compiled = Callable[[Mapping[str, Any]], bool]


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
        texts = []
        for leaf in leaves(part):
            if not (
                isinstance(leaf, TextComparison) and leaf.equal and leaf.selector.path == path
                and isinstance(leaf.test, Wildcard) and "*" not in leaf.test.text
                and not leaf.selector.wildcards
            ):  # fmt: skip
                break
            texts.append(leaf.test.text)
        else:
            if isinstance(part, Or | TextComparison) and _only_or(part):
                return frozenset(texts)
    return None


def _only_or(condition: Condition) -> bool:
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case Or(left, right):
                waiting += [left, right]
            case And():
                return False
    return True


def _leaf(leaf: Leaf) -> Compiled:
    test = _test(leaf)
    steps = leaf.selector.steps
    if not all(isinstance(step, Property) for step in steps):
        return _of_many(leaf.selector, test, missing=isinstance(leaf, NotExists))
    names = leaf.selector.path
    if isinstance(leaf, NotExists):
        return lambda record: _member(record, names) is _MISSING

    *parents, last = names

    def holds(record: Mapping[str, Any]) -> bool:
        value: Any = record
        for name in parents:
            value = value.get(name)
            if type(value) is not dict:
                return False
        value = value.get(last, _MISSING)
        return value is not _MISSING and test(value)

    return holds


def _member(value: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if type(value) is not dict:
            return _MISSING
        value = value.get(name, _MISSING)
    return value


def _of_many(selector: Selector, test: Callable[[Any], bool], *, missing: bool) -> Compiled:
    def holds(record: Mapping[str, Any]) -> bool:
        values: list[Any] = [record]
        for step in selector.steps:
            values = [inner for value in values for inner in _inside(step, value)]
        return not values if missing else any(map(test, values))

    return holds


def _inside(step: object, value: Any) -> Any:
    match step:
        case Property(name) if type(value) is dict and name in value:
            return (value[name],)
        case Element(index) if type(value) is list and index < len(value):
            return (value[index],)
        case EveryElement() if type(value) is list:
            return value
        case EveryMember() if type(value) is dict:
            return value.values()
    return ()


def _test(leaf: Leaf) -> Callable[[Any], bool]:
    match leaf:
        case TextComparison(_, test, equal):
            return _text_test(test, equal=equal)
        case NumericComparison(_, operator, number):
            return _number_test(operator, number)
        case Is(_, constant):
            return lambda value: value is constant
    return lambda _: True


def _text_test(test: Any, *, equal: bool) -> Callable[[Any], bool]:
    matches = test.matches
    if isinstance(test, Wildcard) and "*" not in {test.text[:1], test.text[-1:]}:
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
