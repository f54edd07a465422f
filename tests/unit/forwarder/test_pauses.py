"""How long a channel waits after each answer, and the quiet hours over the changes of the clocks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from audit_rules import parse_config
from forwarder import teller as module
from forwarder.channels import SendResult, SendStatus
from forwarder.door import LEASE_SECONDS, TIMEOUT_SECONDS, Door
from forwarder.teller import Teller

DAY = 24 * 3600_000
NOW = 1_790_000_000_000
CONFIG = parse_config("""
[audit]
name = "audit"
time_zone = "Europe/Madrid"
examples = "optional"
[sources]
log_groups = ["/app/shop"]
[channels.slack]
type = "slack"
webhook_secret = "audit/slack"
[[rules]]
id = "quiet"
title = "Quiet"
owner = "o"
severity = "low"
channels = ["slack"]
when = { actions = ["x"] }
quiet_hours = "22:00-06:00"
""")


@pytest.mark.parametrize(
    ("tries", "days", "retry_after", "seconds"),
    [
        (0, 0, None, 1), (1, 0, None, 2), (2, 0, None, 4), (9, 0, None, 512), (10, 0, None, 900),
        (40, 13.9, None, 900), (40, 14.1, None, 3600),
        (0, 0, 7.0, 7), (0, 0, 0.0, 1), (5, 0, 1800.0, 1800), (5, 0, 86400.0, 3600),
        (40, 14.1, 7.0, 3600),
    ],
)  # fmt: skip
def test_the_pause_after_a_failure(
    tries: int, days: float, retry_after: float | None, seconds: float
) -> None:
    since = int(NOW - days * DAY) if days else 0
    door = Door(channel="slack", tries=tries, failing_since_ms=since)
    result = SendResult(SendStatus.AGAIN, "", retry_after)
    assert module._back_off_ms(door, result, NOW) == seconds * 1000


def test_the_pauses_of_the_page() -> None:
    assert (module.GAP_MS, module.PACE_MS, module.MAX_RECORDS) == (1_000, 20_000, 1_000)
    assert module._CLOSED_MS == 15 * 60_000
    assert LEASE_SECONDS == TIMEOUT_SECONDS + 60 == 360


@pytest.mark.parametrize(
    ("utc", "is_quiet"),
    [
        ("2026-11-24T20:59:59", False), ("2026-11-24T21:00:00", True),  # winter: UTC+1
        ("2026-11-25T04:59:59", True), ("2026-11-25T05:00:00", False),
        ("2026-07-01T19:59:59", False), ("2026-07-01T20:00:00", True),  # summer: UTC+2
        ("2026-07-02T03:59:59", True), ("2026-07-02T04:00:00", False),
        ("2026-03-29T03:59:59", True), ("2026-03-29T04:00:00", False),  # the night of the change
        ("2026-10-25T04:59:59", True), ("2026-10-25T05:00:00", False),
    ],
)  # fmt: skip
def test_quiet_hours_are_those_of_the_trails_time_zone(utc: str, is_quiet: bool) -> None:
    at = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    nothing: Any = None
    teller = Teller(
        config=CONFIG, outbox=nothing, doors=nothing, renderer=nothing, channels={},
        notice=nothing, wake=nothing, now_ms=lambda: int(at.timestamp() * 1000),
    )  # fmt: skip
    assert teller._is_quiet("quiet") is is_quiet
    assert teller._is_quiet("removed") is True
