"""Finds sensitive values in records and replaces them, for the loggers, the context and the handlers.

Sensitive values are found by the name, path or annotation of their field; secrets in other texts by
their form, or because they repeat a sensitive value. `changes.fields` still shows that a value changed.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from .encoding import HIDDEN
from .masking_rules import DROPPED, MAX_NAMES, Mask, MaskingRule, SensitiveValue
from .notes import path_text
from .unreadable import UnreadableText

__all__ = ["Masking", "Redactions", "has_secret", "scrubbed"]

_MIN_SECRET_LENGTH: Final = 4
_UNKNOWN: Final[Any] = object()
_ATOMS: Final = frozenset({str, int, float, bool, type(None)})

# A name is sensitive when it contains one of these, after its separators are removed …
_ANYWHERE: Final = (
    r"passw(?:or)?d|passphrase|secret(?!ar)|token|authori[sz]ation|apikey|privatekey|accesskey|"
    r"signingkey|encryptionkey|credential|cookie|cardnumber|creditcard|socialsecurity"
)
# … or when one of its words is one of these.
_WORDS: Final = frozenset({"card", "cards", "cvc", "cvv", "jwt", "otp", "pin", "pwd", "ssn"})
_WORD: Final = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+"


class Redactions:
    """What was masked in a record: `notes` by path, and the values (`secrets`) that no text may repeat."""

    __slots__ = ("has_secret", "notes", "searched", "secrets", "texts")

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.secrets: list[str] = []
        self.texts: list[str] = []
        """The texts of the record that still have to be searched for secrets."""
        self.searched = ""
        """The texts of the record that were searched for the known forms of secrets."""
        self.has_secret = False
        """Whether a text contains a known form of a secret, so that the whole record is searched."""

    def add(self, other: "Redactions") -> None:
        """Add the notes, secrets and texts of other redactions."""
        self.notes.update(other.notes)
        self.secrets += other.secrets
        self.texts += other.texts
        self.searched = f"{self.searched}\n{other.searched}"
        self.has_secret = self.has_secret or other.has_secret

    def search(self, fields: dict[str, Any]) -> None:
        """Search context fields once for known forms of secrets, since many records contain them.

        Sets `searched` and `has_secret`, and clears `texts`: binding fields in a loop would otherwise
        accumulate texts.
        """
        self.searched = "\n".join(_texts_in(fields))
        self.has_secret = has_secret(self.searched)
        self.texts.clear()

    def found_in(self, message: str) -> bool:
        """Return whether the message or a text contains a known form of a secret, or one of `secrets`."""
        text = "\n".join((message, *self.texts))
        if has_secret(text):
            return True
        if self.secrets:
            text += f"\n{self.searched}"
            for secret in self.secrets:
                if secret in text:
                    return True
        return False


class Masking:
    """The rules for sensitive fields: the default names, and the argument `sensitive` of `configure`."""

    __slots__ = ("_by_name", "_known", "_paths", "key")

    def __init__(
        self, rules: Mapping[str, MaskingRule | None] | None = None, key: bytes | None = None
    ) -> None:
        given = rules or {}
        self.key = key
        self._by_name = {_normalized(name): rule for name, rule in given.items() if "." not in name}
        self._paths = {tuple(name.split(".")): rule for name, rule in given.items() if "." in name}
        self._known: dict[str, MaskingRule | None] = {}

    def rule(self, path: tuple[str, ...]) -> MaskingRule | None:
        """Return the rule for a field, or None if it is not sensitive.

        A rule of `configure` for the end of the path has priority over one for the name, and that over
        the default names.
        """
        for tail, rule in self._paths.items():
            if path[-len(tail) :] == tail:
                return rule
        name = path[-1]
        try:
            return self._known[name]
        except KeyError:
            rule = self._find_rule(name)
            if len(self._known) >= MAX_NAMES:  # an application that keeps generating names
                self._known.clear()
            self._known[name] = rule
            return rule

    def _find_rule(self, name: str) -> MaskingRule | None:
        normalized = _normalized(name)
        if normalized in self._by_name:
            return self._by_name[normalized]
        words = {word.lower() for word in re.findall(_WORD, name)}
        return _DEFAULT if re.search(_ANYWHERE, normalized) or words & _WORDS else None

    def mask_changes(self, changes: dict[str, Any], redactions: Redactions) -> None:
        """Mask `before` and `after` of a result of `changes_between`, in place; accept `{}` too."""
        for state in ("before", "after") if changes else ():
            changes[state] = self.masked(changes[state], ("changes", state), redactions)

    def masked(
        self, value: dict[str, Any], path: tuple[str, ...], redactions: Redactions
    ) -> dict[str, Any]:
        """Return an object with its sensitive members masked; the same object if no value changes.

        Notes, sensitive texts of 4 characters or more and other texts are added to `redactions`.

        Args:
            value: an object of plain values.
            path: the path of the object in the document.
            redactions: the redactions of the record.
        """
        result: dict[str, Any] | None = None
        known = {} if self._paths else self._known  # without rules for paths, the name decides
        texts = redactions.texts
        for name, item in value.items():
            kind = type(item)
            rule = known.get(name, _UNKNOWN)
            if rule is None and kind in _ATOMS:  # the common case
                if kind is str:
                    texts.append(item)
                continue
            inner_path = (*path, name)
            rule = self.rule(inner_path) if rule is _UNKNOWN else rule
            if rule is not None and kind in _ATOMS:
                new = self._apply_rule(inner_path, item, rule, redactions)
            else:
                new = self._masked_item(item, inner_path, rule, redactions)
            if new is not item:
                result = value.copy() if result is None else result
                if new is DROPPED:
                    del result[name]
                else:
                    result[name] = new
        return value if result is None else result

    def _apply_rule(
        self, path: tuple[str, ...], value: Any, rule: MaskingRule, redactions: Redactions
    ) -> Any:
        shown = rule.shown(value, self.key)
        if value is not None:
            redactions.notes[path_text(path)] = "masked" if shown == HIDDEN else rule.note
            if type(value) is not str:
                _remember(value, redactions.secrets)
            elif len(value) >= _MIN_SECRET_LENGTH:  # the common case, without a call
                redactions.secrets.append(value)
        return shown

    def _masked_item(
        self, item: Any, path: tuple[str, ...], rule: MaskingRule | None, redactions: Redactions
    ) -> Any:
        kind = type(item)
        if kind is SensitiveValue:
            rule, item = item.rule, item.value
        if rule is not None:
            return self._apply_rule(path, _unwrapped(item), rule, redactions)
        if kind is dict:
            return self.masked(item, path, redactions)
        if kind is list:
            new = [
                self._masked_item(each, (*path, str(at)), None, redactions)
                for at, each in enumerate(item)
            ]
            same = all(masked is given for masked, given in zip(new, item, strict=True))
            return item if same else [masked for masked in new if masked is not DROPPED]
        if kind is UnreadableText:
            if item.private:
                return DROPPED
            redactions.notes[path_text(path)] = item.note
            item = str(item)
        if isinstance(item, str):
            redactions.texts.append(item)
        return item


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the texts of a plain value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)


def _remember(value: Any, secrets: list[str]) -> None:
    """Add the texts of a sensitive value that have 4 characters or more to `secrets`."""
    if type(value) is str:
        if len(value) >= _MIN_SECRET_LENGTH:
            secrets.append(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _remember(inner, secrets)


_DEFAULT: Final = Mask()


def _unwrapped(value: Any) -> Any:
    """Return a value with each `SensitiveValue` in it replaced by the value that it wraps."""
    if type(value) is SensitiveValue:
        return _unwrapped(value.value)
    if type(value) is dict:
        return {name: _unwrapped(inner) for name, inner in value.items()}
    if type(value) is list:
        return [_unwrapped(inner) for inner in value]
    return value


def _normalized(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


# Secrets that have a known form, in any text, whatever the name of its field.
@cache
def _secret_pattern() -> re.Pattern[str]:
    return re.compile(_SECRETS, re.VERBOSE | re.IGNORECASE | re.DOTALL)


# Each alternative takes linear time for any text: a repetition has a bound or one possible start.
_SECRETS: Final = r"""
    (?P<kept> [a-z][a-z0-9+.-]{0,20}://[^\s/@:"']*: ) [^\s/@"']+ (?=@)        # postgres://u:pw@h
    | (?P<scheme> \b(?:bearer|basic)\s+ ) [a-z0-9._~+/=-]{3,}                 # Authorization: Bearer …
    | (?<![a-z0-9_-]) [a-z0-9_-]{8,}+ \.eyJ[a-z0-9_-]++ (?:\.[a-z0-9_-]*)+    # a JSON Web Token
    | \bA[KS]IA[A-Z0-9]{16}\b                                               # an AWS access key
    | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z)
    | (?P<named> (?:passw(?:or)?d|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key)
                 ["']?\s*[=:]\s*["']? ) [^\s"'&,;)\]}]+                        # password=…
