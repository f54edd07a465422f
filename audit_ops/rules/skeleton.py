"""A rule to begin with, made of a record that somebody wants to hear of."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig, member

__all__ = ["RecordError", "starter"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_ID = 63
_VERBS = ("created", "updated", "deleted", "accessed")
_OF_A_CHAIN = "audit-chain-"


class RecordError(AuditOpsError):
    """A line that no rule can be made of; the text says why."""


def starter(lines: Iterable[str], config: AuditConfig) -> str:
    """Give the TOML of a rule that matches a record, with the examples that it has to have.

    It is the first record in the lines that is about an application, and no chain's beginning or end. An
    action that the catalogue has not is begun, too.

    Raises:
        RecordError: no line is an audit record.
    """
    record = _first(lines)
    action = str(member(record, "event.action"))
    kind = member(record, "changes.record_type")
    fields = member(record, "changes.fields")
    changed = sorted(_leaves(fields, ())) if isinstance(fields, Mapping) else []
    rule_id = re.sub(r"[^a-z0-9]+", "-", f"{action}".lower()).strip("-")[:_LONGEST_ID] or "rule"
    channel = next(iter(config.channels), "name-of-a-channel")
    rows = [
        *_action(action, kind, record, config),
        "[[rules]]",
        f"id = {_value(rule_id if rule_id[0].isalpha() else f'rule-{rule_id}')}",
        f"title = {_value(action.replace('-', ' ').replace('_', ' ').capitalize())}",
        'owner = "Who agreed to it"',
        'severity = "medium"',
        f"channels = [{_value(channel)}]",
        "[rules.when]",
        f"actions = [{_value(action)}]",
    ]
    if changed:
        rows.append(f"changed = [{', '.join(_value('.'.join(path)) for path in changed)}]")
    about: dict[str, Any] = {"event": {"action": action}}
    if kind is not None:
        about["changes"] = {"record_type": kind}
    if changed:
        about["changes"] = {**about.get("changes", {}), "fields": fields}
    other = {"event": {"action": action if changed else "something-else"}}
    rows += ["", "[[rules.examples]]", 'name = "what it is for"', "matches = true"]
    rows += _dotted(about, ("record",))
    rows += ["", "[[rules.examples]]", 'name = "what it is not for"', "matches = false"]
    rows += _dotted(other, ("record",))
    return "\n".join(rows) + "\n"


def _first(lines: Iterable[str]) -> Mapping[str, Any]:
    complaint = "there is no record of an application; give a line that audit_lib wrote"
    for number, line in enumerate(lines):
        try:
            record = json.loads(line)
        except ValueError as error:
            found = f"the record is no JSON: {error}; give one line of audit_lib"
        else:
            action = member(record, "event.action")
            if isinstance(action, str) and not action.startswith(_OF_A_CHAIN):
                return record  # type: ignore[no-any-return] # it has members
            if isinstance(action, str):
                continue
            found = "the record has no event.action; give one line that audit_lib wrote"
        complaint = complaint if number else found
    raise RecordError(complaint)


def _action(
    action: str, kind: Any, record: Mapping[str, Any], config: AuditConfig
) -> Iterator[str]:
    """Begin an action that the catalogue has not, where there is one."""
    if not config.actions or action in config.actions:
        return
    verb = next((verb for verb in _VERBS if action == f"{kind}-{verb}"), None)
    words = re.sub(r"[^A-Za-z0-9]+", " ", action).strip()
    yield f"[actions.{_key(action)}]"
    yield f"sentence = {_value(f'{{actor}} {verb} {{record}}' if verb else f'{{actor}}: {words}')}"
    for name in ("category", "type"):
        given = member(record, f"event.{name}")
        texts = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
        yield f"{name} = {_value(texts)}"
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
    """Write a value as TOML has it, in characters that no terminal takes for an order."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
