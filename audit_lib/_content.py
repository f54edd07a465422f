"""Builds the content of a record for `AuditLogger`, from arguments, configuration and context.

A verb is `created`, `updated`, `deleted` or `accessed`, or empty for `AuditLogger.event`. An argument of
a wrong type does not raise an exception; its problem is added to a list.
"""

from collections.abc import Mapping
from typing import Any, Final

from ._arguments import EventArguments, RecordArguments, checked_text, labels_of, short_text
from ._configuration import Config
from ._context import current_context
from ._record.changes import bounded, changes_between
from ._record.document import Payload, merged
from ._record.ecs import OUTCOMES, category_and_type, ecs_violations
from ._record.ids import new_id
from ._record.interrupts import from_signal_handler
from ._record.masking import Redactions
from ._record.plain import plain_fields, text_of
from ._record.secrets import has_secret, texts_of
from ._record.unreadable import BEYOND_LIMIT

__all__ = [
    "argument_names",
    "changes_by_key",
    "is_routine",
    "key_labels",
    "own_fields",
    "payload_of",
    "problem_labels",
    "unshare_lists",
    "verb_event",
]

_MAX_CACHED_EVENTS: Final = 4096
_NO_FIELDS: Final[dict[str, Any]] = {}
_EVENT_NAMES: Final = EventArguments.__required_keys__ | EventArguments.__optional_keys__
_RECORD_NAMES: Final = RecordArguments.__required_keys__ | RecordArguments.__optional_keys__
_NAMES_OF: Final = {"updated": _RECORD_NAMES | {"by_key", "even_if_unchanged"}}


class VerbEvent:  # a `NamedTuple` would slow `import audit_lib`
    """The ECS `event` of a record, the problems of its values, and the record type as text, or None."""

    __slots__ = ("event", "own_action", "problems", "record_type", "searched")

    def __init__(
        self,
        event: dict[str, Any],
        problems: tuple[str, ...],
        record_type: str | None,
        own_action: bool,
    ) -> None:
        self.own_action = own_action
        self.searched = not own_action and not has_secret(texts_of(event))
        self.event = event
        self.problems = problems
        self.record_type = record_type


def verb_event(  # noqa: PLR0913, PLR0917 - the parts of an event
    config: Config,
    verb: str,
    record_type: object,
    action: object,
    outcome: object,
    category: tuple[str, ...],
    types: tuple[str, ...],
) -> VerbEvent:
    """Return the ECS `event` of a record, with category and type from the catalogue, and its problems.

    The result is cached in the configuration by its arguments and shared: it must not be changed.
    """
    key = verb, record_type, action, outcome, category, types
    try:
        cached: VerbEvent | None = config.event_cache.get(key)
    except Exception as error:
        if from_signal_handler(error):
            raise
        cached = None  # unhashable, or a `__hash__` or `__eq__` that raises
    if cached is not None:
        return cached
    problems: list[str] = []
    kind = named = None
    if verb:
        kind = checked_text(record_type, "record_type", problems, config.masking)
        category, types = category_and_type(kind, verb)
    if action is not None:
        named = checked_text(action, "event.action", problems, config.masking)
    elif kind is not None:
        named = f"{kind}-{verb}"
    else:
        problems.append("event.action: is missing; write action=")
    ended = text_of(outcome)
    if ended not in OUTCOMES and not issubclass(type(outcome), str):
        found = f"event.outcome: found {short_text(outcome)}; ECS has {', '.join(sorted(OUTCOMES))}"
        problems.append(found)
        ended = "unknown"
    result = _build_event(named, category, types, ended, kind, verb, config, problems)
    # `True` and `1` are equal keys and different texts, so only texts are cached.
    cacheable = all(part is None or type(part) is str for part in key[:4])
    if cacheable and len(config.event_cache) < _MAX_CACHED_EVENTS:
        config.event_cache[key] = result
    return result


def _build_event(  # noqa: PLR0913, PLR0917 - the arguments of `verb_event`, as texts
    action: str | None,
    category: tuple[str, ...],
    types: tuple[str, ...],
    outcome: str,
    record_type: str | None,
    verb: str,
    config: Config,
    problems: list[str],
) -> VerbEvent:
    event: dict[str, Any] = {"id": "", "kind": "event", "action": action, "outcome": outcome}
    if action is None:
        del event["action"]
    elif catalogued := config.actions.get(action):
        category, types = catalogued.category or category, catalogued.types or types
    if category:
        event["category"] = list(category)
    if types:
        event["type"] = list(types)
    unknown = None if action is None else config.unknown_action(action)
    found = (*problems, *((unknown,) if unknown else ()), *ecs_violations(category, types, outcome))
    own_action = action not in config.actions and action != f"{record_type}-{verb}"
    return VerbEvent(event, found, record_type, own_action)


def argument_names(verb: str) -> frozenset[str]:
    """Return the names of the keyword arguments that the method of a verb accepts; "" means `event`."""
    return _NAMES_OF.get(verb, _RECORD_NAMES) if verb else _EVENT_NAMES


