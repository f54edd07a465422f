"""The door of a channel: the item of the outbox table by which one invocation at a time sends to it.

Nobody sends without holding the door, so a record needs no lease of its own, and back-off belongs to the
channel. The messages that are about to be sent stand on the door: an invocation that finds some there sends
exactly these again, because the one before may have sent them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final

from forwarder.outbox import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["LEASE_SECONDS", "TIMEOUT_SECONDS", "Batch", "Door", "DoorLostError", "Doors"]

TIMEOUT_SECONDS: Final = 300
"""The timeout of the function that holds doors."""
_NO_KEY: Final = "#"  # DynamoDB has no empty sets
_MAX_KNOCK: Final = 10  # the index has the others a moment later; an item has at most 400 KB
LEASE_SECONDS: Final = TIMEOUT_SECONDS + 60
"""How long a door is held: longer than the function can run, also if clocks differ by some seconds."""


class DoorLostError(Exception):
    """Another invocation holds the door now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The records of one message.

    Attributes:
        rule: the rule of the records.
        digests: the digests of their keys.
        sends: how often the message was sent without an answer that says whether it was accepted.
        is_plain: whether the message is sent as a short plain text, because the channel refused it.
    """

    rule: str
    digests: tuple[str, ...]
    sends: int = 0
    is_plain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The state of a channel.

    Attributes:
        channel: the name of the channel.
        owner: the invocation that holds the door; empty if none does.
        until_ms: until when it is held. All times are in ms since 1970.
        next_ms: when the next message may be sent.
        failing_since_ms: since when the channel does not accept messages; 0 if it does.
        tries: how often sending failed since then.
        closed: why the channel is closed until somebody mends it; empty if it is not.
        others_told: whether the other channels were told that it is closed.
        batch: the records of the message that is about to be sent, or was.
        paced: until when each rule that was told a moment ago waits, by rule.
        suspects: the digests of records that were refused, by rule, since the channel accepted another.
        doubted: the digests of records that were refused, by rule, before the channel accepted another.
        uncertain: the digests of records, by rule, that were sent in a message that was never answered and
            that is sent in parts now.
    """

    channel: str
    owner: str = ""
    until_ms: int = 0
    next_ms: int = 0
    failing_since_ms: int = 0
    tries: int = 0
    closed: str = ""
    others_told: bool = False
    batch: Batch | None = None
    paced: dict[str, int] = field(default_factory=dict)
    suspects: dict[str, list[str]] = field(default_factory=dict)
    doubted: dict[str, list[str]] = field(default_factory=dict)
    uncertain: dict[str, list[str]] = field(default_factory=dict)

    def keys(self, batch: Batch) -> list[Key]:
        """Return the keys of the records of a batch."""
        return [Key(batch.rule, self.channel, digest) for digest in batch.digests]


