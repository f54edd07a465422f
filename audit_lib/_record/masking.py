"""Finds sensitive values in records and replaces them, for the loggers and the context.

Sensitive values are found by the name, path or annotation of their field. `changes.fields` still shows that
a value changed. `secrets` finds secrets in other texts.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from .encoding import HIDDEN, json_text
from .masking_rules import DROPPED, MAX_NAMES, Mask, MaskingRule, SensitiveValue
from .notes import path_text
from .plain import plain
from .secrets import Redactions, has_secret
from .unreadable import UnreadableText

__all__ = ["Masking", "Redactions"]

_MIN_SECRET_LENGTH: Final = 4
_MAX_NAME_LENGTH: Final = 40
_UNKNOWN: Final[Any] = object()
_ATOMS: Final = frozenset({str, int, float, bool, type(None)})

# A name is sensitive when it contains one of these, after its separators are removed …
_ANYWHERE: Final = (
    r"passw(?:or)?d|passphrase|secret(?!ar)|token|authori[sz]ation|apikey|privatekey|accesskey|"
    r"signingkey|encryptionkey|credential|cookie|cardnumber|creditcard|socialsecurity|sessionid|sessionkey"
)
# … or when one of its words is one of these.
_WORDS: Final = frozenset({"card", "cards", "cvc", "cvv", "jwt", "otp", "pin", "pwd", "ssn"})
# … or when it is exactly one of these.
_EXACTLY: Final = frozenset({"auth", "pass"})
_WORD: Final = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+"


class Masking:
    """The rules for sensitive fields: the default names, and the argument `sensitive` of `configure`."""

    __slots__ = ("_by_name", "_known", "_odd", "_paths", "detect", "hides_ids", "key")

    def __init__(
        self,
        rules: Mapping[str, MaskingRule | None] | None = None,
        key: bytes | None = None,
        detect: Collection[str] = (),
    ) -> None:
        """Create the rules.

        Args:
            rules: the argument `sensitive` of `configure`.
            key: its `hash_key`.
            detect: its `detect`.
        """
        given = rules or {}
        self.key = key
        self.detect = detect
        self._by_name = {_normalized(name): rule for name, rule in given.items() if "." not in name}
        self._paths = {
            tuple(map(_normalized, name.split("."))): rule
            for name, rule in given.items()
            if "." in name
        }
        self._known: dict[str, MaskingRule | None] = {}
        self._odd: set[str] = set()
        """The names that contain a secret, or may contain a number that `detect` finds."""
        self.hides_ids = bool(given) and self.rule(("changes", "record_id")) is not None
        """Whether a rule covers `changes.record_id`."""

    def rule(self, path: tuple[str, ...]) -> MaskingRule | None:
        """Return the rule for a field, or None if it is not sensitive.

        A rule of `configure` for the end of the path has priority over one for the name, and that over
        the default names.
        """
        name = path[-1]
        try:
            rule = self._known[name]
        except KeyError:
            rule = self._find_rule(name.rpartition(".")[2])
            if len(self._known) >= MAX_NAMES:  # an application that keeps generating names
                self._known.clear()
                self._odd.clear()
            if has_secret(name) or len(name) > _MAX_NAME_LENGTH:
                self._odd.add(name)  # a name that is not known is looked up here again
            else:
                self._known[name] = rule
        return self._rule_of_path(path, rule) if self._paths else rule

    def _rule_of_path(
        self, path: tuple[str, ...], default: MaskingRule | None
    ) -> MaskingRule | None:
        names = [_normalized(name) for part in path for name in part.split(".")]
        # A path does not name the positions of lists.
        names = [name for name in names if not name.isdecimal()]
        for tail, rule in self._paths.items():
            if tuple(names[-len(tail) :]) == tail:
                return rule
        return default

    def _find_rule(self, name: str) -> MaskingRule | None:
        normalized = _normalized(name)
        if normalized in self._by_name:
            return self._by_name[normalized]
        words = {word.lower() for word in re.findall(_WORD, name)}
        known = re.search(_ANYWHERE, normalized) or words & _WORDS or normalized in _EXACTLY
        return _DEFAULT if known else None

    def mask_changes(self, changes: dict[str, Any], redactions: Redactions) -> None:
        """Mask `before` and `after` of a result of `changes_between`, in place; accept `{}` too."""
        for state in ("before", "after") if changes else ():
            changes[state] = self.masked(changes[state], ("changes", state), redactions)

    def text(self, value: Any, path: tuple[str, ...], redactions: Redactions) -> str | None:
        """Return a value as text, such as a reason, masked; of an object or a list its JSON.

        Args:
            value: any value.
            path: the path of the field in the document.
            redactions: the redactions of the record.

        Returns:
            The text; None if a rule drops the value.
        """
        found = value if type(value) is str and value.isascii() else plain(value)
        masked = self.masked({path[-1]: found}, path[:-1], redactions)
        if path[-1] not in masked:
            return None
        shown = masked[path[-1]]
        return str(shown) if isinstance(shown, str) else json_text(shown)

    def masked(
        self, value: dict[str, Any], path: tuple[str, ...], redactions: Redactions
    ) -> dict[str, Any]:
        """Return an object with its sensitive members masked; the same object if no value changes.

        Notes, and sensitive texts of 4 characters or more, are added to `redactions`.

        Args:
            value: an object of plain values.
            path: the path of the object in the document.
            redactions: the redactions of the record.
        """
        result: dict[str, Any] | None = None
        known = {} if self._paths else self._known  # without rules for paths, the name decides
        for name, item in value.items():
            kind = type(item)
            rule = known.get(name, _UNKNOWN)
            if rule is None and kind in _ATOMS:  # the common case
                continue
            inner_path = (*path, name)
            if rule is _UNKNOWN:
                rule = self.rule(inner_path)
                redactions.has_secret = redactions.has_secret or name in self._odd
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
            if item.note:
                redactions.notes[path_text(path)] = item.note
            return str(item)
        return item


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
