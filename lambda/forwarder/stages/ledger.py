"""The ledger in DynamoDB: stores what was sent, so that no record is sent again to the same channel.

An item stands for one record, rule and channel. It is claimed before it is sent and marked afterwards. A
claim belongs to one invocation, identified by its request id, which Lambda's retries share: they can claim
the same items again at once, another invocation only after 6 minutes. An item that was sent but not marked,
because the function stopped in between, is sent twice rather than never. Items expire after 90 days.
"""

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Decision", "Ledger"]

LEASE_SECONDS: Final = 6 * 60  # longer than the timeout of the function
RETENTION_SECONDS: Final = 90 * 24 * 3600


class Decision(StrEnum):
    """The decision about a record; invocations log the number of each."""

    TOLD = "told"
    ALREADY_TOLD = "already_told"
    IN_PROGRESS = "in_progress"
    BELOW_THRESHOLD = "below_threshold"
    HELD = "held"  # in the rule's quiet hours; counted once per trigger
    IMMATERIAL = "immaterial"  # matches the pattern, but not the further conditions
    FAILED = "failed"


class Ledger:
    """Reads and writes the ledger table: partition key `id`, time to live (TTL) attribute `expires_at`."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def claim(self, key: str, *, owner: str, now_ms: int) -> Decision:
        """Claim an item for 6 minutes, so that no other invocation sends it.

        Args:
            key: the key of the item.
            owner: the request id of the invocation.
            now_ms: the current time, in milliseconds since 1970.

        Returns:
            `TOLD` if the claim succeeded, `ALREADY_TOLD` if the item was sent, `IN_PROGRESS` if it is
            claimed by another owner and that claim has not expired.
        """
        now = now_ms // 1000
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": key},
                    "state": {"S": "claimed"},
                    "owner": {"S": owner},
                    "lease_until": {"N": str(now + LEASE_SECONDS)},
                    "expires_at": {"N": str(now + RETENTION_SECONDS)},
                },
                ConditionExpression="attribute_not_exists(id) OR"
                " (#state = :claimed AND (#owner = :owner OR lease_until < :now))",
                ExpressionAttributeNames={"#state": "state", "#owner": "owner"},
                ExpressionAttributeValues={
                    ":claimed": {"S": "claimed"},
                    ":owner": {"S": owner},
                    ":now": {"N": str(now)},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return self._reason_not_claimed(key)
        return Decision.TOLD

    def mark_told(self, key: str, *, now_ms: int) -> None:
        """Mark an item as sent, for 90 days."""
        now = now_ms // 1000
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": key},
                "state": {"S": "told"},
                "told_at": {"N": str(now)},
                "expires_at": {"N": str(now + RETENTION_SECONDS)},
            },
        )

    def release(self, key: str) -> None:
        """Delete the claim on an item that was not sent, so that any invocation can claim it again."""
        self._dynamodb.delete_item(TableName=self._table, Key={"id": {"S": key}})

    def read_until(self, rule_id: str) -> int:
        """Return the time, in ms since 1970, until which a rule's records are settled; 0 if not stored."""
        return self._moment(f"read#{rule_id}", "until_ms")

    def note_read(self, rule_id: str, until_ms: int) -> None:
        """Store the time, in ms since 1970, until which a rule's records are settled (read and sent)."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": f"read#{rule_id}"},
                "until_ms": {"N": str(until_ms)},
                "expires_at": {"N": str(until_ms // 1000 + RETENTION_SECONDS)},
            },
        )

    def hold(self, rule_id: str, since_ms: int) -> None:
        """Store the time, in ms since 1970, since which a rule's records are held; a stored time is kept."""
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": f"held#{rule_id}"},
                    "since_ms": {"N": str(since_ms)},
                    "expires_at": {"N": str(since_ms // 1000 + RETENTION_SECONDS)},
                },
                ConditionExpression="attribute_not_exists(id)",
            )

    def held_since(self, rule_id: str) -> int:
        """Return the time, in ms since 1970, since which a rule's records are held; 0 if none are held."""
        return self._moment(f"held#{rule_id}", "since_ms")

    def release_hold(self, rule_id: str) -> None:
        """Delete the hold of a rule, after the held records were sent."""
        self.release(f"held#{rule_id}")

    def _moment(self, id_: str, attribute: str) -> int:
        item = self._item(id_)
        return int(item[attribute]["N"]) if attribute in item else 0

    def _item(self, id_: str) -> Mapping[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": id_}}, ConsistentRead=True
        )
        return answer.get("Item", {})

    def _reason_not_claimed(self, key: str) -> Decision:
        told = self._item(key).get("state", {}).get("S") == "told"
        return Decision.ALREADY_TOLD if told else Decision.IN_PROGRESS
