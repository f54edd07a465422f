"""Parses JSON filter patterns to conditions.

Grammar:

    pattern    = "{" expression "}"
    expression = condition | "(" expression ")" | expression ("&&" | "||") expression
    condition  = selector comparison value
               | selector "IS" ("NULL" | "TRUE" | "FALSE")
               | selector "NOT" "EXISTS"

Operators and parentheses use an explicit stack (Dijkstra's shunting yard algorithm), so a
pattern of a thousand parentheses cannot exhaust Python's stack.
"""

import json
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from audit_rules._exceptions import FilterPatternError

from ._conditions import (
    ORDER,
    And,
    Condition,
    Is,
    NotExists,
    NumericComparison,
    Or,
    TextComparison,
    TextTest,
    Wildcard,
)
from ._event import LogEvent
from ._limits import MAX_WILDCARDS, MAX_WILDCARDS_IN_SELECTOR
from ._selector import Element, EveryElement, EveryMember, Property, Selector, Step
from ._tokens import Token, TokenKind, tokenize
from ._values import Regexes, decimal_of, shown, unquoted

_PRECEDENCE: Final = {"||": 1, "&&": 2}
_CONSTANTS: Final = {"NULL": None, "TRUE": True, "FALSE": False}
_STEP: Final = re.compile(
    r"""
      \.\['(?P<key>[^']+)'\]
    | \.(?P<name>[A-Za-z0-9_-]+)
    | \[(?P<index>[0-9]{1,9})\]
    | \[(?P<every>\*)\]
    | \.(?P<all>\*)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed JSON pattern: its condition, its number of regular expressions, and its selectors."""

    condition: Condition
    regexes: int
    selectors: tuple[tuple[str, Selector], ...]
    """The selectors of its conditions, with their texts."""

    def selects(self, event: LogEvent) -> bool:
        """Return whether the message is a JSON object for which the condition holds."""
        return event.json is not None and self.condition.holds(event.json)

    def extracted(self, event: LogEvent) -> dict[str, str]:
        """Return the first value of each selector by its text: strings unchanged, other values as JSON."""
        if event.json is None:
            return {}
        return {
            text: value if isinstance(value, str) else json.dumps(value)
            for text, selector in self.selectors
            for value in islice(selector.select(event.json), 1)
        }


def parse(text: str) -> Parsed:
    """Parse a pattern in the JSON form, which begins with a brace.

    Raises:
        FilterPatternError: CloudWatch would reject the pattern, or it uses `EXISTS`, which is not supported.
    """
    return _JsonParser(text).parse()


@dataclass(slots=True)
class _JsonParser:
    text: str
    wildcards: int = 0
    _regexes: Regexes = field(init=False)
    _tokens: list[Token] = field(init=False)
    _position: int = 0
    _selectors: dict[str, Selector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._regexes = Regexes(self.text)
        self._tokens = list(tokenize(self.text))

    def parse(self) -> Parsed:
        self._next()  # the opening brace, which `FilterPattern` has checked
        condition = self._expression()
        self._next()  # the closing brace, at which `_expression` stops
        if self._peek().kind is not TokenKind.END:
            found = _shown(self._peek())
            raise self._error(self._peek(), f'found {found} after the closing "}}"; remove it')
        return Parsed(condition, self._regexes.count, tuple(self._selectors.items()))

    def _expression(self) -> Condition:
        conditions: list[Condition] = []
        waiting: list[Token] = []  # operators and opening parentheses
        while True:
            while self._peek().text == "(":
                waiting.append(self._next())
            conditions.append(self._condition())
            while self._peek().text == ")":
                self._close_parenthesis(self._next(), conditions, waiting)
            token = self._peek()
            if token.text not in _PRECEDENCE:
                break
            self._reduce(conditions, waiting, _PRECEDENCE[token.text])
            waiting.append(self._next())
        if token.text != "}":
            closing = ")" if any(each.text == "(" for each in waiting) else "}"
            found = _shown(token)
            raise self._error(token, f'found {found}; expected "&&", "||" or "{closing}"')
        self._reduce(conditions, waiting, min(_PRECEDENCE.values()))
        if waiting:
            raise self._error(waiting[-1], 'this "(" is not closed; add a ")"')
        return conditions.pop()

    def _close_parenthesis(
        self, token: Token, conditions: list[Condition], waiting: list[Token]
    ) -> None:
        self._reduce(conditions, waiting, min(_PRECEDENCE.values()))
        if not waiting:
            raise self._error(token, 'this ")" has no "("; remove it, or add a "("')
        waiting.pop()

    @staticmethod
    def _reduce(conditions: list[Condition], waiting: list[Token], precedence: int) -> None:
        """Apply the waiting operators whose precedence is at least `precedence`."""
        while waiting and _PRECEDENCE.get(waiting[-1].text, 0) >= precedence:
            combine = And if waiting.pop().text == "&&" else Or
            right, left = conditions.pop(), conditions.pop()
            conditions.append(combine(left, right))

    def _condition(self) -> Condition:
        token = self._next()
        if token.kind is not TokenKind.SELECTOR:
            raise self._error(
                token, f"found {_shown(token)}; a condition starts with a selector such as $.name"
            )
        selector = self._selector(token)
        relation = self._next()
        if relation.kind is TokenKind.OPERATOR and relation.text in ORDER:
            return self._comparison(selector, relation, token.offset + 1)
        match relation.text, self._peek().text:
            case "IS", ("NULL" | "TRUE" | "FALSE") as constant:
                self._next()
                return Is(selector, _CONSTANTS[constant], token.offset + 1)
            case "NOT", "EXISTS":
                self._next()
                return NotExists(selector, token.offset + 1)
            case "IS", _:
                reason = f"found {_shown(self._peek())} after IS; write NULL, TRUE or FALSE"
                raise self._error(self._peek(), reason)
            case "==", _:
                raise self._error(relation, 'found "=="; write a single "="')
            case "EXISTS", _:
                reason = 'EXISTS is not supported; to require a string or a number, write = "*"'
                raise self._error(relation, reason)
        raise self._error(
            relation,
            f"found {_shown(relation)}; a selector is followed by one of"
            " = != < > <= >=, IS NULL, IS TRUE, IS FALSE, NOT EXISTS",
        )

    def _comparison(self, selector: Selector, relation: Token, column: int) -> Condition:
        value = self._next()
        number = decimal_of(value.text) if value.kind is TokenKind.WORD else None
        if number is not None:
            return NumericComparison(selector, relation.text, number, column)
        test = self._text_test(value)
        if relation.text not in {"=", "!="}:
            raise self._error(
                value,
                f"found {_shown(value)}; {relation.text} compares only with a number, without quotes",
            )
        return TextComparison(selector, test, relation.text == "=", column)

    def _text_test(self, value: Token) -> TextTest:
        match value.kind:
            case TokenKind.WORD:
                return Wildcard(value.text)
            case TokenKind.STRING:
                return Wildcard(unquoted(value.text[1:-1]))
            case TokenKind.REGEX:
                return self._regexes.read(value.text[1:-1], value.offset + 1)
        raise self._error(value, f'found {_shown(value)}; expected a number, a "text" or a %regex%')

    def _selector(self, token: Token) -> Selector:
        steps: list[Step] = []
        offset = 1  # after the dollar sign
        while offset < len(token.text):
            found = _STEP.match(token.text, offset)
            if found is None:
                raise FilterPatternError(
                    self.text,
                    token.offset + offset + 1,
                    f"found {shown(token.text[offset:])}; a selector continues with .name,"
                    " .['any name'], .*, [0] or [*]; names outside brackets contain only ASCII"
                    " letters, digits, - and _",
                )
            steps.append(_step(found))
            offset = found.end()
        if not steps or not isinstance(steps[0], Property | EveryMember):
            reason = f"found {_shown(token)}; a selector starts with a property, such as $.name"
            raise self._error(token, reason)
        selector = Selector(tuple(steps))
        self._count_wildcards(token, selector)
        self._selectors.setdefault(token.text, selector)
        return selector

    def _count_wildcards(self, token: Token, selector: Selector) -> None:
        self.wildcards += selector.wildcards
        if selector.wildcards > MAX_WILDCARDS_IN_SELECTOR:
            reason = f"found {_shown(token)}; a selector can contain at most one [*] or .*"
            raise self._error(token, reason)
        if self.wildcards > MAX_WILDCARDS:
            reason = (
                f"found {self.wildcards} [*] and .*; the selectors of a pattern can contain at most"
                f" {MAX_WILDCARDS}"
            )
            raise self._error(token, reason)

    def _peek(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._peek()
        if token.kind is not TokenKind.END:
            self._position += 1
        return token

    def _error(self, token: Token, reason: str) -> FilterPatternError:
        return FilterPatternError(self.text, token.offset + 1, reason)


def _step(found: re.Match[str]) -> Step:
    if found["index"] is not None:
        return Element(int(found["index"]))
    if found["every"] is not None:
        return EveryElement()
    if found["all"] is not None:
        return EveryMember()
    return Property(found["key"] or found["name"])


def _shown(token: Token) -> str:
    return "the end of the pattern" if token.kind is TokenKind.END else shown(token.text)
