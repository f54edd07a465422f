"""Sensitive values: which they are, and what is written in their place.

That a value changed is always written; what it is, never.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from .encoding import HIDDEN
from .masking_rules import DROPPED, MOST_NAMES, Guarded, Mask, MaskingRule
from .notes import UnreadableText, path_text

__all__ = ["Masking", "Withheld", "gives_away", "scrubbed"]

_SHORTEST_SECRET: Final = 4
_UNMET: Final[Any] = object()
_ATOMS: Final = frozenset({str, int, float, bool, type(None)})

_ANYWHERE: Final = (
    r"passw(?:or)?d|passphrase|secret(?!ar)|token|authori[sz]ation|apikey|privatekey|accesskey|"
    r"signingkey|encryptionkey|credential|cookie|cardnumber|creditcard|socialsecurity"
)
# … or one of its words is one of these.
_WORDS: Final = frozenset({"card", "cards", "cvc", "cvv", "jwt", "otp", "pin", "pwd", "ssn"})
_WORD: Final = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+"


class Withheld:
    """What was not written: path → why, for `changes.notes`; and texts that nothing else may show."""

    __slots__ = ("gives_away", "notes", "searched", "seen", "texts")

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.seen: list[str] = []
        self.texts: list[str] = []
        """What is written, and nobody has searched for secrets yet."""
        self.searched = ""
        """What is written, and was searched for those that are told by their looks."""
        self.gives_away = False
        """Whether a text holds a secret by its looks: all of the record is searched then."""

    def also(self, other: "Withheld") -> None:
        """Add what was withheld elsewhere."""
        self.notes.update(other.notes)
        self.seen += other.seen
        self.texts += other.texts
        self.searched = f"{self.searched}\n{other.searched}"
        self.gives_away = self.gives_away or other.gives_away

    def search(self, fields: dict[str, Any]) -> None:
        """Search the texts now, for fields that are going to be written many times.

        These alone, and nothing that was in force before: who binds again and again would keep it all.
        """
        self.searched = "\n".join(_texts_in(fields))
        self.gives_away = gives_away(self.searched)
        self.texts.clear()

    def shows(self, message: str) -> bool:
        """Whether the message or another text has a secret in it."""
        text = "\n".join((message, *self.texts))
        if gives_away(text):
            return True
        if self.seen:
            text += f"\n{self.searched}"
            for secret in self.seen:
                if secret in text:
                    return True
        return False


class Masking:
    """Which names are sensitive, by default and as `configure(sensitive=…)` says."""

    __slots__ = ("_by_name", "_known", "_paths", "key")

    def __init__(
        self, rules: Mapping[str, MaskingRule | None] | None = None, key: bytes | None = None
    ) -> None:
        given = rules or {}
        self.key = key
        self._by_name = {_squeezed(name): rule for name, rule in given.items() if "." not in name}
        self._paths = {tuple(name.split(".")): rule for name, rule in given.items() if "." in name}
        self._known: dict[str, MaskingRule | None] = {}

    def rule(self, path: tuple[str, ...]) -> MaskingRule | None:
        """Return the rule for a field: one for the end of its path, then one for its name."""
        for tail, rule in self._paths.items():
            if path[-len(tail) :] == tail:
                return rule
        name = path[-1]
        try:
            return self._known[name]
        except KeyError:
            rule = self._looked_up(name)
            if len(self._known) >= MOST_NAMES:  # names made without end
                self._known.clear()
            self._known[name] = rule
            return rule

    def _looked_up(self, name: str) -> MaskingRule | None:
        squeezed = _squeezed(name)
        if squeezed in self._by_name:
            return self._by_name[squeezed]
        words = {word.lower() for word in re.findall(_WORD, name)}
        return _DEFAULT if re.search(_ANYWHERE, squeezed) or words & _WORDS else None

    def cover_changes(self, changes: dict[str, Any], withheld: Withheld) -> None:
        """Mask what `changes_between` gave, in place."""
        for state in ("before", "after") if changes else ():
            changes[state] = self.covered(changes[state], ("changes", state), withheld)

    def covered(
        self, value: dict[str, Any], path: tuple[str, ...], withheld: Withheld
    ) -> dict[str, Any]:
        """Return an object with its sensitive members masked: itself, where it has none."""
        covered: dict[str, Any] | None = None
        known = {} if self._paths else self._known  # names decide alone where no path has a say
        for name, item in value.items():
            kind = type(item)
            rule = known.get(name, _UNMET)
            if rule is None and kind in _ATOMS:  # nearly all of them
                if kind is str:
                    withheld.texts.append(item)
                continue
            here = (*path, name)
            rule = self.rule(here) if rule is _UNMET else rule
            if rule is not None and kind in _ATOMS:
                new = self._shown(here, item, rule, withheld)
            else:
                new = self._covered(item, here, rule, withheld)
            if new is not item:
                covered = value.copy() if covered is None else covered
                if new is DROPPED:
                    del covered[name]
                else:
                    covered[name] = new
        return value if covered is None else covered

    def _shown(
        self, path: tuple[str, ...], bare: Any, rule: MaskingRule, withheld: Withheld
    ) -> Any:
        shown = rule.shown(bare, self.key)
        if bare is not None:
            withheld.notes[path_text(path)] = "masked" if shown == HIDDEN else rule.note
            _see(bare, withheld.seen)
        return shown

    def _covered(
        self, item: Any, path: tuple[str, ...], rule: MaskingRule | None, withheld: Withheld
    ) -> Any:
        kind = type(item)
        if kind is Guarded:
            rule, item = item.rule, item.value
        if rule is not None:
            return self._shown(path, _bare(item), rule, withheld)
        if kind is dict:
            return self.covered(item, path, withheld)
        if kind is list:
            new = [
                self._covered(each, (*path, str(at)), None, withheld)
                for at, each in enumerate(item)
            ]
            same = all(one is other for one, other in zip(new, item, strict=True))
            return item if same else [each for each in new if each is not DROPPED]
        if kind is UnreadableText:
            withheld.notes[path_text(path)] = "unreadable"
            item = str(item)
        if isinstance(item, str):
            withheld.texts.append(item)
        return item


def _texts_in(value: Any) -> Iterator[str]:
    """Return the texts of a plain value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)


