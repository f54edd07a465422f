"""A rule to begin with, made of a record that somebody wants to hear of."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig, member

__all__ = ["RecordError", "starter"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_ID = 63


class RecordError(AuditOpsError):
    """A line that no rule can be made of; the text says why."""


def starter(line: str, config: AuditConfig) -> str:
    """Give the TOML of a rule that matches a record, with the examples that it has to have.

    Raises:
        RecordError: the line is no audit record.
    """
    record = _record(line)
    action = str(member(record, "event.action"))
    kind = member(record, "changes.record_type")
    fields = member(record, "changes.fields")
    changed = sorted(_leaves(fields, ())) if isinstance(fields, Mapping) else []
    rule_id = re.sub(r"[^a-z0-9]+", "-", f"{action}".lower()).strip("-")[:_LONGEST_ID] or "rule"
    channel = next(iter(config.channels), "name-of-a-channel")
    rows = [
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


def _record(line: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise RecordError(f"the record is no JSON: {error}; give one line of audit_lib") from error
    if not isinstance(record, dict) or not isinstance(member(record, "event.action"), str):
        raise RecordError("the record has no event.action; give one line that audit_lib wrote")
    return record


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
            key = ".".join(part if _BARE.fullmatch(part) else _value(part) for part in here)
            yield f"{key} = {_value(inner)}"


def _value(value: object) -> str:
    """Write a value as TOML has it, in characters that no terminal takes for an order."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
