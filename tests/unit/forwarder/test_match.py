"""The match stage by itself: which items a record becomes."""

import json
from typing import Any

import pytest

from audit_rules import parse_config
from forwarder.notification import Reason
from forwarder.outbox import Item, Key, State
from forwarder.stages.match import matched_items
from forwarder.stages.read import FoundRecord

CONFIG = parse_config("""
[audit]
name = "audit"
time_zone = "UTC"
examples = "optional"
[sources]
log_groups = ["/app/shop"]
[channels.slack]
type = "slack"
webhook_secret = "audit/slack"
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com"]
[[rules]]
id = "each"
title = "Each"
owner = "o"
severity = "low"
channels = ["slack", "mail"]
when = { actions = ["each"], outside_networks = ["10.0.0.0/8"] }
[[rules]]
id = "count"
title = "Count"
owner = "o"
severity = "low"
channels = ["slack"]
when = { actions = ["each", "count"] }
threshold = 2
[[rules]]
id = "own"
title = "Own"
owner = "o"
severity = "low"
channels = ["mail"]
pattern = '{ $.log.logger = "audit_trail.audit" }'
[[rules]]
id = "chains"
title = "Chains"
owner = "o"
severity = "low"
channels = ["mail"]
pattern = '{ $.event.action = "audit-chain-opened" }'
[[rules]]
id = "all"
title = "All"
owner = "o"
severity = "low"
channels = ["mail"]
pattern = '{ $.event.action = "*" }'
""")


def record(action: str, *, ingested_ms: int | None = None, **more: Any) -> FoundRecord:
    fields = {"event": {"action": action}, **more}
    return FoundRecord(1000, json.dumps(fields), fields, ingested_ms)


def states(*records: FoundRecord, since: int = 0, rules: str = "") -> dict[str, str]:
    chosen = [rule for rule in CONFIG.rules if not rules or rule.id in rules.split()]
    watched = {(rule.id, channel): since for rule in chosen for channel in rule.channels}
    items = list(matched_items(chosen, records, reason=Reason.ARRIVED, now_ms=5000, since=watched))
    assert all(item.at_ms == 1000 and item.arrived_ms == 5000 for item in items)
    assert all(item.why == "ARRIVED" for item in items)
    return {f"{item.key.rule}#{item.key.channel}": item.state for item in items}


CHAIN = {"log": {"logger": "audit_lib.audit"}}
OWN = {"log": {"logger": "audit_trail.audit"}}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (
            record("each"),
            {"each#slack": "waiting", "each#mail": "waiting", "count#slack": "counting",
             "all#mail": "waiting"},
        ),
        (
            record("each", source={"ip": "10.1.2.3"}),
            {"each#slack": "immaterial", "each#mail": "immaterial", "count#slack": "counting",
             "all#mail": "waiting"},
        ),
        (record("count"), {"count#slack": "counting", "all#mail": "waiting"}),
        (record("notification-sent", **OWN), {"own#mail": "waiting"}),
        (record("other", **OWN), {"own#mail": "waiting", "all#mail": "waiting"}),
        (record("audit-chain-opened", **CHAIN), {"chains#mail": "waiting"}),
        (record("audit-chain-sealed", **CHAIN), {}),
        (record("audit-chain-opened"), {"chains#mail": "waiting", "all#mail": "waiting"}),
    ],
)  # fmt: skip
def test_a_record_becomes_an_item_for_each_rule_and_channel(
    given: FoundRecord, found: dict[str, str]
) -> None:
    assert states(given) == found


@pytest.mark.parametrize(
    ("ingested", "state"),
    [(None, "waiting"), (1999, "before"), (2000, "waiting"), (2001, "waiting")],
)
def test_what_was_ingested_before_its_rule_watched_is_before(
    ingested: int | None, state: str
) -> None:
    found = states(record("each", ingested_ms=ingested), since=2000, rules="each")
    assert set(found.values()) == {state}


def test_a_line_that_is_no_record_is_matched_as_cloudwatch_does() -> None:
    line = FoundRecord(1000, '{"event": {"action": "each"', {})
    assert states(line) == {}


@pytest.mark.parametrize("state", State)
def test_an_item_is_the_same_after_dynamodb(state: State) -> None:
    item = Item(
        key=Key("each", "slack", "0" * 40), state=state, at_ms=1, arrived_ms=2, line="{}",
        why="ARRIVED", threshold=state is State.COUNTING,
    )  # fmt: skip
    stored = item.to_dynamodb()
    assert Item.from_dynamodb(stored) == item
    assert ("expires_at" in stored) is (state not in {State.COUNTING, State.WAITING})
    assert ("waits" in stored) is (state in {State.COUNTING, State.WAITING})


def test_an_item_of_another_version_is_not_read() -> None:
    item = Item(key=Key("r", "c", "d"), state=State.WAITING, at_ms=1, arrived_ms=2)
    with pytest.raises(ValueError, match="has the version 2"):
        Item.from_dynamodb(item.to_dynamodb() | {"version": {"S": "2"}})
