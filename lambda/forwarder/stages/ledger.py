"""The ledger of what was told: each record once per rule and channel.

An item is claimed before it is sent and marked afterwards. A claim belongs to one invocation, by
its request id, which Lambda's retries keep: they claim again what they had; another invocation
only after the lease. What was sent and then not marked, because the function died between the two,
is told twice rather than never.
"""

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Decision", "Ledger"]

LEASE_SECONDS: Final = 6 * 60  # longer than the function may run
KEPT_SECONDS: Final = 90 * 24 * 3600


class Decision(StrEnum):
    """What became of a record, for one channel."""

    TOLD = "told"
    ALREADY_TOLD = "already_told"
    IN_PROGRESS = "in_progress"
    BELOW_THRESHOLD = "below_threshold"
    HELD = "held"  # in the rule's quiet hours; counted once a wake-up
    IMMATERIAL = "immaterial"  # the pattern selects it, and the rest of the rule does not
    FAILED = "failed"


class Ledger:
    """The DynamoDB table; `id` is its key, `expires_at` its time to live."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def claim(self, key: str, *, owner: str, now_ms: int) -> Decision:
        """Claim the right to tell; TOLD means "go ahead"."""
        now = now_ms // 1000
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": key},
                    "state": {"S": "claimed"},
                    "owner": {"S": owner},
                    "lease_until": {"N": str(now + LEASE_SECONDS)},
                    "expires_at": {"N": str(now + KEPT_SECONDS)},
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
            return self._why_not(key)
        return Decision.TOLD

    def mark_told(self, key: str, *, now_ms: int) -> None:
        """Note that it was told."""
        now = now_ms // 1000
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": key},
                "state": {"S": "told"},
                "told_at": {"N": str(now)},
                "expires_at": {"N": str(now + KEPT_SECONDS)},
            },
        )

    def release(self, key: str) -> None:
        """Give a claim back that could not be used."""
        self._dynamodb.delete_item(TableName=self._table, Key={"id": {"S": key}})

    def read_until(self, rule_id: str) -> int:
        """Give until when a rule's records were read and settled, in ms since 1970; 0: never."""
        return self._moment(f"read#{rule_id}", "until_ms")

    def note_read(self, rule_id: str, until_ms: int) -> None:
        """Note until when a rule's records were read and settled."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "id": {"S": f"read#{rule_id}"},
                "until_ms": {"N": str(until_ms)},
                "expires_at": {"N": str(until_ms // 1000 + KEPT_SECONDS)},
            },
        )

    def hold(self, rule_id: str, since_ms: int) -> None:
        """Note that a rule has something to tell since then, and may not yet; the earliest stays."""
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": f"held#{rule_id}"},
                    "since_ms": {"N": str(since_ms)},
                    "expires_at": {"N": str(since_ms // 1000 + KEPT_SECONDS)},
                },
                ConditionExpression="attribute_not_exists(id)",
            )

    def held_since(self, rule_id: str) -> int:
        """Give since when a rule has something to tell, in ms since 1970; 0: it has nothing."""
        return self._moment(f"held#{rule_id}", "since_ms")

    def let_go(self, rule_id: str) -> None:
        """Forget that a rule had something to tell: it is told."""
        self.release(f"held#{rule_id}")

    def _moment(self, id_: str, attribute: str) -> int:
        item = self._item(id_)
        return int(item[attribute]["N"]) if attribute in item else 0

    def _item(self, id_: str) -> Mapping[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": id_}}, ConsistentRead=True
        )
        return answer.get("Item", {})

    def _why_not(self, key: str) -> Decision:
        told = self._item(key).get("state", {}).get("S") == "told"
        return Decision.ALREADY_TOLD if told else Decision.IN_PROGRESS
