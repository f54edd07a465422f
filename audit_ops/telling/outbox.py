"""Reads and changes the outbox of a deployed trail, for `audit outbox`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig
from forwarder.door import Door, Doors
from forwarder.outbox import NOTICE, Item, Key, Outbox, State

__all__ = ["OutboxError", "OutboxView", "WaitingGroup"]

_CLOSED: Final = "the channel is closed: "
_RESENDABLE: Final = frozenset({State.REFUSED, State.UNSURE})


class OutboxError(AuditOpsError):
    """An item does not exist, or its state does not allow what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingGroup:
    """The items of a rule and a channel in one state.

    Attributes:
        rule: the id of the rule.
        channel: the name of the channel.
        state: the state of the items.
        count: their number.
        oldest_ms: the time of the oldest record, in ms since 1970.
        why: why they wait; empty for other states, and if nothing keeps them back.
    """

    rule: str
    channel: str
    state: State
    count: int
    oldest_ms: int
    why: str = ""


class OutboxView:
    """The outbox of a deployed trail, as an operator sees and changes it."""

    def __init__(self, *, config: AuditConfig, dynamodb: Any, table: str) -> None:
        self._config = config
        self._dynamodb = dynamodb
        self._table = table
        self._outbox = Outbox(dynamodb=dynamodb, table=table)
        self._doors = Doors(dynamodb=dynamodb, table=table)

    def groups(self, now: datetime) -> list[WaitingGroup]:
        """Return the items by state, rule and channel, with why they wait; reads the whole table."""
        counts: Counter[tuple[State, str, str]] = Counter()
        oldest: dict[tuple[State, str, str], int] = {}
        for item in self.items():
            group = item.state, item.key.rule, item.key.channel
            counts[group] += 1
            oldest[group] = min(oldest.get(group, item.at_ms), item.at_ms)
        doors = {channel: self._doors.look(channel) for channel in self._config.channels}
        return [
            WaitingGroup(
                rule=rule,
                channel=channel,
                state=state,
                count=counts[state, rule, channel],
                oldest_ms=oldest[state, rule, channel],
                why=self._why(rule, channel, doors, now) if state is State.WAITING else "",
            )
            for state, rule, channel in sorted(counts)
        ]

    def _why(  # noqa: PLR0911 - a reason each
        self, rule_id: str, channel: str, doors: Mapping[str, Door], now: datetime
    ) -> str:
        rule = next((rule for rule in self._config.rules if rule.id == rule_id), None)
        if channel not in doors:
            return "the channel is not in audit.toml"
        if rule is None and rule_id != NOTICE:
            return "the rule is not in audit.toml"
        if rule is not None and channel not in rule.channels:
            return "the rule does not name the channel any more; it is sent all the same"
        local = now.astimezone(self._config.time_zone)
        if rule is not None and rule.quiet_hours is not None and rule.quiet_hours.includes(local):
            return f"quiet hours, {rule.quiet_hours}"
        door = doors[channel]
        if door.closed:
            return f"{_CLOSED}{door.closed}"
        if door.failing_since_ms:
            since = datetime.fromtimestamp(door.failing_since_ms / 1000, UTC)
            return f"the channel accepts nothing since {since:%Y-%m-%d %H:%M:%S} UTC"
        return ""

    def items(self) -> Iterator[Item]:
        """Yield all items of the table."""
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._table):
            yield from (Item.from_dynamodb(each) for each in page["Items"] if "version" in each)

    def item(self, key: str) -> Item:
        """Return an item.

        Raises:
            OutboxError: the key is not one, or no item has it.
        """
        try:
            parsed = Key.parse(key)
        except ValueError as error:
            raise OutboxError(
                f"found {key!r}; write the key of an item, RULE#CHANNEL#DIGEST, as `audit outbox"
                " list --keys` shows it"
            ) from error
        found = self._outbox.read([parsed])
        if parsed not in found:
            raise OutboxError(f"no item has the key {key!r}; it may have expired")
        return found[parsed]

    def retry(self, keys: Sequence[str], now_ms: int) -> None:
        """Let refused and unsure items wait again.

        Raises:
            OutboxError: an item does not exist or is in another state; the ones before it were changed.
        """
        for key in keys:
            item = self.item(key)
            if item.state not in _RESENDABLE:
                raise OutboxError(
                    f"{key} is {item.state}; only items that are refused or unsure can be sent again"
                )
            again = replace(
                item,
                state=State.WAITING,
                arrived_ms=now_ms,
                problem="",
                perhaps_sent=item.perhaps_sent or item.state is State.UNSURE,
            )
            self._replace(item, again)

    def drop(self, keys: Sequence[str], reason: str, now_ms: int) -> None:
        """End items that wait as muted, with a reason.

        Raises:
            OutboxError: an item does not exist or does not wait; the ones before it were changed.
        """
        for key in keys:
            item = self.item(key)
            if not self._outbox.end([item.key], State.MUTED, now_ms=now_ms, about=reason):
                raise OutboxError(f"{key} is {item.state}; only items that wait can be dropped")

    def move(self, source: str, target: str, now_ms: int) -> int:
        """Move what waits for one channel to another one; return the number of items.

        What the other channel was told already is not sent to it again; what it refused is not moved. The item of
        the first channel ends as muted.

        Raises:
            OutboxError: the target is the source, or not a channel of `audit.toml`.
        """
        if source == target:
            raise OutboxError(f"found {source!r} twice; write another channel to move to")
        if target not in self._config.channels:
            raise OutboxError(
                f"the channel {target!r} is not in audit.toml; write one of"
                f" {', '.join(sorted(self._config.channels)) or '(there are none)'}"
            )
        moved = [
            item
            for item in self.items()
            if item.state is State.WAITING and item.key.channel == source
        ]
        door = self._doors.look(source)
        sent = {key for key in door.keys(door.batch) if door.batch.sends} if door.batch else set()
        count = 0
        for item in moved:
            key = replace(item.key, channel=target)
            uncertain = item.key.digest in door.uncertain.get(item.key.rule, ())
            perhaps_sent = item.perhaps_sent or uncertain or item.key in sent
            new = replace(item, key=key, perhaps_sent=perhaps_sent)
            if self._outbox.put([new])[key].state in {State.WAITING, State.TOLD}:
                about = f"moved to {target}"
                count += len(self._outbox.end([item.key], State.MUTED, now_ms=now_ms, about=about))
        return count

    def _replace(self, item: Item, new: Item) -> None:
        """Store an item, if it did not change meanwhile."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item=new.to_dynamodb(),
            ConditionExpression="#state = :before",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":before": {"S": item.state}},
        )
