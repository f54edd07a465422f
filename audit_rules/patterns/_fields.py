"""Parses and evaluates patterns of space-delimited fields.

An example: `[ip, user, ..., status = 4* && status != 404, bytes > 1000]`. The grammar:

pattern   = "[" field { "," field } "]"
field     = "..." | [ name ] | condition { ( "&&" | "||" ) condition }
condition = name ( "=" | "!=" | "<" | ">" | "<=" | ">=" ) value
value     = number | text without spaces, `*` stands for any characters | text in double quotes
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from audit_rules._exceptions import FilterPatternError

from ._conditions import ORDER, TextTest, Wildcard
from ._event import LogEvent
from ._tokens import UNCLOSED
from ._values import Regexes, decimal_of, shown, unquoted

__all__ = ["Fields", "parse_fields"]

_TOKEN: Final = re.compile(
    r"""
    \s* (?:
      (?P<rest>     \.\.\. )
    | (?P<logic>    && | \|\| )
    | (?P<operator> != | <= | >= | [=<>] )
    | (?P<mark>     [,\[\]] )
    | (?P<string>   " (?: [^"\\] | \\. )* " )
    | (?P<regex>    % [^%]* % )
    | (?P<word>     [A-Za-z0-9_.*+\-/:]+ )
    | (?P<end>      \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME: Final = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class TextIs:
    """`field = text*`, `field != %regex%`: a comparison of a field as text."""

    test: TextTest
    equal: bool

    def holds(self, text: str) -> bool:
        return self.test.matches(text) is self.equal


@dataclass(frozen=True, slots=True)
class NumberIs:
    """`field > 1000`; a text that is not a number satisfies only `!=`."""

    operator: str
    number: Decimal

    def holds(self, text: str) -> bool:
        found = decimal_of(text)
        if found is None:
            return self.operator == "!="
        return ORDER[self.operator](found, self.number)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a pattern: all conditions of one of its `alternatives` hold; without any, each text matches."""

    name: str
    alternatives: tuple[tuple[TextIs | NumberIs, ...], ...] = ()

    def holds(self, text: str) -> bool:
        return not self.alternatives or any(
            all(condition.holds(text) for condition in each) for each in self.alternatives
        )


@dataclass(frozen=True, slots=True)
class Fields:
    """A parsed pattern: the fields before and after `...`; `after` is None without `...`."""

    before: tuple[Field, ...]
    after: tuple[Field, ...] | None
    regexes: int

    def selects(self, event: LogEvent) -> bool:
        return self._assigned(event.fields) is not None

    def extracted(self, event: LogEvent) -> dict[str, str]:
        """Return the fields of a matching message by `$name`, or by position (`$3`) without a name."""
        names = self._assigned(event.fields) or []
        texts = enumerate(event.fields, 1)
        return {
            f"${name or position}": text
            for (position, text), name in zip(texts, names, strict=True)
        }

    def _assigned(self, texts: list[str]) -> list[str] | None:
        """Return the names of a message's fields, or None if the fields do not match the pattern."""
        after = self.after or ()
        skipped = len(texts) - len(self.before) - len(after)
        # A last field without a condition includes everything that follows.
        open_ended = self.after is not None or not self.before[-1].alternatives
        if skipped < 0 or (skipped and not open_ended):
            return None
        fields = [*self.before, *[_ANY] * skipped, *after]
        if not all(field.holds(text) for field, text in zip(fields, texts, strict=True)):
            return None
        return [field.name for field in fields]


_ANY: Final = Field("")


def parse_fields(text: str) -> Fields:
    """Parse a pattern of space-delimited fields, which begins with a bracket.

    Raises:
        FilterPatternError: CloudWatch would reject it.
    """
    return _FieldsParser(text).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


class _FieldsParser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._regexes = Regexes(text)
        self._tokens = list(self._tokenize())
        self._at = 0

    def _tokenize(self) -> Iterator[_Token]:
        at = 0
        while True:
            found = _TOKEN.match(self._text, at)
            if found is None or found.lastgroup is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                character = self._text[at]
                reason = UNCLOSED.get(
                    character, f"found {character!r}; put the value in double quotes"
                )
                raise FilterPatternError(self._text, at + 1, reason)
            kind = found.lastgroup
            yield _Token(kind, found[kind], found.start(kind) + 1)
            if kind == "end":
                return
            at = found.end()

    def parse(self) -> Fields:
        self._take()  # the opening bracket, which `FilterPattern` has checked
        groups: list[list[Field]] = [[]]
        while True:
            token = self._peek()
            if token.kind == "rest":
                self._take()
                if len(groups) > 1:
                    raise self._error(token, 'found a second "..."; only one is allowed')
                groups.append([])
            else:
                groups[-1].append(self._field())
            token = self._take()
            if token.text == "]":
                break
            if token.text != ",":
                raise self._error(token, f'found {_shown(token)}; expected "," or "]"')
        if self._peek().kind != "end":
            found = _shown(self._peek())
            raise self._error(self._peek(), f'found {found} after the closing "]"; remove it')
        after = tuple(groups[1]) if len(groups) > 1 else None
        return Fields(tuple(groups[0]), after, self._regexes.count)

    def _field(self) -> Field:
        token = self._peek()
        if token.text in {",", "]"}:
            return _ANY
        if token.kind != "word" or not _NAME.fullmatch(token.text):
            reason = (
                f"found {_shown(token)}; a field is a name of letters, digits and _, such as status"
            )
            raise self._error(token, reason)
        name = self._take().text
        if self._peek().kind != "operator":
            return Field(name)
        alternatives = [[self._condition()]]
        while self._peek().kind == "logic":
            together = self._take().text == "&&"
            again = self._take()
            if again.text != name:
                reason = (
                    f"found {_shown(again)}; repeat the name of the field in each condition: {name}"
                )
                raise self._error(again, reason)
            if together:
                alternatives[-1].append(self._condition())
            else:
                alternatives.append([self._condition()])
        return Field(name, tuple(map(tuple, alternatives)))

    def _condition(self) -> TextIs | NumberIs:
        operator = self._take()
        if operator.kind != "operator":
            raise self._error(operator, f"found {_shown(operator)}; expected = != < > <= or >=")
        value = self._take()
        number = decimal_of(value.text) if value.kind == "word" else None
        if number is not None:
            return NumberIs(operator.text, number)
        test = self._test(value)
        if operator.text not in {"=", "!="}:
            reason = f"found {_shown(value)}; {operator.text} compares only with a number, without quotes"
            raise self._error(value, reason)
        return TextIs(test, operator.text == "=")

    def _test(self, value: _Token) -> TextTest:
        if value.kind == "word":
            return Wildcard(value.text)
        if value.kind == "string":
            return Wildcard(unquoted(value.text[1:-1]))
        if value.kind != "regex":
            reason = f'found {_shown(value)}; expected a number, a "text" or a %regex%'
            raise self._error(value, reason)
        return self._regexes.read(value.text[1:-1], value.column)

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._peek()
        if token.kind != "end":
            self._at += 1
        return token

    def _error(self, token: _Token, reason: str) -> FilterPatternError:
        return FilterPatternError(self._text, token.column, reason)


def _shown(token: _Token) -> str:
    return "the end of the pattern" if token.kind == "end" else shown(token.text)