def _see(value: Any, seen: list[str]) -> None:
    """Remember the texts of a sensitive value, which the message may repeat."""
    if type(value) is str:
        if len(value) >= _SHORTEST_SECRET:
            seen.append(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _see(inner, seen)


_DEFAULT: Final = Mask()


def _bare(value: Any) -> Any:
    """Return a value without the guards inside it: all of it is masked."""
    if type(value) is Guarded:
        return _bare(value.value)
    if type(value) is dict:
        return {name: _bare(inner) for name, inner in value.items()}
    if type(value) is list:
        return [_bare(inner) for inner in value]
    return value


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


# What gives itself away in a free text, whatever the name of the field that holds it.
@cache
def _in_text() -> re.Pattern[str]:
    return re.compile(_SECRETS, re.VERBOSE | re.IGNORECASE | re.DOTALL)


# Each alternative is linear, whatever the text is: what repeats has a bound or begins only once.
_SECRETS: Final = r"""
    (?P<kept> [a-z][a-z0-9+.-]{0,20}://[^\s/@:"']*: ) [^\s/@"']+ (?=@)        # postgres://u:pw@h
    | (?P<scheme> \b(?:bearer|basic)\s+ ) [a-z0-9._~+/=-]{3,}                 # Authorization: Bearer …
    | (?<![a-z0-9_-]) [a-z0-9_-]{8,}+ \.eyJ[a-z0-9_-]++ (?:\.[a-z0-9_-]*)+    # a JSON Web Token
    | \bAKIA[A-Z0-9]{16}\b                                                  # an AWS access key
    | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z)
    | (?P<named> (?:passw(?:or)?d|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key)
                 ["']?\s*[=:]\s*["']? ) [^\s"'&,;)\]}]+                        # password=…
"""


def gives_away(text: str) -> bool:
    """Whether a text holds a secret that can be told by its looks. Most have no sign of one."""
    return (
        ":" in text or "=" in text or "eyJ" in text or "earer " in text or "asic " in text
        or "AKIA" in text or "EARER " in text or "ASIC " in text
    ) and _in_text().search(text) is not None  # fmt: skip


def scrubbed(
    document: dict[str, Any], withheld: Withheld, path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a document without the secrets that its texts give away, and without those seen."""
    return {name: _scrub(item, withheld, (*path, name)) for name, item in document.items()}


def _scrub(item: Any, withheld: Withheld, path: tuple[str, ...]) -> Any:
    if isinstance(item, dict):
        return scrubbed(item, withheld, path)
    if isinstance(item, list):
        return [_scrub(each, withheld, (*path, str(at))) for at, each in enumerate(item)]
    if not isinstance(item, str):
        return item
    text = item
    for secret in withheld.seen:
        text = text.replace(secret, HIDDEN)
    text = _in_text().sub(_without, text)
    if text != item:
        withheld.notes[path_text(path)] = "masked"
    return text


def _without(match: re.Match[str]) -> str:
    kept = match["kept"] or match["scheme"] or match["named"] or ""
    return f"{kept}{HIDDEN}"
