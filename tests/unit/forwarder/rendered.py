"""Renders records of a small configuration, for the tests of what recipients read."""

import json
from typing import Any

from audit_rules import AuditConfig, Rule, parse_config
from audit_rules.channels.email import EmailChannel
from forwarder.notification import Notification, Reason
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import FoundRecord
from forwarder.stages.render import Renderer

AT_MS = 1_767_225_600_000
MAIL = EmailChannel(name="mail", sender="audit@example.com", recipients=("a@example.com",))
RULE = """
[[rules]]
id = "iban"
title = "IBAN changed"
owner = "Finance"
severity = "high"
channels = ["mail"]
"""
HEAD = """
[audit]
name = "audit"
time_zone = "Europe/Madrid"
[sources]
log_groups = ["/app/shop"]
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com"]
[actions.customer-updated]
sentence = "{actor} changed {record}"
category = ["database"]
type = ["change"]
[actions.customer-created]
sentence = "{actor} opened {record}"
category = ["database"]
type = ["change"]
[actions.login]
sentence = "{actor} tried to sign in"
category = ["authentication"]
type = ["start"]
[actions.customers-exported]
sentence = "{actor} exported data of {export.rows|customer|customers}"
category = ["database"]
type = ["access"]
fields = ["export.rows"]
[actions.customer-blocked]
sentence = "{actor} put {record} on the list"
category = ["database"]
type = ["change"]
[actions.customer-frobnicated]
sentence = "{actor} frobnicated {record}"
category = ["database"]
type = ["change"]
"""
WHEN = '[rules.when]\nrecord_types = ["customer"]\n'


def config(rule: str = WHEN, labels: str = "") -> AuditConfig:
    """Return the configuration with one rule, whose condition and further keys are `rule`."""
    return parse_config(f"{HEAD}{labels}{RULE}{rule}")


def found(record: dict[str, Any], *, ingested_ms: int | None = None, at: int = 0) -> FoundRecord:
    """Return a record as the forwarder reads it, `at` milliseconds after the start of 2026."""
    return FoundRecord(AT_MS + at, json.dumps(record), record, ingested_ms)


def notified(
    *records: dict[str, Any] | FoundRecord,
    rule: str = WHEN,
    labels: str = "",
    reason: Reason = Reason.ARRIVED,
    perhaps_repeat: bool = False,
) -> Notification:
    """Return the notification of records by the rule."""
    read = config(rule, labels)
    renderer = Renderer(config=read, evidence=Evidence(region="eu-west-1", log_group="/audit/x"))
    only: Rule = read.rules[0]
    each = [
        record if isinstance(record, FoundRecord) else found(record, at=n)
        for n, record in enumerate(records)
    ]
    return renderer.notification(only, each, reason, perhaps_repeat=perhaps_repeat)


def change(
    action: str = "customer-updated",
    outcome: str = "success",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """Return a record of a change of customer 9 by Ana Souza."""
    before = {"iban": "DE1"} if before is None else before
    after = {"iban": "DE2"} if after is None else after
    names = dict.fromkeys([*before, *after])
    kinds = {
        name: "updated" if name in before and name in after else
        "removed" if name in before else "added"
        for name in names
    }  # fmt: skip
    return {
        "message": "Customer profile saved",
        "event": {"id": "e-1", "action": action, "outcome": outcome},
        "user": {"id": "7", "name": "Ana Souza", "email": "ana@example.com"},
        "changes": {
            "record_type": "customer", "record_id": "9",
            "before": before, "after": after, "fields": kinds,
        },
        **others,
    }  # fmt: skip
