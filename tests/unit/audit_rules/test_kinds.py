"""A rule tells the creation, the change and the deletion of a record apart."""

import json
from typing import Any

import pytest

from audit_rules import ConfigError, in_words, operation_of, parse_config

HEAD = """
[audit]
name = "audit"
time_zone = "UTC"
examples = "optional"
[sources]
log_groups = ["/app"]
[channels.a]
type = "slack"
webhook_secret = "a"
[[rules]]
id = "r"
title = "T"
owner = "O"
severity = "low"
channels = ["a"]
[rules.when]
"""
CREATED = {"event": {"action": "customer-created"}, "changes": {"fields": {"iban": "added"}}}
CHANGED = {"event": {"action": "customer-updated"}, "changes": {"fields": {"iban": "updated"}}}
ADDED = {"event": {"action": "customer-updated"}, "changes": {"fields": {"iban": "added"}}}
DELETED = {"event": {"action": "customer-deleted"}, "changes": {"fields": {"iban": "removed"}}}
OPENED = {
    "event": {"action": "opened", "type": ["user", "creation"]},
    "changes": {"fields": {"iban": "added"}},
}
FOREIGN = {"event": {}, "changes": {"fields": {"iban": "updated"}}}
ALL = [CREATED, CHANGED, ADDED, DELETED, OPENED, FOREIGN]


@pytest.mark.parametrize(
    ("when", "matched"),
    [
        ('changed = ["iban"]', [CHANGED, ADDED, FOREIGN]),
        ('changed = ["iban"]\nkinds = ["change"]', [CHANGED, ADDED, FOREIGN]),
        ('changed = ["iban"]\nkinds = ["creation"]', [CREATED, OPENED]),
        ('changed = ["iban"]\nkinds = ["deletion"]', [DELETED]),
        ('changed = ["iban"]\nkinds = ["creation", "change"]', [CREATED, CHANGED, ADDED, OPENED, FOREIGN]),
        ('changed = ["iban"]\nkinds = ["creation", "change", "deletion"]', ALL),
        ('changed = ["iban"]\nactions = ["*"]', [CHANGED, ADDED]),
        ('changed = ["iban"]\nactions = ["customer-created", "opened"]', [CREATED, OPENED]),
        ('changed = ["iban"]\nactions = ["customer-created"]\nkinds = ["change"]', []),
        ('actions = ["*"]', [CREATED, CHANGED, ADDED, DELETED, OPENED]),
        ('actions = ["*"]\nkinds = ["creation"]', [CREATED, OPENED]),
    ],
)  # fmt: skip
def test_what_a_rule_matches(when: str, matched: list[dict[str, Any]]) -> None:
    (rule,) = parse_config(HEAD + when).rules
    assert [record for record in ALL if rule.matches(json.dumps(record))] == matched


def test_the_alarm_does_not_count_what_is_named_after_another_operation() -> None:
    (rule,) = parse_config(f'{HEAD}changed = ["iban"]').rules
    counted = [record for record in ALL if rule.pattern.matches(json.dumps(record))]
    assert counted == [CHANGED, ADDED, OPENED, FOREIGN]
    assert rule.pattern.text == (
        '{ $.changes.fields.iban = "*" && ($.event.action NOT EXISTS'
        ' || $.event.action != "*-created" && $.event.action != "*-deleted") }'
    )
    assert rule.pattern.condition is not None
    assert "event.action" in in_words(rule.pattern.condition)
    assert list(rule.further_conditions.in_words()) == ["the operation is a change"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('changed = ["iban"]\nkinds = ["created"]', 'did you mean "creation"?'),
        ('kinds = ["creation"]', "contains only kinds; add one or more of record_types"),
        ('changed = ["iban"]\nkinds = []', "is empty; name at least one"),
    ],
)
def test_other_kinds_are_refused(keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(HEAD + keys)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("event", "operation"),
    [
        ({"action": "user-created"}, "creation"),
        ({"action": "user-updated", "type": ["creation"]}, "change"),
        ({"action": "user-deleted", "type": ["creation"]}, "deletion"),
        ({"action": "opened", "type": ["user", "creation"]}, "creation"),
        ({"action": "closed", "type": ["deletion"]}, "deletion"),
        ({"action": "opened", "type": "creation"}, "change"),
        ({"action": 7}, "change"),
        (None, "change"),
    ],
)
def test_the_operation_of_a_record(event: Any, operation: str) -> None:
    assert operation_of({"event": event}) == operation
