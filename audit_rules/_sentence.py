"""Renders the sentence that notifications show for an action, such as `{actor} changed {record}`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Sentence", "actor_of", "member", "record_of", "shown_value", "target_of"]

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_PATH: Final = re.compile(r"[A-Za-z0-9_@-]+(?:\.[A-Za-z0-9_@-]+)+")
_UNKNOWN_ACTOR: Final = "Somebody unknown"
_UNKNOWN_RECORD: Final = "a record"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text with placeholders: `{actor}`, `{target}`, `{record}` and dotted fields of the record.

    `{target}` is the person affected or, if the record does not name one, the same as `{record}`. A field is
    written as its dotted path, such as `{changes.after.roles}`.
    """

    text: str

    NAMES = ("actor", "target", "record")

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The placeholders in the order of the text, without braces."""
        return tuple(_PLACEHOLDER.findall(self.text))

    def problem(self) -> str | None:
        """Return what is wrong with the sentence and what to do, or None if it is valid."""
        for name in self.placeholders:
            if name not in self.NAMES and not _PATH.fullmatch(name):
                return f"{{{name}}} is not a placeholder; write {{actor}}, {{target}}, {{record}} or a field such as {{changes.after.email}}"
        rest = _PLACEHOLDER.sub(lambda found: " " * len(found[0]), self.text)
        if unmatched := re.search(r"[{}]", rest):
            position = unmatched.start() + 1
            return f'has an unmatched "{unmatched[0]}" at character {position}; write placeholders as {{actor}}'
        return None

    def render(self, record: Mapping[str, Any], labels: Mapping[str, str]) -> str:
        """Return the sentence for a record, with `nothing` for a field that is missing or null.

        The result is not escaped: its values come from an application.

        Args:
            record: the record.
            labels: display names of record types.
        """

        def fill(found: re.Match[str]) -> str:
            match found[1]:
                case "actor":
                    return actor_of(record)
                case "target":
                    return target_of(record) or record_of(record, labels)
                case "record":
                    return record_of(record, labels)
                case path:
                    return shown_value(member(record, path))

        return _PLACEHOLDER.sub(fill, self.text)


def actor_of(record: Mapping[str, Any]) -> str:
    """Return the name of the actor, with the effective user if that is another: `Ana (as Max)`.

    The name is the first of `full_name`, `name`, `email` and `id` in `user`, or `Somebody unknown`.
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


def record_of(record: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return the label of the record type and the record id, such as `User 1042`; `a record` without both."""
    kind = shown_value(member(record, "changes.record_type"), missing="")
    which = shown_value(member(record, "changes.record_id"), missing="")
    return f"{labels.get(kind, kind)} {which}".strip() or _UNKNOWN_RECORD


def member(record: Any, path: str) -> Any:
    """Return the value at a dotted path of nested mappings, or None if it is missing."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def shown_value(value: Any, *, missing: str = "nothing") -> str:
    """Return a value as text: strings unchanged, all other values as JSON, None as `missing`."""
    if value is None:
        return missing
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _person(user: Any) -> str:
    if not isinstance(user, Mapping):
        return ""
    for name in ("full_name", "name", "email", "id"):
        if (value := user.get(name)) is not None and (text := shown_value(value)):
            return text
    return ""
