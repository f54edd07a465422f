"""The render stage: turns the records of a rule into a notification for the channels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from audit_rules import (
    AuditConfig,
    Rule,
    actor_of,
    member,
    operation_of,
    record_of,
    shown_value,
    target_of,
)
from audit_rules.channels.slack import MAX_SECTION_FIELDS
from forwarder.notification import (
    Effect,
    FieldChange,
    Notification,
    Operation,
    Reason,
    RecordView,
)
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import FoundRecord
from forwarder.text import clean, counted, one_line, shortened

__all__ = ["Renderer"]

MAX_RECORDS: Final = 10  # shown in full; the others are counted
MAX_CHANGES: Final = MAX_SECTION_FIELDS  # the smallest limit of all channels
_MAX_DETAILS: Final = 5
_MAX_VALUE_LENGTH: Final = 300
_MAX_NAME_LENGTH: Final = 80
_WITHIN: Final = " \u203a "
_MAX_EXACT: Final = 2**53
_MAX_ACTORS: Final = 5
_LATE: Final = timedelta(minutes=5)
_EFFECTS: Final = {"failure": Effect.NOT_DONE, "unknown": Effect.UNKNOWN}
_CHANGED: Final = ("fields", "before", "after")
# Fields that each notification shows, and those that only say what kind of record it is.
_SHOWN: Final = (
    "changes", "event.action", "event.category", "event.kind", "event.outcome", "event.reason",
    "event.type", "http.request.id", "log.logger", "message", "service.environment", "service.name",
    "source.ip", "trace.id", "user.effective", "user.email", "user.full_name", "user.id", "user.name",
)  # fmt: skip


class Renderer:
    """Renders records with the labels, sentences and time zone of the configuration."""

    def __init__(self, *, config: AuditConfig, evidence: Evidence) -> None:
        self._config = config
        self._evidence = evidence

    def notification(
        self,
        rule: Rule,
        records: Sequence[FoundRecord],
        reason: Reason,
        *,
        perhaps_repeat: bool = False,
    ) -> Notification:
        """Return the notification about records of a rule.

        The first 10 records are shown in full, with at most 10 changed fields each. The others are counted,
        with their 5 most frequent actors.

        Args:
            rule: the rule.
            records: the records in order of time; empty if they were not found.
            reason: why the notification is sent.
            perhaps_repeat: whether the same notification may have been delivered before.
        """
        shown, rest = records[:MAX_RECORDS], records[MAX_RECORDS:]
        leads = [_lead(record.fields) for record in records]
        same = len(set(leads)) == 1 and not rule.expects_failure
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
            left_out_by=tuple(_most_frequent(rest)),
            lead=leads[0] if same else "",
            failed=0 if rule.expects_failure else sum(map(bool, leads)),
            perhaps_repeat=perhaps_repeat,
        )

    def _view(self, record: FoundRecord, rule: Rule) -> RecordView:
        fields = record.fields
        changes = list(_changes(fields, rule))
        message = _value(fields.get("message"), missing="") or _value(record.line)
        sentence, names_record = self._sentence(fields, rule)
        which = record_of(fields, rule.labels, missing="")
        effect = _effect(fields)
        if not sentence:
            lead = f"{_lead(fields)}: " if effect else ""
            sentence = f"{lead}“{one_line(message)}”"
            message = ""
        elif _same(message, sentence) or _same(message, rule.title):
            message = ""
        return RecordView(
            sentence=shortened(sentence, _MAX_VALUE_LENGTH),
            message=message,
            actor=_name(actor_of(fields)),
            actor_detail=_actor_detail(fields),
            record=_name(which),
            names_record=names_record and len(sentence) <= _MAX_VALUE_LENGTH,
            when=self._when(record),
            late=self._late(record),
            where=_joined(fields, "source.ip", "service.name", "service.environment"),
            outcome=_value(member(fields, "event.outcome"), missing=""),
            reason=_value(member(fields, "event.reason"), missing=""),
            request=_joined(fields, "http.request.id", "trace.id"),
            operation=_operation(fields) if changes and not effect else Operation.CHANGE,
            effect=effect,
            details=tuple(_details(fields, rule)),
            changes=tuple(changes[:MAX_CHANGES]),
            changes_left_out=max(len(changes) - MAX_CHANGES, 0),
        )

    def _sentence(self, fields: Mapping[str, Any], rule: Rule) -> tuple[str, bool]:
        """Return the sentence of the rule or of the action, or "", and whether it contains the record."""
        action = self._config.actions.get(str(member(fields, "event.action")))
        template = rule.message or (action.sentence if action else None)
        if template is None:
            return "", False
        effect, lead = _effect(fields), _lead(fields)
        names = set(template.placeholders)
        if effect and not (rule.message and rule.expects_failure):
            tried = template.attempted()
            names = set((tried or template).placeholders)
            text = (tried or template).render(fields, rule.labels, _name)
            text = f"{lead}: {text}" if tried else f"{lead}: {text} ({effect})"
        else:
            text = template.render(fields, rule.labels, _name)
        names_record = "record" in names or ("target" in names and not target_of(fields))
        return text.strip(), names_record

    def _when(self, record: FoundRecord) -> str:
        return self._time(_instant(record))

    def _late(self, record: FoundRecord) -> str:
        """Say when a record arrived, if that is more than 5 minutes after its time; otherwise, ""."""
        if record.ingested_ms is None:
            return ""
        arrived = datetime.fromtimestamp(record.ingested_ms / 1000, UTC)
        late = arrived - _instant(record)
        if late <= _LATE:
            return ""
        return f"arrived {_duration(late)} later, {self._time(arrived)}"

    def _time(self, instant: datetime) -> str:
        try:
            local = instant.astimezone(self._config.time_zone)
        except OverflowError:  # the first or the last day that a date can have
            return instant.isoformat()
        return f"{local:%a %d %b %Y, %H:%M:%S %Z} ({self._config.time_zone.key})"


def _instant(record: FoundRecord) -> datetime:
    """Return when it happened: the record's `@timestamp` or, without a valid one, its log event's time."""
    written = record.fields.get("@timestamp")
    if isinstance(written, str):
        try:
            stated = datetime.fromisoformat(written)
        except ValueError:
            pass  # use the time of the log event
        else:
            if stated.tzinfo:
                return stated
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


def _duration(time: timedelta) -> str:
    for seconds, noun in ((86400, "day"), (3600, "hour")):
        if time.total_seconds() >= seconds:
            return counted(int(time.total_seconds() // seconds), noun)
    return counted(int(time.total_seconds() // 60), "minute")


def _most_frequent(records: Sequence[FoundRecord]) -> Iterator[str]:
    actors = Counter(_name(actor_of(record.fields)) for record in records)
    for who, count in actors.most_common(_MAX_ACTORS):
        yield f"{who} ({count:,})"
    if others := len(actors) - _MAX_ACTORS if len(actors) > _MAX_ACTORS else 0:
        yield f"and {counted(others, 'other')}"


def _effect(fields: Mapping[str, Any]) -> Effect:
    return _EFFECTS.get(str(member(fields, "event.outcome")), Effect.DONE)


def _operation(fields: Mapping[str, Any]) -> Operation:
    return Operation[operation_of(fields).upper()]


def _lead(fields: Mapping[str, Any]) -> str:
    """Return the word for a record that was not done, or perhaps not; empty for others."""
    match _effect(fields):
        case Effect.NOT_DONE:
            types = member(fields, "event.type")
            return "Refused" if isinstance(types, list) and "denied" in types else "Failed"
        case Effect.UNKNOWN:
            return "Outcome unknown"
        case Effect.DONE:
            return ""


def _same(one: str, other: str) -> bool:
    return one.strip().rstrip(".").casefold() == other.strip().rstrip(".").casefold()


def _actor_detail(fields: Mapping[str, Any]) -> str:
    """Return the actor's address and id, without what `actor_of` shows already."""
    actor = actor_of(fields)
    email, id_ = (
        _name(shown_value(member(fields, f"user.{name}"), missing="")) for name in ("email", "id")
    )
    known = {
        _name(each) for each in (actor, actor.partition(" (as ")[0], actor.removeprefix("User "))
    }
    parts = [email if email not in known else "", f"id {id_}" if id_ and id_ not in known else ""]
    if email and email == id_:
        parts.pop()
    return " · ".join(part for part in parts if part)