class Doors:
    """Takes, changes and releases doors."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def look(self, channel: str) -> Door:
        """Return the state of a channel, without holding its door."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_id(channel), ConsistentRead=True
        )
        return _door(channel, answer.get("Item", {}))

    def take(
        self, channel: str, keys: Sequence[Key], *, owner: str, now_ms: int
    ) -> tuple[Door, list[Key]] | None:
        """Take a door; if another owner holds it, knock with the keys, and return None.

        The one who holds a door gets the keys before releasing it. An invocation may be delivered twice
        at once, so each needs an owner of its own.

        Returns:
            The door, and the keys with those of earlier knocks.
        """
        while True:
            try:
                answer = self._dynamodb.update_item(
                    TableName=self._table,
                    Key=_id(channel),
                    UpdateExpression="SET #owner = :owner, until_ms = :until REMOVE knock",
                    ConditionExpression=(
                        "attribute_not_exists(#owner) OR until_ms < :now OR #owner = :owner"
                    ),
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={
                        ":owner": {"S": owner},
                        ":now": {"N": str(now_ms)},
                        ":until": {"N": str(now_ms + LEASE_SECONDS * 1000)},
                    },
                    ReturnValues="ALL_OLD",
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                if self._knock(channel, keys):
                    return None
            else:
                before = answer.get("Attributes", {})
                door = replace(_door(channel, before), owner=owner)
                return door, list(dict.fromkeys([*keys, *_knocked(before)]))

    def _knock(self, channel: str, keys: Sequence[Key]) -> bool:
        """Knock with keys; return whether somebody holds the door, who will get them."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_id(channel),
                UpdateExpression="ADD knock :keys",
                ConditionExpression="attribute_exists(#owner)",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={
                    ":keys": {"SS": [str(key) for key in keys[:_MAX_KNOCK]] or [_NO_KEY]}
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def write(self, door: Door, **changes: Any) -> Door:
        """Change the state of a door that this invocation holds; return the new state.

        Raises:
            DoorLostError: it does not hold the door any more.
        """
        new = replace(door, **changes)
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_id(door.channel),
                UpdateExpression="SET #state = :state, next_ms = :next",
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner", "#state": "state"},
                ExpressionAttributeValues={
                    ":owner": {"S": door.owner},
                    ":state": {"S": _state(new)},
                    ":next": {"N": str(new.next_ms)},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise DoorLostError(f"the door of {door.channel!r} is held by another one") from error
        return new

    def release(self, door: Door) -> list[Key] | None:
        """Release a door; if somebody knocked meanwhile, keep it and return the keys, else return None.

        Raises:
            DoorLostError: this invocation does not hold the door any more.
        """
        own = "#owner = :owner"
        if (
            self._update_own(
                door, "REMOVE #owner, until_ms", f"{own} AND attribute_not_exists(knock)"
            )
            is not None
        ):
            return None
        before = self._update_own(door, "REMOVE knock", own)
        if before is None:
            raise DoorLostError(f"the door of {door.channel!r} is held by another one")
        return _knocked(before)

    def leave(self, door: Door) -> None:
        """Release a door that is to be taken later, also if somebody knocked; do nothing if it is held by another."""
        self._update_own(door, "REMOVE #owner, until_ms, knock", "#owner = :owner")

    def _update_own(self, door: Door, update: str, condition: str) -> Any:
        """Update a door; return the attributes that it changed as they were, or None if it is not held."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=_id(door.channel),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":owner": {"S": door.owner}},
                ReturnValues="UPDATED_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return None
        return answer.get("Attributes", {})


def _knocked(item: Any) -> list[Key]:
    texts = item.get("knock", {}).get("SS", [])
    return [Key.parse(text) for text in sorted(texts) if text != _NO_KEY]


def _id(channel: str) -> dict[str, Any]:
    return {"id": {"S": f"door#{channel}"}}


def _state(door: Door) -> str:
    batch = door.batch
    return json.dumps({
        "failing_since_ms": door.failing_since_ms,
        "tries": door.tries,
        "closed": door.closed,
        "others_told": door.others_told,
        "paced": door.paced,
        "suspects": door.suspects,
        "doubted": door.doubted,
        "uncertain": door.uncertain,
        "batch": None if batch is None else {
            "rule": batch.rule, "digests": batch.digests, "sends": batch.sends,
            "is_plain": batch.is_plain,
        },
    })  # fmt: skip


def _door(channel: str, item: Any) -> Door:
    state = json.loads(item["state"]["S"]) if "state" in item else {}
    batch = state.pop("batch", None)
    if batch is not None:
        batch = Batch(**_known(Batch, batch) | {"digests": tuple(batch["digests"])})
    return Door(
        channel=channel,
        owner=item.get("owner", {}).get("S", ""),
        until_ms=int(item.get("until_ms", {}).get("N", 0)),
        next_ms=int(item.get("next_ms", {}).get("N", 0)),
        batch=batch,
        **_known(Door, state),
    )


def _known(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the fields that this version of the code knows."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in given.items() if name in names}
