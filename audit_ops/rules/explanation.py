"""What `audit rules explain` says of a rule."""

import json
from collections.abc import Iterator

from audit_rules import AuditConfig, Rule, in_words
from audit_rules.patterns import printed

__all__ = ["explanation"]


def explanation(config: AuditConfig, rule: Rule) -> Iterator[str]:
    """Say in words when a rule tells, whom, and show a record that it matches."""
    yield f"{rule.title} ({rule.id}), {rule.severity}; owner: {rule.owner}"
    if rule.description:
        yield rule.description
    yield ""
    if rule.pattern.condition is not None:
        yield f"Tells of a record when {in_words(rule.pattern.condition)}."
        for further in rule.beyond.in_words():
            yield f"Of these, only when {further}: the forwarder looks at that, CloudWatch cannot."
    if rule.threshold > 1 or rule.window_minutes > 1:
        yield (
            f"It rings when {rule.threshold} such records come within {rule.window_minutes} minutes,"
            " and then tells each of them."
        )
    if rule.urgent:
        yield "It is urgent: each is told when it comes, without waiting for the alarm."
    if rule.quiet_hours:
        yield f"What comes in its quiet hours, {rule.quiet_hours}, it tells after them."
    yield f"Tells {', '.join(f'{name} ({_kind(config, name)})' for name in rule.channels)}."
    yield ""
    yield f"pattern   {rule.pattern.text}"
    condition = rule.pattern.condition
    if condition is not None and len(shorter := printed(condition)) < len(rule.pattern.text):
        yield f"shorter   {shorter}"
    for example in rule.examples:
        if example.matches:
            yield ""
            yield f"A record that it matches{f': {example.name}' if example.name else ''}"
            yield json.dumps(json.loads(example.line), indent=2, ensure_ascii=False)
            return


def _kind(config: AuditConfig, name: str) -> str:
    return type(config.channels[name]).__name__.removesuffix("Channel").lower()