def _details(fields: Mapping[str, Any], rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield the fields, not among the changed ones and those always shown, that the rule compares."""
    paths = dict.fromkeys(".".join(path).partition(".*")[0] for path in rule.asked)
    asked = [
        path for path in paths if not any(f"{path}.".startswith(f"{each}.") for each in _SHOWN)
    ]
    for path in asked[:_MAX_DETAILS]:
        value = member(fields, path)
        if value is not None:
            shown = _amount(value, None, is_amount=path in rule.amounts)
            yield _label(tuple(path.split(".")), rule.labels), _labelled(shown, rule.labels)


def _changes(fields: Mapping[str, Any], rule: Rule) -> Iterator[FieldChange]:
    """Yield the changed fields: those that the rule compares, then the others, each in their order."""
    changes = fields.get("changes")
    if not isinstance(changes, Mapping):
        return
    before, after, notes = (changes.get(name) for name in ("before", "after", "notes"))
    kinds = changes.get("fields")
    if not isinstance(kinds, Mapping):  # a record of another emitter
        kinds = dict.fromkeys([*_names(before), *_names(after)], "updated")
    asked = [
        tuple(name for name in path[2:] if name != "*")
        for path in rule.asked
        if path[0] == "changes" and len(path) > 2 and path[1] in _CHANGED
    ]
    amounts = rule.amounts
    found = sorted(
        _leaves(kinds, ()), key=lambda leaf: not any(_related(leaf[0], each) for each in asked)
    )
    for path, kind in found:
        note = notes.get(".".join(path)) if isinstance(notes, Mapping) else None
        old, new = _at(before, path), _at(after, path)
        is_amount = ".".join(path) in amounts
        yield FieldChange(
            label=_label(path, rule.labels),
            before=_labelled(_amount(old, new, is_amount=is_amount), rule.labels),
            after=_labelled(_amount(new, old, is_amount=is_amount), rule.labels),
            kind=kind,
            note=_name(_value(note, missing="")),
        )


def _related(path: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    """Return whether a changed field is the asked one, or one of them contains the other."""
    return all(one == other for one, other in zip(path, asked, strict=False))


def _amount(value: Any, other: Any, *, is_amount: bool) -> Any:
    """Return a whole number as text with commas if it is an amount, like the other one of the change."""
    if type(value) is not int:
        return value
    if isinstance(other, float) and abs(value) < _MAX_EXACT:  # a float may not hold a larger one
        return shown_value(float(value))
    return f"{value:,}" if is_amount else value


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
    """Return a value as text; a blank text is quoted, or is `missing` if that is empty."""
    text = shown_value(value, missing=missing)
    if not text.strip():
        text = f'"{text}"' if missing else ""
    return shortened(clean(text), _MAX_VALUE_LENGTH)


def _name(text: str) -> str:
    return shortened(one_line(clean(text)), _MAX_NAME_LENGTH)


def _joined(fields: Mapping[str, Any], *paths: str) -> str:
    found = (member(fields, path) for path in paths)
    texts = (_name(shown_value(value)) for value in found if value not in (None, ""))
    return " · ".join(dict.fromkeys(text for text in texts if text))
