"""The render stage: turns the records of a rule into a notification for the channels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from audit_rules import AuditConfig, Rule, actor_of, member, record_of, shown_value
from audit_rules.channels.slack import MAX_SECTION_FIELDS
from forwarder.notification import FieldChange, Notification, Reason, RecordView
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import FoundRecord
from forwarder.text import clean, one_line, shortened

__all__ = ["Renderer"]

MAX_RECORDS: Final = 10  # shown in full; the others are counted
MAX_CHANGES: Final = MAX_SECTION_FIELDS  # the smallest limit of all channels
_MAX_VALUE_LENGTH: Final = 300
_MAX_NAME_LENGTH: Final = 80
_WITHIN: Final = " \u203a "
_MAX_ACTORS: Final = 5


class Renderer:
    """Renders records with the labels, sentences and time zone of the configuration."""

    def __init__(self, *, config: AuditConfig, evidence: Evidence) -> None:
        self._config = config
        self._evidence = evidence

    def notification(
        self, rule: Rule, records: Sequence[FoundRecord], reason: Reason
    ) -> Notification:
        """Return the notification about records of a rule.

        The first 10 records are shown in full, with at most 10 changed fields each. The others are counted,
        with their 5 most frequent actors.

        Args:
            rule: the rule.
            records: the records in order of time; empty if they were not found.
            reason: why the notification is sent.
        """
        shown, rest = records[:MAX_RECORDS], records[MAX_RECORDS:]
        actors = Counter(_name(actor_of(record.fields)) for record in rest)
        return Notification(
            rule_id=rule.id,
            title=rule.title,
            description=rule.description,
            owner=rule.owner,
            severity=rule.severity,
            reason=reason,
            evidence_url=self._evidence.url(records) if records else "",
            runbook=rule.runbook,
            records=tuple(self._view(record, rule) for record in shown),
            left_out=len(rest),
            left_out_by=tuple(f"{who} ({n})" for who, n in actors.most_common(_MAX_ACTORS)),
        )

    def _view(self, record: FoundRecord, rule: Rule) -> RecordView:
        fields = record.fields
        changes = list(_changes(fields, rule.labels))
        message = _value(fields.get("message"), missing="") or _value(record.line)
        action = self._config.actions.get(str(member(fields, "event.action")))
        template = rule.message or (action and action.sentence)
        sentence = template.render(fields, rule.labels) if template else ""
        return RecordView(
            sentence=shortened(one_line(clean(sentence)), _MAX_VALUE_LENGTH) or message,
            message=message if sentence else "",
            actor=_name(actor_of(fields)),
            actor_detail=_joined(fields, "user.email", "user.id"),
            record=_name(record_of(fields, rule.labels)),
            when=self._when(record),
            where=_joined(fields, "source.ip", "service.name", "service.environment"),
            outcome=_value(member(fields, "event.outcome"), missing=""),
            reason=_value(member(fields, "event.reason"), missing=""),
            request=_joined(fields, "http.request.id", "trace.id"),
            changes=tuple(changes[:MAX_CHANGES]),
            changes_left_out=max(len(changes) - MAX_CHANGES, 0),
        )

    def _when(self, record: FoundRecord) -> str:
        instant = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        written = record.fields.get("@timestamp")
        if isinstance(written, str):
            try:
                stated = datetime.fromisoformat(written)
                instant = stated if stated.tzinfo else instant
            except ValueError:
                pass  # use the time of the log event
        local = instant.astimezone(self._config.time_zone)
        return f"{local:%a %d %b %Y, %H:%M:%S %Z} ({self._config.time_zone.key})"


def _changes(fields: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[FieldChange]:
    changes = fields.get("changes")
    if not isinstance(changes, Mapping):
        return
    before, after, notes = (changes.get(name) for name in ("before", "after", "notes"))
    kinds = changes.get("fields")
    if not isinstance(kinds, Mapping):  # a record of another emitter
        kinds = dict.fromkeys([*_names(before), *_names(after)], "updated")
    for path, kind in _leaves(kinds, ()):
        note = notes.get(".".join(path)) if isinstance(notes, Mapping) else None
        yield FieldChange(
            label=_label(path, labels),
            before=_labelled(_at(before, path), labels),
            after=_labelled(_at(after, path), labels),
            kind=kind,
            note=_value(note, missing=""),
        )


def _leaves(
    kinds: Mapping[Any, Any], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    waiting = [((*above, str(name)), kind) for name, kind in kinds.items()]
    while waiting:
        path, kind = waiting.pop(0)
        if isinstance(kind, Mapping):
            waiting = [((*path, str(name)), inner) for name, inner in kind.items()] + waiting
        else:
            yield path, str(kind)


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, Mapping) else []


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _label(path: tuple[str, ...], labels: Mapping[str, str]) -> str:
    whole = labels.get(".".join(path))
    return _name(whole or _WITHIN.join(labels.get(name, name) for name in path))


def _labelled(value: Any, labels: Mapping[str, str]) -> str:
    """Return a value as text, or its label; join a list of scalars with commas if none contains one."""
    if isinstance(value, list):
        texts = [_labelled(each, labels) for each in value if not isinstance(each, list | Mapping)]
        if len(texts) == len(value) and not any("," in text for text in texts):
            return shortened(", ".join(texts), _MAX_VALUE_LENGTH) or "none"
    text = _value(value)
    return labels.get(text, text)


def _value(value: Any, *, missing: str = "nothing") -> str:
    text = shown_value(value, missing=missing)
    return shortened(clean(text if text or missing == "" else '""'), _MAX_VALUE_LENGTH)


def _name(text: str) -> str:
    return shortened(one_line(clean(text)), _MAX_NAME_LENGTH)


def _joined(fields: Mapping[str, Any], *paths: str) -> str:
    found = (member(fields, path) for path in paths)
    return " · ".join(_name(shown_value(value)) for value in found if value not in (None, ""))
