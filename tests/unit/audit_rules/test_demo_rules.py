"""The repository's own audit.toml: it loads, and each rule selects the records it is meant for."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit_rules import AUDIT_PATTERN, AuditConfig, Severity, load_config


@pytest.fixture(scope="module")
def config() -> AuditConfig:
    return load_config(Path(__file__).parents[3] / "audit.toml")


def record(action: str, record_type: str = "", **parts: Any) -> str:
    """Write a record as audit_lib does."""
    line: dict[str, Any] = {
        "@timestamp": "2026-11-24T10:00:00.123Z",
        "log.level": "info",
        "message": "Something changed",
        "event": {"id": "e-1", "action": action, "outcome": parts.pop("outcome", "success")},
        "log": {"logger": "shop.audit"},
        "user": {"id": "7", "name": "Ana Souza"},
    }
    if record_type:
        line["changes"] = {"record_type": record_type, "record_id": "42", **parts}
    return json.dumps(line)


PHONE = record(
    "user-updated",
    "user",
    before={"mfa_phone": None},
    after={"mfa_phone": "+34600"},
    fields={"mfa_phone": "added"},
)
RECORDS = {
    "phone": PHONE,
    "name": record("user-updated", "user", after={"name": "x"}, fields={"name": "updated"}),
    "admin": record("role-granted", "user", after={"roles": ["support", "admin"]}),
    "support": record("role-granted", "user", after={"roles": ["support"]}),
    "iban": record("payout_account-updated", "payout_account", fields={"iban": "updated"}),
    "big refund": record("order-refunded", "order", after={"refunded": 1000.0}),
    "small refund": record("order-refunded", "order", after={"refunded": 999.99}),
    "text refund": record("order-refunded", "order", after={"refunded": "5000"}),
    "refused login": record("login", outcome="failure"),
    "login": record("login"),
}


@pytest.mark.parametrize(
    ("rule_id", "selected"),
    [
        ("mfa-phone-changed", {"phone"}),
        ("admin-role-granted", {"admin"}),
        ("payout-account-changed", {"iban"}),
        ("large-refund", {"big refund"}),
        ("repeated-failed-logins", {"refused login"}),
    ],
)
def test_a_rule_selects_its_records_and_no_others(
    config: AuditConfig, rule_id: str, selected: set[str]
) -> None:
    pattern = config.rule(rule_id).pattern
    assert {name for name, line in RECORDS.items() if pattern.matches(line)} == selected


def test_all_records_of_the_demo_are_audit_records() -> None:
    assert all(AUDIT_PATTERN.matches(line) for line in RECORDS.values())


def test_the_demo_has_its_rules_channels_and_source(config: AuditConfig) -> None:
    security, finance = ("security-slack", "security-email"), ("finance-slack", "finance-email")
    assert [(rule.id, rule.severity, rule.channels) for rule in config.rules] == [
        ("mfa-phone-changed", Severity.HIGH, security),
        ("admin-role-granted", Severity.CRITICAL, security),
        ("payout-account-changed", Severity.HIGH, finance),
        ("large-refund", Severity.MEDIUM, finance),
        ("repeated-failed-logins", Severity.MEDIUM, security),
    ]
    assert set(config.channels) == {*security, *finance}
    assert config.sources.log_groups == ("/app/shop",)
    assert config.retention_days == 3653


def test_only_the_failed_logins_wait_for_a_number(config: AuditConfig) -> None:
    waiting = [
        (rule.id, rule.threshold, rule.window_minutes)
        for rule in config.rules
        if (rule.threshold, rule.window_minutes) != (1, 1)
    ]
    assert waiting == [("repeated-failed-logins", 3, 5)]
