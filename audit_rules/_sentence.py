"""Renders the sentence that notifications show for an action, such as `{actor} changed {record}`."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from ._verbs import base_of

__all__ = [
    "OPERATIONS", "Sentence", "actor_of", "member", "operation_of", "record_of", "shown_value", "target_of",
]  # fmt: skip

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_PATH: Final = re.compile(r"[A-Za-z0-9_@-]+(?:\.[A-Za-z0-9_@-]+)+")
_WORDS: Final = re.compile(r"([^|]+)\|([^|]+)\|([^|]+)")
_UNKNOWN_ACTOR: Final = "Somebody unknown"
_MAX_DIGITS: Final = 1e15  # a float has 15 significant decimal digits
OPERATIONS: Final = (("created", "creation"), ("updated", "change"), ("deleted", "deletion"))
"""The ends of the actions that `audit_lib` writes by itself, and the operation that each stands for."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with placeholders: `{actor}`, `{target}`, `{record}` and dotted fields of the record.

    `{target}` is the person affected or, if the record does not name one, the same as `{record}`. A field is
    written as its dotted path, such as `{changes.after.roles}`. A number is written with its noun in the
    singular and the plural as `{export.rows|customer|customers}`: `1 customer`, `2,000 customers`.
    """

    text: str

    NAMES = ("actor", "target", "record")

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The placeholders in the order of the text, without braces and nouns."""
        return tuple(name.partition("|")[0] for name in _PLACEHOLDER.findall(self.text))

    def problem(self) -> str | None:
        """Return what is wrong with the sentence and what to do, or None if it is valid."""
        for written in _PLACEHOLDER.findall(self.text):
            name, bar, _ = written.partition("|")
            if bar and (name in self.NAMES or not _WORDS.fullmatch(written)):
                return f"{{{written}}} is not a number with its noun; write the field and both forms of the noun, like {{export.rows|customer|customers}}"
            if name not in self.NAMES and not _PATH.fullmatch(name):
                return f"{{{name}}} is not a placeholder; write {{actor}}, {{target}}, {{record}} or a field such as {{changes.after.email}}"
        rest = _PLACEHOLDER.sub(lambda found: " " * len(found[0]), self.text)
        if unmatched := re.search(r"[{}]", rest):
            position = unmatched.start() + 1
            return f'has an unmatched "{unmatched[0]}" at character {position}; write placeholders as {{actor}}'
        return None

    def render(
        self,
        record: Mapping[str, Any],
        labels: Mapping[str, str],
        shown: Callable[[str], str] | None = None,
    ) -> str:
        """Return the sentence for a record, with `nothing` for a field that is missing or null.

        The result is not escaped: its values come from an application.

        Args:
            record: the record.
            labels: display names of record types.
            shown: is applied to each value, such as to limit its length; by default, values are unchanged.
        """
        shown = shown or str

        def fill(found: re.Match[str]) -> str:
            name, _, nouns = found[1].partition("|")
            match name:
                case "actor":
                    return shown(actor_of(record))
                case "target":
                    return shown(target_of(record) or record_of(record, labels))
                case "record":
                    return shown(record_of(record, labels))
            value = member(record, name)
            if not nouns:
                return shown(shown_value(value))
            singular, _, plural = nouns.partition("|")
            if value is None:
                return f"an unknown number of {plural}"
            number = f"{value:,}" if type(value) is int else shown_value(value)
            return f"{shown(number)} {singular if value == 1 else plural}"

        return _PLACEHOLDER.sub(fill, self.text)

    def attempted(self) -> "Sentence | None":
        """Return the sentence as an attempt: `{actor} tried to change {record}` for `{actor} changed {record}`.

        What follows a semicolon is left out. Return the sentence itself if it says `tried to` already, and
        None if it does not begin with `{actor}` and the past tense of a known verb.
        """
        if "tried to" in self.text:
            return self
        actor, _, rest = self.text.partition(" ")
        verb, _, said = rest.partition(" ")
        base = base_of(verb)
        if actor != "{actor}" or base is None:
            return None
        return Sentence(f"{actor} tried to {base} {said}".partition(";")[0].rstrip())


def actor_of(record: Mapping[str, Any]) -> str:
    """Return the name of the actor, with the effective user if that is another: `Ana (as Max)`.

    The name is the first of `full_name`, `name`, `email` and `id` in `user`, or `Somebody unknown`. An id of
    digits alone is shown as `User 7`.
    """
    user = record.get("user")
    actor = _person(user) or _UNKNOWN_ACTOR
    if isinstance(user, Mapping) and "effective" in user:
        behalf = _person(user["effective"])
        if behalf and behalf != actor:
            return f"{actor} (as {behalf})"
    return actor


def target_of(record: Mapping[str, Any]) -> str:
    """Return the name of the person affected, `user.target`; empty if the record does not have it."""
    return _person(member(record, "user.target"))


def record_of(
    record: Mapping[str, Any], labels: Mapping[str, str], *, missing: str = "a record"
) -> str:
    """Return the label of the record type and the record id, such as `User 1042`; `missing` without both."""
    kind = shown_value(member(record, "changes.record_type"), missing="")
    which = shown_value(member(record, "changes.record_id"), missing="")
    return f"{labels.get(kind, kind)} {which}".strip() or missing


def member(record: Any, path: str) -> Any:
    """Return the value at a dotted path of nested mappings, or None if it is missing."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def operation_of(record: Mapping[str, Any]) -> str:
    """Return whether a record was created, changed or deleted: `creation`, `change` or `deletion`.

    The action says it (`customer-created`, `-updated`, `-deleted`), or else its `event.type` (`creation`,
    `deletion`). All other records are changes.
    """
    action, types = member(record, "event.action"), member(record, "event.type")
    for suffix, operation in OPERATIONS:
        if isinstance(action, str) and action.endswith(f"-{suffix}"):
            return operation
    for _, operation in OPERATIONS:
        if operation != "change" and isinstance(types, list) and operation in types:
            return operation
    return "change"


def shown_value(value: Any, *, missing: str = "nothing") -> str:
    """Return a value as text: strings unchanged, None as `missing`, fractions as `1,000.50`, others as JSON.

    A number with a fraction (a JSON number with a point, `1000.0` too) has at least two decimals. Other
    numbers have no commas, because they may be identifiers.
    """
    if value is None:
        return missing
    if isinstance(value, float) and isfinite(value) and abs(value) < _MAX_DIGITS:
        return f"{value:,.2f}" if round(value, 2) == value else f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _person(user: Any) -> str:
    if not isinstance(user, Mapping):
        return ""
    for name in ("full_name", "name", "email", "id"):
        if (value := user.get(name)) is not None and (text := shown_value(value)).strip():
            return f"User {text}" if name == "id" and text.isdigit() else text
    return ""
