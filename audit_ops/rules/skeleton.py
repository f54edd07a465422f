"""Creates the TOML of a rule, to be edited, from a record that the rule should match."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig, member

__all__ = ["RecordError", "rule_skeleton"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MAX_ID_LENGTH = 63
_VERBS = ("created", "updated", "deleted", "accessed")
_CHAIN_PREFIX = "audit-chain-"
_ADVICE = "pass a line that audit_lib wrote"
_MAX_LENGTH = 60
_REMARKABLE = ("failure", "unknown")
_EVERY = "# Matches every record of this action; add outcomes, actors or changed to match some of them only."


class RecordError(AuditOpsError):
    """The input has no record to create a rule from; the message says why."""


def rule_skeleton(lines: Iterable[str], config: AuditConfig) -> str:
    """Return the TOML of a rule that matches a record, with a matching and a non-matching example.

    The rule asks for the record's action, its changed fields, and its outcome if that is not `success`. If it
    asks for the action alone, a comment says that it matches every record of the action.

    The record is the first line with an `event.action` of an application: the chain records that `audit_lib`
    writes itself are skipped. If the configuration has `[actions]` without the record's action, it is added.

    Raises:
        RecordError: no line is such a record.
    """
    record = _first(lines)
    action = str(member(record, "event.action"))
    record_type = member(record, "changes.record_type")
    fields = member(record, "changes.fields")
    changed = sorted(_leaves(fields, ())) if isinstance(fields, Mapping) else []
    rule_id = re.sub(r"[^a-z0-9]+", "-", f"{action}".lower()).strip("-")[:_MAX_ID_LENGTH] or "rule"
    channel = next(iter(config.channels), "name-of-a-channel")
    rows = [
        *_action(action, record_type, record, config),
        "[[rules]]",
        f"id = {_value(rule_id if rule_id[0].isalpha() else f'rule-{rule_id}')}",
        f"title = {_value(action.replace('-', ' ').replace('_', ' ').capitalize())}",
        'owner = "The team that agreed to it"',
        'severity = "medium"',
        f"channels = [{_value(channel)}]",
        "[rules.when]",
        f"actions = [{_value(action)}]",
    ]
    outcome = member(record, "event.outcome")
    remarkable = outcome in _REMARKABLE
    if remarkable:
        rows.append(f"outcomes = [{_value(outcome)}]")
    if changed:
        rows.append(f"changed = [{', '.join(_value('.'.join(path)) for path in changed)}]")
    if not remarkable and not changed:
        rows.append(_EVERY)
    about: dict[str, Any] = {"event": {"action": action}}
    other: dict[str, Any] = {"event": {"action": action if changed else "something-else"}}
    if remarkable:
        about["event"]["outcome"] = outcome
        other["event"] = {"action": action, "outcome": "success"}
        reason = member(record, "event.reason")
        about["event"] |= {"reason": reason} if isinstance(reason, str) else {}
    if record_type is not None:
        about["changes"] = {"record_type": record_type}
    if changed:
        about["changes"] = {**about.get("changes", {}), "fields": fields}
    rows += ["", "[[rules.examples]]", 'name = "what it should match"', "matches = true"]
    rows += _dotted(about, ("record",))
    rows += ["", "[[rules.examples]]", 'name = "what it should not match"', "matches = false"]
    rows += _dotted(other, ("record",))
    return "\n".join(rows) + "\n"


def _first(lines: Iterable[str]) -> Mapping[str, Any]:
    complaint = f"the input has no record of an application; {_ADVICE}"
    for number, line in enumerate(_decoded(lines)):
        try:
            record = json.loads(line)
        except ValueError as error:
            found = f"line 1 is not JSON: {error}; {_ADVICE}"
        else:
            action = member(record, "event.action")
            if isinstance(action, str) and not action.startswith(_CHAIN_PREFIX):
                return record  # type: ignore[no-any-return] # it has members
            if isinstance(action, str):
                continue
            shown = f"{_cut(action)} is its event.action, not a string"
            reason = "it has no event.action" if action is None else shown
            found = f"line 1 is not a record of an application: {reason}; {_ADVICE}"
        complaint = complaint if number else found
    raise RecordError(complaint)


def _cut(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _MAX_LENGTH else f"{shown[:_MAX_LENGTH]}…"


def _decoded(lines: Iterable[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        # Its position is not shown: it is that in a block of the input.
        found = error.object[error.start : error.end]
        raise RecordError(f"the input is not UTF-8: found {found!r}; {_ADVICE}") from error


def _action(
    action: str, record_type: Any, record: Mapping[str, Any], config: AuditConfig
) -> Iterator[str]:
    """Yield the TOML of the action if `[actions]` exists and does not declare it."""
    if not config.actions or action in config.actions:
        return
    verb = next((verb for verb in _VERBS if action == f"{record_type}-{verb}"), None)
    words = re.sub(r"[^A-Za-z0-9]+", " ", action).strip()
    yield f"[actions.{_key(action)}]"
    yield f"sentence = {_value(f'{{actor}} {verb} {{record}}' if verb else f'{{actor}}: {words}')}"
    for name in ("category", "type"):
        given = member(record, f"event.{name}")
        texts = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
        missing = "" if texts else f"  # the record has no event.{name}: add one that ECS has"
        yield f"{name} = {_value(texts)}{missing}"
    yield ""


def _leaves(fields: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, inner in fields.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, (*path, name))
        else:
            yield (*path, name)


def _dotted(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for name, inner in value.items():
        here = (*path, name)
        if isinstance(inner, Mapping):
            yield from _dotted(inner, here)
        elif inner is not None:
            yield f"{'.'.join(map(_key, here))} = {_value(inner)}"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    """Format a value as TOML, without characters that a terminal could interpret."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
