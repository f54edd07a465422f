r"""The regular expressions of filter patterns: `%gr[ae]y|10\.0\..*%`.

CloudWatch offers no groups, so an expression is a choice between chains of characters, each of
which may be optional or repeated. Chains need no backtracking: all positions that a chain may
have reached are the bits of one integer, moved along with every character of the text (the
Shift-And method). The time is proportional to the text's length whatever the expression, which
`re` does not promise, and rules meet texts that somebody else chose.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LITERALS: Final = frozenset(string.ascii_letters + string.digits + ":_#=@/;,- ")
_OPERATORS: Final = frozenset("^$?[]{}|\\*+.")
_ASCII: Final = frozenset(map(chr, range(128)))
_MAX_LINKS: Final = 1000
_ANY_NUMBER: Final = None


@dataclass(frozen=True, slots=True)
class CharSet:
    """A set of characters: those of ASCII by name, all others together in or out."""

    ascii: frozenset[str]
    others: bool = False

    def __contains__(self, character: str) -> bool:
        return character in self.ascii or (self.others and character not in _ASCII)

    def __or__(self, other: "CharSet") -> "CharSet":
        return CharSet(self.ascii | other.ascii, self.others or other.others)

    def inverted(self) -> "CharSet":
        return CharSet(_ASCII - self.ascii, not self.others)


_DIGIT: Final = CharSet(frozenset(string.digits))
_WORD: Final = CharSet(frozenset(string.ascii_letters + string.digits + "_"))
_SPACE: Final = CharSet(frozenset(" \t\n\r\f\v"))
_CLASSES: Final = {
    "d": _DIGIT,
    "D": _DIGIT.inverted(),
    "w": _WORD,
    "W": _WORD.inverted(),
    "s": _SPACE,
    "S": _SPACE.inverted(),
}
_ANY: Final = CharSet(frozenset("\n\r")).inverted()


@dataclass(frozen=True, slots=True)
class Link:
    """One character of a chain."""

    characters: CharSet
    optional: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """One alternative of an expression."""

    links: tuple[Link, ...]
    at_start: bool
    at_end: bool
    # By character, filled as texts bring them: the links that accept it, and the same for
    # those that may accept another one after it. ASCII has its entries, all else shares one.
    _masks: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)

    def matches(self, text: str) -> bool:
        """Whether the chain is found in the text. Bit i: the first i links are behind us."""
        skippable = sum(1 << i for i, link in enumerate(self.links) if link.optional)
        goal = 1 << len(self.links)
        start = reached = _skip(1, skippable)
        masks = self._masks
        for character in text:
            if reached & goal and not self.at_end:
                return True
            accept, accept_again = masks.get(character) or self._masks_of(character)
            reached = (reached & accept) << 1 | reached & accept_again
            if skippable:
                reached = _skip(reached, skippable)
            if not self.at_start:
                reached |= start
            elif not reached:
                return False
        return bool(reached & goal)

    def _masks_of(self, character: str) -> tuple[int, int]:
        key = character if character in _ASCII else ""
        if key not in self._masks:
            accepting = [
                (i, link) for i, link in enumerate(self.links) if character in link.characters
            ]
            self._masks[key] = (
                sum(1 << i for i, _ in accepting),
                sum(1 << i + 1 for i, link in accepting if link.repeated),
            )
        return self._masks[key]


def _skip(reached: int, skippable: int) -> int:
    while (further := reached | (reached & skippable) << 1) != reached:
        reached = further
    return reached


@dataclass(frozen=True, slots=True)
class Regex:
    """An expression; it is searched in a text, anchors aside."""

    chains: tuple[Chain, ...]
    source: str = ""

    def matches(self, text: str) -> bool:
        return any(chain.matches(text) for chain in self.chains)


class RegexError(Exception):
    """An expression that CloudWatch would refuse; `offset` counts from its first character."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset = offset
        self.reason = reason


def parse_regex(source: str) -> Regex:
    """Read an expression, without the percent signs around it.

    Raises:
        RegexError: it uses something that filter patterns do not offer.
    """
    if not source:
        raise RegexError(0, "the regular expression is empty")
    for offset, character in enumerate(source):
        if character not in _LITERALS and character not in _OPERATORS:
            raise RegexError(
                offset,
                f"found {character!r}; a regular expression here may hold ASCII letters, digits,"
                r" spaces, : _ # = @ / ; , - and the operators ^ $ ? [ ] { } | \ * + . only",
            )
    return Regex(tuple(_RegexParser(source).chains()), source)


