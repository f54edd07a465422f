"""Parses the values that all forms of patterns share: numbers, quoted strings, regular expressions."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from audit_rules._exceptions import FilterPatternError

from ._limits import MAX_REGEXES
from ._regex import Regex, RegexError, parse_regex

__all__ = ["Regexes", "decimal_of", "quoted", "shown", "unquoted"]

_MAX_SHOWN: Final = 40

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def decimal_of(text: str) -> Decimal | None:
    """Return the text as a decimal number (`-1.5`, `2e3`), or None if it is not a number."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def quoted(text: str) -> str:
    """Return the text in double quotes, with backslashes and double quotes escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def shown(text: str) -> str:
    """Return the text for a message: quoted as by `repr`, cut after 40 characters with an ellipsis."""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def unquoted(text: str) -> str:
    """Return the text of a quoted string, given without its quotes, with escape sequences resolved."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


@dataclass(slots=True)
class Regexes:
    """Parses and counts the regular expressions of a pattern, at most 2."""

    pattern: str
    count: int = 0

    def read(self, source: str, column: int) -> Regex:
        """Parse the next expression; `column` is the position of its first percent sign.

        Raises:
            FilterPatternError: CloudWatch would reject the expression, or it is the third of the pattern.
        """
        self.count += 1
        if self.count > MAX_REGEXES:
            reason = (
                f"found a third regular expression; a pattern can contain at most {MAX_REGEXES}:"
                " combine them with |, or replace one with a text"
            )
            raise FilterPatternError(self.pattern, column, reason)
        try:
            return parse_regex(source)
        except RegexError as error:
            column += 1 + error.offset
            raise FilterPatternError(self.pattern, column, error.reason) from None
