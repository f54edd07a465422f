r"""Parses and matches the regular expressions of filter patterns: `%gr[ae]y|10\.0\..*%`.

CloudWatch does not support groups, so an expression is a choice between branches, each a sequence of
characters that may be optional or repeated. A branch is matched without backtracking: the bits of one
integer are all positions that it may have reached, and each character of the text shifts them (the
Shift-And method). So the time is proportional to the length of the text for every expression. `re` does
not guarantee that, and the texts come from users of the applications.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_LITERALS: Final = frozenset(string.ascii_letters + string.digits + ":_#=@/;,- ")
_OPERATORS: Final = frozenset("^$?[]{}|\\*+.")
_ASCII: Final = frozenset(map(chr, range(128)))
_MAX_PIECES: Final = 1000
_ANY_NUMBER: Final = None
_MAX_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class CharSet:
    """A set of characters: those in `ascii` and, if `others` is true, all that are not ASCII."""

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
class Piece:
    """One position of a branch: the characters that match it, and whether it is optional or repeated."""

    characters: CharSet
    optional: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One alternative of an expression, with its anchors `^` (`at_start`) and `$` (`at_end`)."""

    pieces: tuple[Piece, ...]
    at_start: bool
    at_end: bool
    # By character, filled on first use: the bits of the pieces that accept it, and of those that may
    # accept it again. Each ASCII character has an entry, all others share one.
    _masks: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)

    def matches(self, text: str) -> bool:
        """Return whether the branch matches a part of the text. Bit i: the first i pieces have matched."""
        skippable = sum(1 << i for i, piece in enumerate(self.pieces) if piece.optional)
        goal = 1 << len(self.pieces)
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
                (i, piece) for i, piece in enumerate(self.pieces) if character in piece.characters
            ]
            self._masks[key] = (
                sum(1 << i for i, _ in accepting),
                sum(1 << i + 1 for i, piece in accepting if piece.repeated),
            )
        return self._masks[key]


def _skip(reached: int, skippable: int) -> int:
    while (further := reached | (reached & skippable) << 1) != reached:
        reached = further
    return reached


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression; it matches anywhere in a text unless it has anchors."""

    branches: tuple[Branch, ...]
    source: str = ""

    def matches(self, text: str) -> bool:
        return any(branch.matches(text) for branch in self.branches)


class RegexError(Exception):
    """A regular expression is invalid; `offset` is the position of the mistake, counted from 0."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset = offset
        self.reason = reason


def parse_regex(source: str) -> Regex:
    """Parse an expression, without the percent signs around it.

    Raises:
        RegexError: the expression is empty, has syntax that filter patterns do not support, or has a branch
            with more than 1,000 characters, counting repetitions.
    """
    if not source:
        raise RegexError(0, "the regular expression is empty; write it between the percent signs")
    for offset, character in enumerate(source):
        if character not in _LITERALS and character not in _OPERATORS:
            raise RegexError(
                offset,
                f"found {character!r}; a regular expression can contain only ASCII letters, digits,"
                r" spaces, : _ # = @ / ; , - and the operators ^ $ ? [ ] { } | \ * + .",
            )
    return Regex(tuple(_RegexParser(source).branches()), source)