def own_fields(  # noqa: PLR0913, PLR0917 - the parts of a record
    config: Config,
    verb_result: VerbEvent,
    changes: dict[str, Any] | None,
    record_id: object,
    target: Any,
    reason: object,
    redactions: Redactions,
) -> dict[str, Any]:
    """Return the fields of a record from its arguments: `event`, `changes` and `user.target`, masked.

    `changes` is masked in place. The notes and secrets are added to `redactions`.
    """
    event = verb_result.event.copy()
    own: dict[str, Any] = {"event": event}
    redactions.own_action = verb_result.own_action
    redactions.event_searched = verb_result.searched
    redactions.own_changes = True
    if reason is not None:
        shown = config.masking.text(reason, ("event", "reason"), redactions)
        if shown is not None:
            event["reason"] = shown
    if changes is not None:
        about: dict[str, Any] = {"record_type": verb_result.record_type}
        if record_id is not None:
            kind = type(record_id)
            if (kind is int or kind is str) and not config.masking.hides_ids:
                about["record_id"] = text_of(record_id)
            else:
                shown = config.masking.text(record_id, ("changes", "record_id"), redactions)
                if shown is not None:
                    about["record_id"] = shown
        config.masking.mask_changes(changes, redactions)
        for field in changes.get("fields", _NO_FIELDS).values():
            if type(field) is dict:
                redactions.notes.update(dict.fromkeys(bounded(changes), BEYOND_LIMIT))
                break
        about.update(changes)
        own["changes"] = about
    if target is not None:
        user = {"target": plain_fields(target)}
        own["user"] = config.masking.masked(user, ("user",), redactions)
    return own


def key_labels(config: Config, key: object, redactions: Redactions) -> dict[str, Any]:
    """Return `labels` with the `idempotency_key`, masked; nothing if a rule drops it."""
    shown = config.masking.text(key, ("labels", "idempotency_key"), redactions)
    return {} if shown is None else {"labels": {"idempotency_key": shown}}


def unshare_lists(event: dict[str, Any]) -> None:
    """Copy the lists that an `event` shares with the next record: a filter may change them."""
    if "category" in event:
        event["category"] = event["category"].copy()
    if "type" in event:
        event["type"] = event["type"].copy()


def changes_by_key(
    config: Config, before: Any, after: Any, by_key: Mapping[str, str | None], problems: list[str]
) -> dict[str, Any]:
    try:
        return changes_between(before, after, config.masking, by_key)
    except Exception as error:
        if from_signal_handler(error):
            raise
        # `by_key` is wrong: the states never raise.
        problems.append(
            f"by_key: found {short_text(by_key)}; write path → name of a member, or None"
        )
        return changes_between(before, after, config.masking)


def is_routine(arguments: RecordArguments) -> bool:
    """Return whether an update without changes needs no record.

    That is so if all arguments exist and the outcome is `success`.
    """
    return (
        arguments.keys() <= _RECORD_NAMES
        and text_of(arguments.get("outcome", "success")) == "success"
    )


def problem_labels(
    unknown: dict[str, Any],
    known: frozenset[str],
    problems: list[str],
    config: Config,
    redactions: Redactions,
) -> dict[str, Any]:
    """Return ECS `labels` for a record with wrong arguments.

    The labels are the arguments that do not exist, masked, and `audit_problem`, which contains all
    problems, separated by `; `.

    Args:
        unknown: the arguments that do not exist, by name.
        known: the names of existing arguments.
        problems: the problems found so far; those of `unknown` are appended.
        config: the configuration, whose masking rules apply.
        redactions: the redactions of the record, to which those of the labels are added.
    """
    labels: dict[str, Any] = {}
    if unknown:
        labels, found = labels_of(unknown, known, config.masking, redactions)
        problems += found
    return {**labels, "audit_problem": "; ".join(problems)}


def payload_of(
    own: dict[str, Any], extra_fields: dict[str, Any], redactions: Redactions, config: Config
) -> Payload:
    """Return the payload of a record: its own fields, the service, the context and `extra`, masked.

    Own fields override those of the context, and these the service. `own["event"]` receives a new id,
    and `kind` if it has none. The redactions of the context and of `extra` are added to `redactions`.
    """
    event = own["event"]
    event["id"] = new_id()
    event.setdefault("kind", "event")
    context = current_context()
    fields = {"event": event, **context.fields}
    if config.service_fields:
        fields = {"event": event, **merged(config.service_fields, fields)}
    for name, value in own.items():
        if name not in fields:
            fields[name] = value
        elif (present := fields[name]) is not value:
            fields[name] = merged(present, value) if type(present) is dict else value
    above = context.redactions
    redactions.searched = above.searched
    if above.notes or above.secrets or above.has_secret:
        redactions.add(above)
    if "changes" in context.fields or "changes" in extra_fields:
        redactions.own_changes = False  # some of them are the caller's
    if extra_fields:
        redactions.event_searched = False  # `extra` may have members of it
        extra_fields = config.masking.masked(extra_fields, (), redactions)
    known = None if extra_fields or "user" in own else context.related
    return Payload(fields, extra_fields, redactions, known, config.masking)
