"""Explains in words when a rule notifies and which channels, for `audit rules explain`."""

import json
from collections.abc import Iterator

from audit_rules import AuditConfig, Rule, in_words
from audit_rules.patterns import And, Condition, NotExists, leaves, printed

__all__ = ["explain"]


def explain(config: AuditConfig, rule: Rule) -> Iterator[str]:
    """Yield lines with a rule's condition in words, its channels, pattern and first matching example."""
    yield f"{rule.title} ({rule.id}), {rule.severity}; owner: {rule.owner}"
    if rule.description:
        yield rule.description
    yield ""
    if rule.pattern.condition is not None:
        yield f"Matches a record when {in_words(_without_kinds(rule, rule.pattern.condition))}."
        for further in rule.further_conditions.in_words():
            yield f"And only when {further}: the forwarder checks this, because CloudWatch cannot."
    if rule.threshold > 1 or rule.window_minutes > 1:
        yield (
            f"{rule.threshold} such records within {rule.window_minutes} minutes are notified, each of"
            " them; fewer are not."
        )
    if rule.quiet_hours:
        yield f"Records in its quiet hours, {rule.quiet_hours}, are notified after them."
    yield f"Notifies {', '.join(f'{name} ({config.channels[name].TYPE})' for name in rule.channels)}."
    yield ""
    yield f"pattern   {rule.pattern.text}"
    condition = rule.pattern.condition
    if condition is not None and len(shorter := printed(condition)) < len(rule.pattern.text):
        yield f"shorter   {shorter}"
    for example in rule.examples:
        if example.matches:
            yield ""
            yield f"A matching record{f': {example.name}' if example.name else ''}"
            yield json.dumps(json.loads(example.line), indent=2, ensure_ascii=False)
            return


def _without_kinds(rule: Rule, condition: Condition) -> Condition:
    """Return the condition without the last part, if it excludes actions of other kinds than `when.kinds`.

    The kinds are explained as a further condition, in fewer words.
    """
    if rule.further_conditions.kinds and isinstance(condition, And):
        last = list(leaves(condition.right))
        is_about_action = all(leaf.selector.path == ("event", "action") for leaf in last)
        if is_about_action and isinstance(last[0], NotExists):
            return condition.left
    return condition