class _RegexParser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._offset = 0

    def branches(self) -> Iterator[Branch]:
        yield self._branch()
        while self._take("|"):
            yield self._branch()

    def _branch(self) -> Branch:
        begin = self._offset
        at_start = self._take("^")
        pieces: list[Piece] = []
        while self._peek() not in {"", "|", "$"}:
            pieces += self._pieces()
            if len(pieces) > _MAX_PIECES:
                reason = (
                    f"an alternative has more than {_MAX_PIECES} characters, counting repetitions;"
                    " use fewer"
                )
                raise RegexError(begin, reason)
        at_end = self._take("$")
        if self._peek() not in {"", "|"}:
            raise RegexError(
                self._offset, r'"$" is allowed only at the end; for the character write \$'
            )
        if not pieces and not at_start and not at_end:
            raise RegexError(
                begin, 'one side of "|" is empty; write an expression, or remove the "|"'
            )
        return Branch(tuple(pieces), at_start, at_end)

    def _pieces(self) -> list[Piece]:
        characters = self._characters()
        low, high = self._repetition()
        if high is not _ANY_NUMBER:
            return [Piece(characters)] * low + [Piece(characters, optional=True)] * (high - low)
        if low == 0:
            return [Piece(characters, optional=True, repeated=True)]
        return [Piece(characters)] * (low - 1) + [Piece(characters, repeated=True)]

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
                raise RegexError(
                    begin, r'"^" is allowed only at the beginning; for the character write \^'
                )
            case "*" | "+" | "?" | "{":
                raise RegexError(
                    begin,
                    f'"{character}" has no character before it to repeat; for the character write'
                    f" \\{character}",
                )
            case "]" | "}":
                raise RegexError(
                    begin,
                    f'"{character}" has no opening bracket; for the character write \\{character}',
                )
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
            character = self._peek()
            raise RegexError(
                self._offset,
                f'"{character}" repeats a repetition; remove it, or write \\{character} for the character',
            )
        return bounds

    def _bounds(self, begin: int) -> tuple[int, int | None]:
        low, comma, high = self._until("}", begin).partition(",")
        if not low.isdigit() or (high and not high.isdigit()):
            reason = f"found {{{_cut(low + comma + high)}}}; write a repetition as {{3}}, {{3,}} or {{3,5}}"
            raise RegexError(begin, reason)
        if max(len(low), len(high)) > len(str(_MAX_PIECES)):
            reason = f"found {{{_cut(low + comma + high)}}}; the maximum of a repetition is {_MAX_PIECES}"
            raise RegexError(begin, reason)
        least = int(low)
        most = int(high) if high else _ANY_NUMBER if comma else least
        if most is not None and (most < least or most == 0):
            source = f"{{{low}{comma}{high}}}"
            raise RegexError(
                begin, f"found {source}; the maximum must be at least 1 and not below the minimum"
            )
        return (least, most)

    def _class(self, begin: int) -> CharSet:
        inverted = self._take("^")
        members = CharSet(frozenset())
        while not self._take("]"):
            if not self._peek():
                raise RegexError(begin, r'"[" has no "]"; add it, or for the character write \[')
            members |= self._class_member()
        if not members.ascii:
            raise RegexError(
                begin, "a character class is empty; write characters between the brackets"
            )
        return members.inverted() if inverted else members

    def _class_member(self) -> CharSet:
        begin = self._offset
        first = self._class_character()
        if self._peek() != "-" or self._source[self._offset + 1 : self._offset + 2] in {"]", ""}:
            return first
        self._next()
        last = self._class_character()
        if len(first.ascii) != 1 or len(last.ascii) != 1:
            reason = (
                f"found {self._source[begin : self._offset]}; a range must go from one character to"
                r" another, and for a hyphen write \-"
            )
            raise RegexError(begin, reason)
        low, high = ord(min(first.ascii)), ord(min(last.ascii))
        if high < low:
            reason = (
                f"found {self._source[begin : self._offset]}; a range must be in ascending order"
            )
            raise RegexError(begin, reason)
        return CharSet(frozenset(map(chr, range(low, high + 1))))

    def _class_character(self) -> CharSet:
        begin = self._offset
        character = self._next()
        if character == "[":
            raise RegexError(
                begin, r'"[" is not allowed inside a class; for the character write \['
            )
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
                raise RegexError(begin, r"\x must be followed by two hexadecimal digits, 00 to 7f")
            return CharSet(frozenset(chr(code)))
        if character == "":
            raise RegexError(begin, r'found "\" at the end; for the character write \\')
        if character.isalnum():
            raise RegexError(
                begin, rf"\{character} is not supported; use one of \d \D \s \S \w \W \xhh"
            )
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
            opening = self._source[begin]
            raise RegexError(
                begin, f'"{opening}" has no "{end}"; add it, or for the character write \\{opening}'
            )
        text, self._offset = self._source[self._offset : close], close + 1
        return text


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


_HEX: Final = frozenset(string.hexdigits)
