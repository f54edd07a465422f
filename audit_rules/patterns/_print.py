"""Formats a condition as a JSON filter pattern, without redundant parentheses."""

from ._conditions import (
    And,
    Condition,
    Is,
    NotExists,
    NumericComparison,
    Or,
    TextComparison,
    Wildcard,
)
from ._regex import Regex
from ._values import quoted

__all__ = ["printed"]

_CONSTANTS = {None: "NULL", True: "TRUE", False: "FALSE"}


def printed(condition: Condition) -> str:
    """Return the JSON filter pattern of a condition, with parentheses only where its structure needs them."""
    return f"{{ {_text(condition)} }}"


def _text(condition: Condition) -> str:
    match condition:
        case And(left, right):
            # Both are left-associative, so a right side with the same operator was in parentheses.
            return f"{_within(left, Or)} && {_within(right, (Or, And))}"
        case Or(left, right):
            return f"{_text(left)} || {_within(right, Or)}"
        case TextComparison(selector, test, equal):
            return f"{selector} {'=' if equal else '!='} {_value(test)}"
        case NumericComparison(selector, operator, number):
            return f"{selector} {operator} {number}"
        case Is(selector, constant):
            return f"{selector} IS {_CONSTANTS[constant]}"
        case NotExists(selector):
            return f"{selector} NOT EXISTS"
    raise TypeError(condition)


def _within(condition: Condition, kinds: type | tuple[type, ...]) -> str:
    text = _text(condition)
    return f"({text})" if isinstance(condition, kinds) else text


def _value(test: object) -> str:
    if isinstance(test, Regex):
        return f"%{test.source}%"
    if not isinstance(test, Wildcard):
        raise TypeError(test)
    return quoted(test.text)
