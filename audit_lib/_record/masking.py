"""Sensitive values: which they are, and what is written in their place.

That a value changed is always written; what it is, never.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from .encoding import HIDDEN, encode
from .notes import UnreadableText, path_text

__all__ = [
    "Drop",
    "Guarded",
    "Hash",
    "Mask",
    "Masking",
    "MaskingRule",
    "Withheld",
    "annotated_rules",
    "gives_away",
    "scrubbed",
]

# The last n of a text show at most a third of it: `7` must not become `7`.
_SHARE: Final = 3
_MOST_NAMES: Final = 4096
_SHORTEST_SECRET: Final = 4


class MaskingRule:
    """How a sensitive value is written; the note of it in `changes.notes`."""

    __slots__ = ()
    note = "masked"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Return what is written in the place of a plain value; `None` stays what it is."""
        raise NotImplementedError


class Mask(MaskingRule):
    """Write `***`, and of a long text its last characters: `Mask(keep=4)` gives `***9010`."""

    __slots__ = ("keep",)

    def __init__(self, keep: int = 0) -> None:
        self.keep = keep

    def __repr__(self) -> str:
        return f"Mask(keep={self.keep})"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Return `***` and what is kept, which is at most a third of the value."""
        if value is None:
            return None
        if not self.keep:
            return HIDDEN
        text = value if isinstance(value, str) else ""
        if not 0 < self.keep * _SHARE <= len(text):
            return HIDDEN
        return f"{HIDDEN}{text[-self.keep :]}"


class Hash(MaskingRule):
    """Write a keyed hash: equal values can be matched, and nobody without the key can guess one.

    Numbers and booleans are hashed as well. Whoever has the key can try all values of a field that
    has few, such as a birthday or a yes: use `Mask` or `Drop` for those.
    """

    __slots__ = ()
    note = "hashed"

    def __repr__(self) -> str:
        return "Hash()"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Return the first 128 bits of HMAC-SHA-256 over the value's JSON; `***` without a key."""
        if value is None:
            return None
        if key is None:
            return HIDDEN
        from hmac import digest  # noqa: PLC0415 - most applications hash nothing

        return f"hmac:{digest(key, encode(value), 'sha256').hex()[:32]}"


class Drop(MaskingRule):
    """Write nothing of the value: `changes.fields` alone says that it changed."""

    __slots__ = ()
    note = "dropped"

    def __repr__(self) -> str:
        return "Drop()"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Return the mark of what is left out."""
        return _DROPPED if value is not None else None


_DROPPED: Final = object()
_UNMET: Final[Any] = object()
_ATOMS: Final = frozenset({str, int, float, bool, type(None)})


class Guarded:
    """A plain value whose type annotation says that it is sensitive, on its way to the record."""

    __slots__ = ("rule", "value")

    def __init__(self, value: Any, rule: MaskingRule) -> None:
        self.value = value
        self.rule = rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Guarded) and self.value == other.value

    __hash__ = None  # type: ignore[assignment] # as a list or a dict has it


def annotated_rules(cls: type) -> Mapping[str, MaskingRule]:
    """Return the fields of a class that are annotated with a rule: `Annotated[str, Mask(keep=4)]`."""
    found = _ANNOTATED.get(cls)
    if found is None:
        found = {}
        for base in reversed(cls.__mro__):
            for name, annotation in _annotations(base).items():
                if rule := _rule_in(annotation):
                    found[name] = rule
        if len(_ANNOTATED) >= _MOST_NAMES:  # classes made without end
            _ANNOTATED.clear()
        _ANNOTATED[cls] = found
    return found


_ANNOTATED: Final[dict[type, dict[str, MaskingRule]]] = {}


def _rule_in(annotation: Any) -> MaskingRule | None:
    """Find the rule in `Annotated[…]`, also inside `Mapped[…]`, `… | None` or `list[…]`."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, MaskingRule):
            return extra
    for inner in getattr(annotation, "__args__", ()):
        if rule := _rule_in(inner):
            return rule
    return None


def _annotations(cls: type) -> Mapping[str, Any]:
    own = cls.__dict__.get("__annotations__")  # noqa: RUF063 - `inspect` takes 5 ms to import
    if cls.__module__ == "builtins" or (own and not any(isinstance(a, str) for a in own.values())):
        return own or {}
    try:  # `from __future__ import annotations`; those of Python 3.14, which are made when asked for
        from typing import get_type_hints  # noqa: PLC0415 - only for those

        return get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that exists for type checkers alone
        return own or {}


# A name is sensitive when one of these is anywhere in it, its separators left out …
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
            if len(self._known) >= _MOST_NAMES:  # names made without end
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
                if new is _DROPPED:
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
            return item if same else [each for each in new if each is not _DROPPED]
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
