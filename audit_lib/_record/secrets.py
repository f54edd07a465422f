"""Searches a finished record once for secrets: known forms of them, and repeated sensitive values.

The search reads all texts of the document except what this library wrote itself and what was searched before:
the context, and the names of fields, which `Masking` searches once each.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

from .encoding import HIDDEN
from .head import OWN
from .names import DistinctNames
from .notes import path_text

__all__ = ["DETECTORS", "Redactions", "has_secret", "scrubbed", "texts_of"]

DETECTORS: Final = ("card", "iban")
"""What `detect` of `configure` switches on: numbers whose check digits are right."""


_NOTHING_SEARCHED: Final[tuple[Mapping[str, Any], str]] = {}, ""


class Redactions:
    """What was masked in a record, and what the search for secrets has to know.

    Attributes:
        notes: path → `masked`, `hashed`, `dropped`, `unreadable` or `beyond limit`.
        secrets: the sensitive values that no text may repeat.
        searched: the objects of the context, by their names, which were searched before, and their texts.
        has_secret: whether a searched object, or what cannot be searched, may contain a known form.
        event_searched: whether `event` was searched before, except for its `reason`.
        own_action: whether `event.action` is the caller's own text, which is searched for repeated
            values; else it is that of the verb or of the catalogue, by which rules find the record.
        own_changes: whether `changes.fields` is what the library compared, and needs no search.
    """

    __slots__ = (
        "event_searched", "has_secret", "notes", "own_action", "own_changes", "searched", "secrets",
    )  # fmt: skip

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.secrets: list[str] = []
        self.searched = _NOTHING_SEARCHED
        self.has_secret = False
        self.own_action = False
        self.own_changes = False
        self.event_searched = False

    def add(self, other: "Redactions") -> None:
        """Add the notes and secrets of other redactions."""
        self.notes.update(other.notes)
        self.secrets += other.secrets
        self.has_secret = self.has_secret or other.has_secret

    def for_search(self) -> "Redactions":
        """Return new redactions that share the list of secrets, for `scrubbed`, and have no notes."""
        copied = Redactions()
        copied.secrets, copied.own_action = self.secrets, self.own_action
        return copied

    def distrust(self, fields: Mapping[str, Any]) -> None:
        """Have all of a record searched, since the application may have changed its fields."""
        self.searched = _NOTHING_SEARCHED
        self.event_searched = self.own_changes = False
        names: list[str] = []
        _collect_names(fields, names)
        self.has_secret = self.has_secret or has_secret("\n".join(names))

    def found_in(self, document: dict[str, Any], detect: Collection[str]) -> bool:
        """Return whether a document may contain a known form of a secret, or one of `secrets`."""
        if self.has_secret:
            return True
        text = self._unsearched(document)
        if has_secret(text) or (detect and _numbers_in(f"{text}\n{self.searched[1]}", detect)):
            return True
        if self.secrets:
            text += f"\n{self.searched[1]}"
            for secret in self.secrets:
                if secret in text:
                    return True
        return False

    def _unsearched(self, document: dict[str, Any]) -> str:
        texts: list[str] = []
        searched = self.searched[0]
        own_in = _OWN_IN if self.own_changes else _OWN_BESIDE_CHANGES
        for name, item in document.items():
            if name in OWN or searched.get(name) is item:
                continue
            if name == "event" and self.event_searched:
                texts.append(item.get("reason", ""))
                continue
            kind = type(item)
            if kind is str:
                texts.append(item)
            elif kind is dict:
                _collect(item, texts, own_in.get(name, _NOTHING))
            elif kind is list:
                _collect_list(item, texts)
        return "\n".join(texts)


# What this library writes in an object itself: no value of an application.
_OWN_BESIDE_CHANGES: Final = {"event": frozenset({"id"})}
_OWN_IN: Final = {**_OWN_BESIDE_CHANGES, "changes": frozenset({"fields"})}
_HOW_CHANGED: Final = frozenset({"added", "removed", "updated"})
_CHANGED_FIELDS: Final = ("changes", "fields")
# What a secret does not hide, though it may repeat it: who it was and from where, which otherwise a user
# erases who takes his own name as a password, and what rules match.
_IDENTITY: Final = frozenset({
    "client", "destination", "host", "related", "server", "source", "span", "trace", "transaction", "user",
})  # fmt: skip
_MATCHED: Final = frozenset({
    ("changes", "record_type"), ("event", "category"), ("event", "id"), ("event", "kind"),
    ("event", "outcome"), ("event", "type"),
})  # fmt: skip
_NOTHING: Final[frozenset[str]] = frozenset()


def texts_of(value: Mapping[str, Any]) -> str:
    """Return all texts and names of an object, at any depth, one on each line."""
    texts: list[str] = []
    _collect(value, texts, _NOTHING)
    _collect_names(value, texts)
    return "\n".join(texts)


def _collect_names(value: Any, texts: list[str]) -> None:
    if isinstance(value, list):
        for each in value:
            _collect_names(each, texts)
    elif isinstance(value, dict):
        texts += value
        for each in value.values():
            _collect_names(each, texts)


def _collect(value: Mapping[str, Any], texts: list[str], own: Collection[str]) -> None:
    for name, item in value.items():
        kind = type(item)
        if kind is str:
            if name not in own:
                texts.append(item)
        elif kind is dict:
            if name not in own:
                _collect(item, texts, _NOTHING)
        elif kind is list and name not in own:
            _collect_list(item, texts)


def _collect_list(value: list[Any], texts: list[str]) -> None:
    for item in value:
        kind = type(item)
        if kind is str:
            texts.append(item)
        elif kind is dict:
            _collect(item, texts, _NOTHING)
        elif kind is list:
            _collect_list(item, texts)


# Each alternative takes linear time for any text: a repetition has a bound or one possible start.
_FORMS: Final = r"""
    # postgres://u:pw@h; an @ after a port and a slash belongs to the path
    (?P<kept> \b[a-z][a-z0-9+.-]{0,20}://[^\s/:"'\[]{0,200}: ) (?!\d{1,5}[/?\#,]) [^\s"]{1,2000} (?=@)
    # Authorization: Bearer …; words such as `plan` have no digit and no capital inside
    | (?P<scheme> \b(?:bearer|basic)\s+ ) (?-i:(?=[A-Za-z~-]*(?:[0-9_=+/]|\.[A-Za-z0-9])|[A-Za-z]+[A-Z]))
      [a-z0-9._~+/=-]{3,}
    # a JSON Web Token: signed, or encrypted
    | (?<![a-z0-9_-]) [a-z0-9_-]{8,}+ \.eyJ[a-z0-9_-]++ (?:\.[a-z0-9_-]*)+
    | (?<![a-z0-9_-]) eyJ[a-z0-9_-]{15,}+ (?:\.[a-z0-9_-]*){2,4}
    # keys of AWS, GitHub, Slack and Stripe
    | \b A[KS]IA[A-Z0-9]{16} \b
    | \b (?:gh[pousr]_[a-z0-9]{20,} | github_pat_[a-z0-9_]{20,}) \b
    | \b (?:xox[abeoprs]|xapp)-(?=[a-z-]{0,20}\d)[a-z0-9-]{10,}
    | \b [rs]k_(?:live|test)_[a-z0-9]{10,} \b
    | -----BEGIN[ A-Z]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*PRIVATE[ ]KEY-----|\Z)
    # password=…, token: …, "api_key": "…", also with the quotes of JSON inside of a text
    | (?P<named> (?:passw(?:or)?d|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key)
                 (?:\\*["'])? \s*[=:]\s* )
      (?: \\+"(?:(?!\\+").)*(?:\\+")? | "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.|'')*'?
        | (?:(?:bearer|basic)\s+)? [^\s&]+ )
"""
_CARD: Final = r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"
_IBAN: Final = (
    r"\b[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}|(?: [A-Za-z0-9]{4}){2,7}(?: [A-Za-z0-9]{1,3})?)\b"
)
_MIN_IBAN_LENGTH: Final = 15  # Norway's
_PATTERNS: Final = {"card": _CARD, "iban": _IBAN}


@cache
def _forms() -> re.Pattern[str]:
    return re.compile(_FORMS, re.VERBOSE | re.IGNORECASE | re.DOTALL)


def has_secret(text: str) -> bool:
    """Return whether a text contains a known form of a secret.

    These are a password in a URL or after a name such as `password=`, HTTP `Bearer` and `Basic`
    credentials, JSON Web Tokens, keys of AWS, GitHub, Slack and Stripe, and PEM private keys.
    """
    # A search for one character is four times faster than one for a word.
    signs = (
        ":" in text or "=" in text
        or ("J" in text and "eyJ" in text)
        or ("I" in text and ("AKIA" in text or "ASIA" in text or "PRIVATE KEY" in text))
        or ("_" in text and ("gh" in text or "_pat_" in text or "k_live_" in text or "k_test_" in text))
        or ("x" in text and ("xox" in text or "xapp-" in text))
        or (("b" in text or "B" in text) and ("earer" in (lower := text.lower()) or "asic" in lower))
    )  # fmt: skip
    return signs and _forms().search(text) is not None


@cache
def _number_pattern(detect: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{_PATTERNS[name]})" for name in sorted(detect)))


def _numbers_in(text: str, detect: Collection[str]) -> bool:
    found = _number_pattern(frozenset(detect)).finditer(text)
    return any(_hidden_number(match) != match[0] for match in found)


def _hidden_number(match: re.Match[str]) -> str:
    """Return `***` for a number whose check digits are right, else the number."""
    if match.lastgroup == "card":
        return HIDDEN if _luhn(match[0].replace(" ", "").replace("-", "")) else match[0]
    groups = match[0].split(" ")
    for count in range(len(groups), 0, -1):  # a word that follows may look like its last group
        iban = "".join(groups[:count]).upper()
        if len(iban) >= _MIN_IBAN_LENGTH and _mod_97(iban):
            return " ".join([HIDDEN, *groups[count:]])
    return match[0]


def _luhn(digits: str) -> bool:
    """Return whether the last digit checks the others: ISO/IEC 7812-1."""
    total = sum(map(int, digits[-1::-2]))
    return (total + sum(sum(divmod(int(digit) * 2, 10)) for digit in digits[-2::-2])) % 10 == 0


def _mod_97(text: str) -> bool:
    """Return whether the check digits of an IBAN are right: ISO 13616."""
    return int("".join(str(int(each, 36)) for each in text[4:] + text[:4])) % 97 == 1


def scrubbed(
    document: dict[str, Any], redactions: Redactions, detect: Collection[str] = ()
) -> dict[str, Any]:
    """Return a document with `***` for known forms of secrets and for the secrets of `redactions`.

    The notes of `redactions` receive the paths of the texts that were changed. What this library wrote
    itself, such as the name of the logger, is not changed.
    """
    scrubbing = _Scrubbing(redactions, frozenset(detect))
    result: dict[str, Any] = {}
    distinct = DistinctNames(result)
    for name, item in document.items():
        if name in OWN:
            result[name] = item
        elif name in _IDENTITY:
            result[name] = scrubbing.forms_in(item, (name,))
        else:
            new_name = distinct(scrubbing.name(name, ()))
            result[new_name] = scrubbing.value(item, (new_name,))
    return result


class _Scrubbing:
    """One pass over a document that hides secrets."""

    def __init__(self, redactions: Redactions, detect: frozenset[str]) -> None:
        # The longest first: an old password may be the beginning of the new one.
        self._secrets = sorted(set(redactions.secrets), key=len, reverse=True)
        self._notes = redactions.notes
        self._own_action = redactions.own_action
        self._numbers = _number_pattern(detect) if detect else None

    def object(self, value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        distinct = DistinctNames(result)
        for name, item in value.items():
            if self._is_own((*path, name)):
                result[name] = self.forms_in(item, (*path, name))
            else:
                new_name = distinct(self.name(name, path))
                result[new_name] = self.value(item, (*path, new_name))
        return result

    def _is_own(self, path: tuple[str, ...]) -> bool:
        """Return whether rules find the record by a text, which is therefore kept if it repeats a secret."""
        return path in _MATCHED or (path == ("event", "action") and not self._own_action)

    def forms_in(self, item: Any, path: tuple[str, ...]) -> Any:
        """Return a value with the known forms hidden, in texts and names, but no repeated secrets."""
        if isinstance(item, dict):
            result: dict[str, Any] = {}
            distinct = DistinctNames(result)
            for name, inner in item.items():
                new_name = distinct(self.name(name, path))
                result[new_name] = self.forms_in(inner, (*path, new_name))
            return result
        if isinstance(item, list):
            return [self.forms_in(each, (*path, str(at))) for at, each in enumerate(item)]
        return self._text(item, path, ()) if isinstance(item, str) else item

    def name(self, name: str, path: tuple[str, ...]) -> str:
        return self._text(name, (*path, "…"), ())

    def value(self, item: Any, path: tuple[str, ...]) -> Any:
        if isinstance(item, dict):
            return self.object(item, path)
        if isinstance(item, list):
            return [self.value(each, (*path, str(at))) for at, each in enumerate(item)]
        if not isinstance(item, str) or (item in _HOW_CHANGED and path[:2] == _CHANGED_FIELDS):
            return item  # a secret that is one of these words does not hide what changed
        return self._text(item, path, self._secrets)

    def _text(self, item: str, path: tuple[str, ...], secrets: Collection[str]) -> str:
        # The forms first, which a repeated word such as `Bearer` would break.
        text = _forms().sub(_replacement, item)
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        if self._numbers is not None:
            text = self._numbers.sub(_hidden_number, text)
        if text != item:
            self._notes[path_text(path)] = "masked"
        return text


def _replacement(match: re.Match[str]) -> str:
    kept = match["kept"] or match["scheme"] or match["named"] or ""
    value = match[0][len(kept) :]
    if not match["named"] or value[0] not in "\"'":
        return f"{kept}{HIDDEN}"
    quote = value[0]
    return f"{kept}{quote}{HIDDEN}{quote if len(value) > 1 and value[-1] == quote else ''}"
