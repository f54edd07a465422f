"""Sensitive values: which they are, and what is written in their place.

That a value changed is always written; what it is, never.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from ._encoding import encode
from ._notes import Unreadable, path_text

__all__ = ["Drop", "Guarded", "Hash", "Mask", "Masking", "Rule", "annotated_rules", "scrubbed"]

_HIDDEN: Final = "***"
# The last n of a text show at most a third of it: `7` must not become `7`.
_SHARE: Final = 3
_MOST_NAMES: Final = 4096
_SHORTEST_SECRET: Final = 4


class Rule:
    """How a sensitive value is written; the note of it in `changes.notes`."""

    __slots__ = ()
    note = "masked"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Give what is written in the place of a plain value; `None` stays what it is."""
        raise NotImplementedError


class Mask(Rule):
    """Write `***`, and of a long text its last characters: `Mask(keep=4)` gives `***9010`."""

    __slots__ = ("keep",)

    def __init__(self, keep: int = 0) -> None:
        self.keep = keep

    def __repr__(self) -> str:
        return f"Mask(keep={self.keep})"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Give `***` and what is kept, which is at most a third of the value."""
        if value is None:
            return None
        text = value if isinstance(value, str) else ""
        if not 0 < self.keep * _SHARE <= len(text):
            return _HIDDEN
        return f"{_HIDDEN}{text[-self.keep :]}"


class Hash(Rule):
    """Write a keyed hash: equal values can be matched, and nobody without the key can guess one.

    Numbers and booleans are hashed as well. Whoever has the key can try all values of a field that
    has few, such as a birthday or a yes: use `Mask` or `Drop` for those.
    """

    __slots__ = ()
    note = "hashed"

    def __repr__(self) -> str:
        return "Hash()"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Give the first 128 bits of HMAC-SHA-256 over the value's JSON; `***` without a key."""
        if value is None:
            return None
        if key is None:
            return _HIDDEN
        from hmac import digest  # noqa: PLC0415 - most applications hash nothing

        return f"hmac:{digest(key, encode(value), 'sha256').hex()[:32]}"


