"""Splits the text of a JSON filter pattern into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from audit_rules._exceptions import FilterPatternError


class TokenKind(Enum):
    """The kinds of tokens in a JSON filter pattern; `WORD` is a value without quotes, or `IS`, `NOT`, `EXISTS`."""

    SELECTOR = auto()
    OPERATOR = auto()
    STRING = auto()
    REGEX = auto()
    WORD = auto()
    PUNCTUATION = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a pattern: its kind, its text, and its offset, counted from 0."""

    kind: TokenKind
    text: str
    offset: int


# A key in brackets may contain any characters, also spaces and operators; hence the alternative for it.
_TOKEN: Final = re.compile(
    r"""
      (?P<SELECTOR>    \$ (?: \.?\['[^']*'\] | [\w.\-@*] | \[[\w*\-]*\] )* )
    | (?P<OPERATOR>    && | \|\| | == | != | <= | >= | [=<>!&|] )
    | (?P<STRING>      " (?: [^"\\] | \\. )* " )
    | (?P<REGEX>       % [^%]* % )
    | (?P<WORD>        [A-Za-z0-9_.*+\-]+ )
    | (?P<PUNCTUATION> [{}()] )
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE: Final = " \t\r\n"
UNCLOSED: Final = {
    '"': 'a quoted value is not closed; add a closing ", and write \\" for the character',
    "%": "a regular expression is not closed; add a closing %",
}
_UNCLOSED_KEY: Final = (
    "a key in brackets is not closed, or its name contains '; write .['name'] or [0]"
)


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of a pattern, and at last an `END` token.

    Raises:
        FilterPatternError: a character is not part of any token.
    """
    offset = 0
    selector_end = -1
    while True:
        while text[offset : offset + 1] in _SPACE and offset < len(text):
            offset += 1
        if offset == len(text):
            yield Token(TokenKind.END, "", offset)
            return
        found = _TOKEN.match(text, offset)
        if found is None or found.lastgroup is None:
            character = text[offset]
            reason = UNCLOSED.get(
                character,
                f"found {character!r}; put a value with characters other than letters, digits and"
                " _ . * + - in double quotes",
            )
            if character == "[" and offset == selector_end:
                reason = _UNCLOSED_KEY
            raise FilterPatternError(text, offset + 1, reason)
        kind = TokenKind[found.lastgroup]
        yield Token(kind, found.group(), offset)
        offset = found.end()
        selector_end = offset if kind is TokenKind.SELECTOR else -1
