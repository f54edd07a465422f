"""What a rule asks of a record that no filter pattern can."""

import json
from datetime import datetime
from typing import Any

import pytest

from audit_rules import ConfigError, parse_config

HEAD = """
[audit]
name = "audit"
time_zone = "UTC"
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
record_types = ["account"]
"""


def tells(more: str, record: dict[str, Any]) -> bool:
    (rule,) = parse_config(HEAD + more).rules
    record = {**record, "changes": {"record_type": "account", **record.get("changes", {})}}
    told = rule.matches(json.dumps(record))
    assert told is rule.applies_to(record)
    return told


def moved(before: Any, after: Any) -> dict[str, Any]:
    return {"changes": {"before": {"a": {"n": before}}, "after": {"a": {"n": after}}}}


@pytest.mark.parametrize(
    ("by", "before", "after", "told"),
    [
        ("by = 100", 0, 100, False),
        ("by = 100", 0, 100.01, True),
        ("by = 100", 200, 99, True),
        ("by = 0.1", 0.1, 0.2, False),  # exactly 0.1, where binary fractions differ
        ("percent = 10", 1000, 1100, False),
        ("percent = 10", 1000, 1101, True),
        ("percent = 10", -1000, -899, True),
        ("percent = 10", 0, 1, True),
        ("percent = 10", 0, 0, False),
        ("by = 500\npercent = 10", 1000, 1200, True),
        ("by = 500\npercent = 50", 1000, 1501, True),
        ("by = 500\npercent = 60", 1000, 1400, False),
        ("by = 100", "99.90", "100.00", False),
        ("by = 100", None, 1, True),
        ("by = 100", "much", 1, True),
        ("by = 100", True, 1, True),
        ("by = 100", "NaN", 1, True),
    ],
)
def test_a_number_has_to_move_far(by: str, before: Any, after: Any, told: bool) -> None:
    more = f'[rules.materiality]\nfield = "a.n"\n{by}'
    assert tells(more, moved(before, after)) is told


@pytest.mark.parametrize(
    ("networks", "address", "told"),
    [
        ('networks = ["10.0.0.0/8", "2001:db8::/32"]', "10.1.2.3", True),
        ('networks = ["10.0.0.0/8", "2001:db8::/32"]', "2001:db8::1", True),
        ('networks = ["10.0.0.0/8"]', "203.0.113.9", False),
        ('networks = ["10.0.0.0/8"]', "::ffff:10.1.2.3", True),
        ('networks = ["10.0.0.0/8"]', "unknown", False),
        ('networks = ["203.0.113.9"]', "203.0.113.9", True),
        ('outside_networks = ["10.0.0.0/8"]', "10.1.2.3", False),
        ('outside_networks = ["10.0.0.0/8"]', "203.0.113.9", True),
        ('outside_networks = ["10.0.0.0/8"]', "unknown", True),
        ('outside_networks = ["10.0.0.0/8"]', None, True),
    ],
)
def test_a_record_comes_from_a_network_or_from_elsewhere(
    networks: str, address: Any, told: bool
) -> None:
    assert tells(networks, {"source": {"ip": address}}) is told


def test_a_record_that_cannot_be_read_is_told() -> None:
    (rule,) = parse_config(HEAD + 'networks = ["10.0.0.0/8"]').rules
    assert rule.applies_to({})


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ('networks = ["10.0.0.1/8"]', "which has host bits set; write 10.0.0.0/8"),
        ('networks = ["here"]', "write a network such as 10.0.0.0/8"),
        ("[rules.materiality]\nby = 1", "field: is required but missing"),
        ('[rules.materiality]\nfield = "a"', "has neither by nor percent"),
        ('[rules.materiality]\nfield = "a..b"\nby = 1', "with dots if it is nested"),
        ('[rules.materiality]\nfield = "a"\nby = -1', "found -1; write a finite number above 0"),
        ('[rules.materiality]\nfield = "a"\nby = inf', "write a finite number above 0"),
        ('[rules.materiality]\nfield = "a"\npercent = true', "found a boolean; write a number"),
    ],
)
def test_what_cannot_be_judged_is_refused(more: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(HEAD + more)
    assert complaint in str(caught.value)


def test_networks_alone_make_no_pattern() -> None:
    with pytest.raises(
        ConfigError, match="contains only networks; add one or more of record_types"
    ):
        parse_config(HEAD.replace('record_types = ["account"]', 'networks = ["10.0.0.0/8"]'))


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        ("22:00-07:00", "21:59", False), ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "03:00", True), ("22:00-07:00", "07:00", False),
        ("12:00-13:30", "12:00", True), ("12:00-13:30", "13:29", True),
        ("12:00-13:30", "13:30", False), ("12:00-13:30", "00:00", False),
    ],
)  # fmt: skip
def test_quiet_hours_may_go_over_midnight(hours: str, clock: str, quiet: bool) -> None:
    text = HEAD.replace("[rules.when]", f'quiet_hours = "{hours}"\n[rules.when]')
    (rule,) = parse_config(text).rules
    assert rule.quiet_hours is not None
    at = datetime.fromisoformat(f"2026-11-25T{clock}:00+01:00")
    assert rule.quiet_hours.includes(at) is quiet


@pytest.mark.parametrize("hours", ["22-7", "22:00-22:00", "24:00-07:00", "night"])
def test_quiet_hours_that_are_none_are_refused(hours: str) -> None:
    text = HEAD.replace("[rules.when]", f'quiet_hours = "{hours}"\n[rules.when]')
    with pytest.raises(ConfigError, match="such as 22:00-07:00"):
        parse_config(text)


@pytest.mark.parametrize(
    ("seconds", "reached"),
    [
        ([], []),
        ([0, 1], []),
        ([0, 1, 299.999], [0, 1, 2]),
        ([0, 1, 300], []),  # a window is shorter than five minutes
        ([0, 0, 0], [0, 1, 2]),
        ([0, 200, 400, 499.999, 900], [1, 2, 3]),
        ([0, 200, 299, 400, 1000, 1001, 1002, 1003], [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_threshold_slides_over_the_times(seconds: list[float], reached: list[int]) -> None:
    text = HEAD.replace("[rules.when]", "threshold = 3\nwindow_minutes = 5\n[rules.when]")
    [rule] = parse_config(text).rules
    assert rule.reaching([int(each * 1000) for each in seconds]) == reached
