"""Parses and evaluates patterns of terms.

Examples: `ERROR`, `"exact phrase"`, `-excluded`, `?this ?or ?that`, `%regex%`. The grammar:

pattern = term { term }
term    = [ "-" | "?" ] ( word | '"' phrase '"' | "%" regex "%" )
"""

import re
from dataclasses import dataclass
from typing import Final

from audit_rules._exceptions import FilterPatternError

from ._conditions import TextTest
from ._event import LogEvent
from ._tokens import UNCLOSED
from ._values import Regexes, quoted, shown, unquoted

__all__ = ["Terms", "parse_terms"]

_TERM: Final = re.compile(
    r"""
      (?P<sign> [?-]? ) \s*
      (?: (?P<word> [A-Za-z0-9_]+ ) | "(?P<phrase> (?: [^"\\] | \\. )* )" | %(?P<regex> [^%]* )% )
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE: Final = re.compile(r"\s*")
_BEFORE_TERM: Final = re.compile(r"\A[?\-\s]+")
_MAX_HINT: Final = 40


@dataclass(frozen=True, slots=True)
class Contains:
    """A term that the message must contain; every message contains a blank term."""

    text: str

    def matches(self, text: str) -> bool:
        return self.text in text or not self.text.strip()


@dataclass(frozen=True, slots=True)
class Terms:
    """A parsed pattern: all of `included`, none of `excluded`; without these, at least one of `optional`."""

    included: tuple[TextTest, ...]
    excluded: tuple[TextTest, ...]
    optional: tuple[TextTest, ...]
    regexes: int

    def selects(self, event: LogEvent) -> bool:
        message = event.message
        if not self.included and not self.excluded:
            return any(term.matches(message) for term in self.optional)
        # CloudWatch ignores optional terms if there are others.
        return all(term.matches(message) for term in self.included) and not any(
            term.matches(message) for term in self.excluded
        )

    def extracted(self, event: LogEvent) -> dict[str, str]:  # noqa: ARG002 - signature of Form
        return {}


def parse_terms(text: str) -> Terms:
    """Parse a pattern of terms.

    Raises:
        FilterPatternError: CloudWatch would reject it.
    """
    terms: dict[str, list[TextTest]] = {"": [], "-": [], "?": []}
    regexes = Regexes(text)
    at = _skip_space(text, 0)
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None or not _ends(text, found.end()):
            raise FilterPatternError(text, at + 1, _problem(text, at))
        if found["regex"] is not None:
            test: TextTest = regexes.read(found["regex"], found.start("regex"))
        elif found["phrase"] is not None:
            test = Contains(unquoted(found["phrase"]))
        else:
            test = Contains(found["word"])
        terms[found["sign"]].append(test)
        at = _skip_space(text, found.end())
    return Terms(tuple(terms[""]), tuple(terms["-"]), tuple(terms["?"]), regexes.count)


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _ends(text: str, at: int) -> bool:
    return at == len(text) or text[at].isspace()


def _problem(text: str, at: int) -> str:
    found = _TERM.match(text, at)
    rest = _BEFORE_TERM.sub("", text[at:])
    if found is not None and found["word"] is None:
        after = shown(text[found.end() :].split(maxsplit=1)[0])
        return f"found {after} directly after {shown(found.group())}; separate terms with a space"
    if not rest:
        return (
            f"found {shown(text[at:])} without a term; write a word or a phrase in quotes after it"
        )
    if rest[0] in '"%' and not _TERM.match(rest):
        return 'a quoted phrase is not closed; add a closing "' if rest[0] == '"' else UNCLOSED["%"]
    return _unquoted_problem(text[at:].split(maxsplit=1)[0], rest.split(maxsplit=1)[0])


def _unquoted_problem(word: str, term: str) -> str:
    """Return what is wrong with a word; `term` is the word, or the one after it, without a sign."""
    if term.startswith("$"):
        return f"found {shown(term)} outside braces; write {{ $.name = … }}"
    if term.startswith("."):
        return (
            f"found {shown(term)}, a field without a dollar sign; write {{ $.name = … }}. In double"
            " quotes a shell replaces variables such as $name, so put the pattern in single quotes"
        )
    sign = word[0] if word[0] in "?-" else ""
    hint = f": {sign}{quoted(term)}" if len(term) <= _MAX_HINT else ""
    return (
        f"found {shown(word)}; put a term with characters other than letters, digits and _ in"
        f" double quotes{hint}"
    )