"""


def has_secret(text: str) -> bool:
    """Return whether a text contains a known form of a secret.

    These are a password in a URL or after a name such as `password=`, HTTP `Bearer` and `Basic`
    credentials, JSON Web Tokens, AWS access key ids and PEM private keys.
    """
    # A search for one character is four times faster than one for a word.
    signs = (
        ":" in text or "=" in text
        or ("J" in text and "eyJ" in text)
        or ("I" in text and ("AKIA" in text or "ASIA" in text or "PRIVATE KEY" in text))
        or (("b" in text or "B" in text) and ("earer" in (lower := text.lower()) or "asic" in lower))
    )  # fmt: skip
    return signs and _secret_pattern().search(text) is not None


def scrubbed(
    document: dict[str, Any], redactions: Redactions, path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a document with `***` for known forms of secrets and for the secrets of `redactions`.

    The notes of `redactions` receive the paths of the texts that were changed.
    """
    return {name: _scrub(item, redactions, (*path, name)) for name, item in document.items()}


def _scrub(item: Any, redactions: Redactions, path: tuple[str, ...]) -> Any:
    if isinstance(item, dict):
        return scrubbed(item, redactions, path)
    if isinstance(item, list):
        return [_scrub(each, redactions, (*path, str(at))) for at, each in enumerate(item)]
    if not isinstance(item, str):
        return item
    text = item
    for secret in redactions.secrets:
        text = text.replace(secret, HIDDEN)
    text = _secret_pattern().sub(_replacement, text)
    if text != item:
        redactions.notes[path_text(path)] = "masked"
    return text


def _replacement(match: re.Match[str]) -> str:
    kept = match["kept"] or match["scheme"] or match["named"] or ""
    return f"{kept}{HIDDEN}"