class _RegexParser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._offset = 0

    def chains(self) -> Iterator[Chain]:
        yield self._chain()
        while self._take("|"):
            yield self._chain()

    def _chain(self) -> Chain:
        begin = self._offset
        at_start = self._take("^")
        links: list[Link] = []
        while self._peek() not in {"", "|", "$"}:
            links += self._links()
            if len(links) > _MAX_LINKS:
                raise RegexError(begin, f"repeats more than {_MAX_LINKS} characters; use fewer")
        at_end = self._take("$")
        if self._peek() not in {"", "|"}:
            raise RegexError(self._offset, r'nothing can follow "$"; for the character write \$')
        if not links and not at_start and not at_end:
            raise RegexError(begin, 'nothing stands on one side of "|"')
        return Chain(tuple(links), at_start, at_end)

    def _links(self) -> list[Link]:
        characters = self._characters()
        low, high = self._repetition()
        if high is not _ANY_NUMBER:
            return [Link(characters)] * low + [Link(characters, optional=True)] * (high - low)
        if low == 0:
            return [Link(characters, optional=True, repeated=True)]
        return [Link(characters)] * (low - 1) + [Link(characters, repeated=True)]

    def _characters(self) -> CharSet:
        begin = self._offset
        character = self._next()
        match character:
            case "[":
                return self._class(begin)
            case ".":
                return _ANY
            case "\\":
                return self._escape(begin)
            case "^":
                raise RegexError(begin, r'"^" stands at the beginning only; write \^ for itself')
            case "*" | "+" | "?" | "{":
                raise RegexError(begin, f'"{character}" has no character before it to repeat')
            case "]" | "}":
                raise RegexError(begin, f'"{character}" closes nothing; write \\{character}')
            case _:
                return CharSet(frozenset(character))

    def _repetition(self) -> tuple[int, int | None]:
        begin = self._offset
        if self._take("*"):
            bounds: tuple[int, int | None] = (0, _ANY_NUMBER)
        elif self._take("+"):
            bounds = (1, _ANY_NUMBER)
        elif self._take("?"):
            bounds = (0, 1)
        elif self._take("{"):
            bounds = self._bounds(begin)
        else:
            return (1, 1)
        if self._peek() in {"*", "+", "?", "{"}:
            raise RegexError(self._offset, f'"{self._peek()}" repeats a repetition')
        return bounds

    def _bounds(self, begin: int) -> tuple[int, int | None]:
        low, comma, high = self._until("}", begin).partition(",")
        if not low.isdigit() or (high and not high.isdigit()):
            raise RegexError(begin, "write a repetition as {3}, {3,} or {3,5}")
        if max(len(low), len(high)) > len(str(_MAX_LINKS)):
            raise RegexError(begin, f"repeats more than {_MAX_LINKS} times")
        least = int(low)
        most = int(high) if high else _ANY_NUMBER if comma else least
        if most is not None and (most < least or most == 0):
            raise RegexError(begin, f"{{{low},{high}}} repeats at most {most} times")
        return (least, most)

    def _class(self, begin: int) -> CharSet:
        inverted = self._take("^")
        members = CharSet(frozenset())
        while not self._take("]"):
            if not self._peek():
                raise RegexError(begin, '"[" has no "]"')
            members |= self._class_member()
        if not members.ascii:
            raise RegexError(begin, "a character class is empty")
        return members.inverted() if inverted else members

    def _class_member(self) -> CharSet:
        begin = self._offset
        first = self._class_character()
        if self._peek() != "-" or self._source[self._offset + 1 : self._offset + 2] in {"]", ""}:
            return first
        self._next()
        last = self._class_character()
        if len(first.ascii) != 1 or len(last.ascii) != 1:
            raise RegexError(begin, "a range goes from one character to another")
        low, high = ord(min(first.ascii)), ord(min(last.ascii))
        if high < low:
            raise RegexError(begin, "a range runs backwards")
        return CharSet(frozenset(map(chr, range(low, high + 1))))

    def _class_character(self) -> CharSet:
        begin = self._offset
        character = self._next()
        if character == "[":
            raise RegexError(begin, r'"[" inside a class; write \[')
        return self._escape(begin) if character == "\\" else CharSet(frozenset(character))

    def _escape(self, begin: int) -> CharSet:
        character = self._next()
        if character in _CLASSES:
            return _CLASSES[character]
        if character == "x":
            digits = self._source[self._offset : self._offset + 2]
            self._offset += 2
            code = int(digits, 16) if len(digits) == 2 and set(digits) <= _HEX else len(_ASCII)
            if code >= len(_ASCII):
                raise RegexError(begin, r"\x takes two hexadecimal digits, 00 to 7f")
            return CharSet(frozenset(chr(code)))
        if character == "" or character.isalnum():
            raise RegexError(begin, rf"no escape \{character}; there are \d \D \s \S \w \W \xhh")
        return CharSet(frozenset(character))

    def _peek(self) -> str:
        return self._source[self._offset : self._offset + 1]

    def _next(self) -> str:
        character = self._peek()
        self._offset += len(character)
        return character

    def _take(self, character: str) -> bool:
        taken = self._peek() == character
        self._offset += taken
        return taken

    def _until(self, end: str, begin: int) -> str:
        close = self._source.find(end, self._offset)
        if close < 0:
            raise RegexError(begin, f'"{self._source[begin]}" has no "{end}"')
        text, self._offset = self._source[self._offset : close], close + 1
        return text


_HEX: Final = frozenset(string.hexdigits)
