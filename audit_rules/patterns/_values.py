"""What patterns of all forms write in one way: numbers, quoted texts, regular expressions."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from audit_rules._exceptions import FilterPatternError

from ._limits import MAX_REGEXES
from ._regex import Regex, RegexError, parse_regex

__all__ = ["Regexes", "decimal_of", "quoted", "unquoted"]

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def decimal_of(text: str) -> Decimal | None:
    """Give the number that a text is; None, if it is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def quoted(text: str) -> str:
    """Give a text in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(text: str) -> str:
    """Give the text that stands between two quotes."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


@dataclass(slots=True)
class Regexes:
    """The regular expressions of one pattern, which holds a certain number at most."""

    pattern: str
    count: int = 0

    def read(self, source: str, column: int) -> Regex:
        """Read the next one; `column` is that of its first percent sign.

        Raises:
            FilterPatternError: CloudWatch would refuse it, or it is one too many.
        """
        self.count += 1
        if self.count > MAX_REGEXES:
            reason = f"a pattern holds at most {MAX_REGEXES} regular expressions"
            raise FilterPatternError(self.pattern, column, reason)
        try:
            return parse_regex(source)
        except RegexError as error:
            column += 1 + error.offset
            raise FilterPatternError(self.pattern, column, error.reason) from None