class Drop(Rule):
    """Write nothing of the value: `changes.fields` alone says that it changed."""

    __slots__ = ()
    note = "dropped"

    def __repr__(self) -> str:
        return "Drop()"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Give the mark of what is left out."""
        return _DROPPED if value is not None else None


_DROPPED: Final = object()


class Guarded:
    """A plain value whose type annotation says that it is sensitive, on its way to the record."""

    __slots__ = ("rule", "value")

    def __init__(self, value: Any, rule: Rule) -> None:
        self.value = value
        self.rule = rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Guarded) and self.value == other.value

    __hash__ = None  # type: ignore[assignment] # as a list or a dict has it


def annotated_rules(cls: type) -> Mapping[str, Rule]:
    """Give the fields of a class that are annotated with a rule: `Annotated[str, Mask(keep=4)]`."""
    found = _ANNOTATED.get(cls)
    if found is None:
        found = {}
        for base in reversed(cls.__mro__):
            for name, annotation in _annotations(base).items():
                for extra in getattr(annotation, "__metadata__", ()):
                    if isinstance(extra, Rule):
                        found[name] = extra
        if len(_ANNOTATED) >= _MOST_NAMES:  # classes made without end
            _ANNOTATED.clear()
        _ANNOTATED[cls] = found
    return found


_ANNOTATED: Final[dict[type, dict[str, Rule]]] = {}


def _annotations(cls: type) -> Mapping[str, Any]:
    own = cls.__dict__.get("__annotations__") or {}
    if any(isinstance(annotation, str) for annotation in own.values()) or not own:
        try:  # `from __future__ import annotations`; lazily evaluated ones of Python 3.14
            from typing import get_type_hints  # noqa: PLC0415 - only for those

            hints = get_type_hints(cls, include_extras=True)
        except Exception:  # noqa: BLE001 - a name that exists for type checkers alone
            return own if isinstance(own, dict) else {}
        return {name: hints[name] for name in hints}
    return own if isinstance(own, dict) else {}


# A name is sensitive when one of these is anywhere in it, its separators left out …
_ANYWHERE: Final = re.compile(
    r"passw(?:or)?d|passphrase|secret(?!ar)|token|authori[sz]ation|apikey|privatekey|accesskey|"
    r"signingkey|encryptionkey|credential|cookie|cardnumber|creditcard|socialsecurity"
)
# … or one of its words is one of these.
_WORDS: Final = frozenset(
    "auth card cards cvc cvv otp passwd pin pwd ssn iban_full jwt bearer".split()
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


class Masking:
    """Which names are sensitive, by default and as `configure(sensitive=…)` says."""

    __slots__ = ("_by_name", "_known", "_paths", "key")

    def __init__(
        self, rules: Mapping[str, Rule | None] | None = None, key: bytes | None = None
    ) -> None:
        given = rules or {}
        self.key = key
        self._by_name = {_squeezed(name): rule for name, rule in given.items() if "." not in name}
        self._paths = {
            tuple(name.split(".")): rule for name, rule in given.items() if "." in name
        }
        self._known: dict[str, Rule | None] = {}

    def rule(self, path: tuple[str, ...]) -> Rule | None:
        """Give the rule for a field: one for the end of its path, then one for its name."""
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

    def _looked_up(self, name: str) -> Rule | None:
        squeezed = _squeezed(name)
        if squeezed in self._by_name:
            return self._by_name[squeezed]
        words = {word.lower() for word in _WORD.findall(name)}
        return _DEFAULT if _ANYWHERE.search(squeezed) or words & _WORDS else None

    def covered(
        self, value: dict[str, Any], path: tuple[str, ...], notes: dict[str, str], seen: list[str]
    ) -> dict[str, Any]:
        """Give an object with its sensitive members masked: itself, where it has none.

        `notes` gets path → what was done, `seen` the texts that are not to be read elsewhere.
        """
        covered: dict[str, Any] | None = None
        for name, item in value.items():
            here = (*path, name)
            new = self._covered(item, here, self.rule(here), notes, seen)
            if new is not item:
                covered = value.copy() if covered is None else covered
                if new is _DROPPED:
                    del covered[name]
                else:
                    covered[name] = new
        return value if covered is None else covered

    def _covered(
        self,
        item: Any,
        path: tuple[str, ...],
        rule: Rule | None,
        notes: dict[str, str],
        seen: list[str],
    ) -> Any:
        kind = type(item)
        if kind is Guarded:
            rule, item = item.rule, item.value
        if rule is not None:
            if item is not None:
                notes[path_text(path)] = rule.note
                if isinstance(item, str) and len(item) >= _SHORTEST_SECRET:
                    seen.append(item)
            return rule.shown(_bare(item), self.key)
        if kind is dict:
            return self.covered(item, path, notes, seen)
        if kind is list:
            new = [
                self._covered(each, (*path, str(at)), None, notes, seen)
                for at, each in enumerate(item)
            ]
            same = all(one is other for one, other in zip(new, item, strict=True))
            return item if same else [each for each in new if each is not _DROPPED]
        if kind is Unreadable:
            notes[path_text(path)] = "unreadable"
            return str(item)
        return item


_DEFAULT: Final = Mask()


def _bare(value: Any) -> Any:
    """Give a value without the guards inside it: all of it is masked."""
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
_IN_TEXT: Final = re.compile(
    r"""
    (?P<kept> [a-z][a-z0-9+.-]*://[^\s/@:"']*: ) [^\s/@"']+ (?=@)             # postgres://u:pw@h
    | (?P<scheme> \b(?:bearer|basic)\s+ ) [a-z0-9._~+/=-]{3,}                 # Authorization: Bearer …
    | \beyJ[a-z0-9_-]+\.eyJ[a-z0-9_-]+\.[a-z0-9_-]*                           # a JSON Web Token
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                                           # an AWS access key
    | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z)
    | (?P<named> (?:passw(?:or)?d|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key)
                 ["']?\s*[=:]\s*["']? ) [^\s"'&,;)\]}]+                        # password=…
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
# One of these bytes is in every line that has such a text: nearly all have none, and are not searched.
_SIGNS: Final = (
    b"://", b"earer ", b"EARER ", b"asic ", b"ASIC ", b"eyJ", b"AKIA", b"ASIA", b"PRIVATE KEY",
    b"assword=", b"assword:", b"assword: ", b"ASSWORD", b"asswd", b"pwd", b"PWD", b"assphrase",
    b"ecret=", b"ecret:", b"ECRET", b"oken=", b"oken:", b"TOKEN", b"ey=", b"ey:", b"KEY",
    b"ord =", b"ret =", b"ken =", b"ey =",
)  # fmt: skip


def suspicious(line: bytes) -> bool:
    """Whether a line of JSON may hold a secret in one of its texts."""
    return any(sign in line for sign in _SIGNS)


def scrubbed(
    document: dict[str, Any], seen: list[str], path: tuple[str, ...], notes: dict[str, str]
) -> dict[str, Any]:
    """Give a document without the secrets that its texts give away, and without those in `seen`."""
    return {name: _scrub(item, seen, (*path, name), notes) for name, item in document.items()}


def _scrub(item: Any, seen: list[str], path: tuple[str, ...], notes: dict[str, str]) -> Any:
    if isinstance(item, dict):
        return scrubbed(item, seen, path, notes)
    if isinstance(item, list):
        return [_scrub(each, seen, (*path, str(at)), notes) for at, each in enumerate(item)]
    if not isinstance(item, str):
        return item
    text = item
    for secret in seen:
        text = text.replace(secret, _HIDDEN)
    text = _IN_TEXT.sub(_without, text)
    if text != item:
        notes[path_text(path)] = "masked"
    return text


def _without(match: re.Match[str]) -> str:
    kept = match["kept"] or match["scheme"] or match["named"] or ""
    return f"{kept}{_HIDDEN}"
