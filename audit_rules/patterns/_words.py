"""Describes a condition in words, for readers without knowledge of patterns."""

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
from ._selector import Selector

__all__ = ["in_words"]

_COMPARED = {
    "=": "is", "!=": "is a number other than", "<": "is less than", ">": "is more than",
    "<=": "is at most", ">=": "is at least",
}  # fmt: skip
_CONSTANTS = {None: "null", True: "true", False: "false"}


def in_words(condition: Condition) -> str:
    """Return a condition in words, such as `event.action is "login" and event.outcome is "failure"`."""
    match condition:
        case And(left, right):
            return f"{_grouped(left)} and {_grouped(right)}"
        case Or(left, right):
            return f"{in_words(left)} or {in_words(right)}"
        case TextComparison(selector, test, equal):
            return f"{_named(selector)} {_compared(test, equal=equal)}"
        case NumericComparison(selector, operator, number):
            return f"{_named(selector)} {_COMPARED[operator]} {number}"
        case Is(selector, constant):
            return f"{_named(selector)} is {_CONSTANTS[constant]}"
        case NotExists(selector):
            return f"there is no {_named(selector)}"
    raise TypeError(condition)


def _grouped(condition: Condition) -> str:
    return f"({in_words(condition)})" if isinstance(condition, Or) else in_words(condition)


def _named(selector: Selector) -> str:
    return ".".join(f"any of {name}" if name == "*" else name for name in selector.path).replace(
        ".any of *", " (any of them)"
    )


def _compared(test: object, *, equal: bool) -> str:
    if not isinstance(test, Wildcard):
        return "matches the expression" if equal else "is there and does not match the expression"
    text = test.text.strip("*")
    match test.text.startswith("*"), test.text.endswith("*"):
        case _ if not text:
            return "is there" if equal else "is there and empty"
        case True, True:
            said = f'contains "{text}"', f'is there and does not contain "{text}"'
        case True, False:
            said = f'ends with "{text}"', f'is there and does not end with "{text}"'
        case False, True:
            said = f'begins with "{text}"', f'is there and does not begin with "{text}"'
        case _:
            said = f'is "{text}"', f'is there and is not "{text}"'
    return said[0] if equal else said[1]
