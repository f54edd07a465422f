"""Sends audit records to a DynamoDB table, and reads them by record, by user, or by action and day.

The attributes of an item:

    record  (partition key)  <record type>#<record id>, or #<action>#<day> of an event about no record
    at      (sort key)       <@timestamp>#<event.id>: the order of the events
    actor   (index by_actor) user.id
    line                     the record, byte for byte, with its proof
    action, outcome          of the event
    fields                   the changed fields as dotted paths, at most 100, and as many as fit an item
    chain, sequence          the record's position in its hash chain
    expires                  when DynamoDB may delete the item, in seconds since 1970

A `record` or `actor` over 1,024 bytes is replaced by its SHA-256 hash. A record that is sent twice is one
item.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from time import sleep
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from audit_lib._configuration import get_config
from audit_lib._record.masking import Redactions
from audit_lib._record.plain import text_of

from ._batching import BatchingHandler
from ._checks import checked_count
from ._client import client_of
from ._entries import Limits, milliseconds_of
from ._errors import member_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["TABLE", "AuditTable", "DynamoDBHandler"]

_INDEX: Final = "by_actor"
_MAX_KEY_BYTES: Final = 1024
_ROUNDS: Final = 8
_DAY_SECONDS: Final = 24 * 60 * 60

TABLE: Final[dict[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("record", "at", "actor")
    ],
    "KeySchema": [
        {"AttributeName": "record", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": _INDEX,
            "KeySchema": [
                {"AttributeName": "actor", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
"""Arguments to create the table: `client.create_table(TableName=…, **TABLE)`.

Time to live is enabled separately, with the attribute `expires`.
"""


class DynamoDBHandler(BatchingHandler):
    """Writes each record as an item to a table with the keys and the index of `TABLE`.

    A call has at most 25 items; unprocessed items are sent again up to 7 times, with pauses from 0.05
    seconds that double. A line has at most 380,000 bytes, so that the item stays below 400 KB. It needs
    the permission `dynamodb:BatchWriteItem`.
    """

    kind = "DynamoDB table"
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
    # An item has 400 KB at most; the line leaves room for the other attributes.
    limits: ClassVar = Limits(events=25, batch_bytes=16_000_000, line_bytes=380_000)

    def __init__(  # noqa: PLR0913 - all but the table have a default
        self,
        table: str,
        *,
        keep_days: int | None = None,
        client: "Callable[[], DynamoDBClient] | None" = None,
        flush_interval: float = 0.5,
        queue_bytes: int = 16 * 1024 * 1024,
        retry_for: float = 30.0,
        spool_place: str | None = None,
    ) -> None:
        """Create a client; no call is made yet.

        Args:
            table: the table's name.
            keep_days: after how many days DynamoDB may delete an item. Default: never.
            client: creates the `dynamodb` client of a process. Default: boto3's client.
            flush_interval: how many seconds a record may wait, so that others are sent with it.
            queue_bytes: the size of the queue; when it is full, calls that write a record wait.
            retry_for: for how many seconds a temporary error is retried.
            spool_place: what distinguishes the spool from that of another destination with the same
                name, such as an account. Default: the region of the client.

        Raises:
            ConfigurationError: an argument has a wrong value.
            botocore.exceptions.BotoCoreError: the client cannot be created, for example without a
                region.
        """
        days = None if keep_days is None else checked_count("keep_days", keep_days)
        self._keep_seconds = None if days is None else days * _DAY_SECONDS
        super().__init__(
            table,
            client or client_of("dynamodb"),
            flush_interval=flush_interval,
            queue_bytes=queue_bytes,
            retry_for=retry_for,
            spool_place=spool_place,
            argument="table",
        )

    def _send(self, lines: Sequence[bytes]) -> None:
        client: DynamoDBClient = self._client
        items = {}
        for line in lines:
            item = _item(line, self._keep_seconds)
            items[item["record"]["S"], item["at"]["S"]] = item
        requests: Any = [{"PutRequest": {"Item": item}} for item in items.values()]
        for attempt in range(_ROUNDS):
            answer = client.batch_write_item(RequestItems={self.target: requests})
            requests = member_of(answer, "UnprocessedItems").get(self.target)
            if not requests:
                return
            sleep(0.05 * 2**attempt)
        raise TimeoutError(f"the table did not accept {len(requests)} of {len(items)} items")


class AuditTable:
    """Reads audit records from a table with the keys and the index of `TABLE`, as parsed JSON.

    It needs the permission `dynamodb:Query` on the table and its index. A time without a time zone is
    UTC; milliseconds are the finest unit.
    """

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self.table = table
        self._client: DynamoDBClient = client or client_of("dynamodb")()

    def history_of(
        self,
        record_type: str,
        record_id: object,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Return the audit records of a record, oldest first, in strongly consistent reads.

        Args:
            record_type: the record's type.
            record_id: the record's id: the value of the argument `record_id` of the verbs, under the
                masking rules of this process. None for the records without one.
            since: the first time, inclusive. Default: no limit.
            until: the last time, exclusive. Default: no limit.
        """
        masking = get_config().masking
        text = masking.text(record_id, ("changes", "record_id"), Redactions())
        key = "" if record_id is None or text is None else text
        return self._found("record", _record_key(text_of(record_type), key), since, until)

    def done_by(
        self, actor: object, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        """Return the audit records of a user, oldest first; the index is eventually consistent.

        Args:
            actor: the `user.id`.
            since: the first time, inclusive. Default: no limit.
            until: the last time, exclusive. Default: no limit.
        """
        return self._found("actor", _key(text_of(actor)), since, until)

    def happened(self, action: str, day: datetime) -> Iterator[dict[str, Any]]:
        """Return the audit records of an action that concern no record, such as `login`, on one day.

        Args:
            action: the `event.action`.
            day: the date, in UTC; the time of day is ignored.
        """
        return self._found("record", _event_key(action, f"{day:%Y-%m-%d}"), None, None)

    def _found(
        self, name: str, value: str, since: datetime | None, until: datetime | None
    ) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] = {
            "TableName": self.table,
            "KeyConditionExpression": "#key = :key AND #at BETWEEN :since AND :until",
            "ExpressionAttributeNames": {"#key": name, "#at": "at"},
            "ExpressionAttributeValues": {
                ":key": {"S": value},
                ":since": {"S": _moment(since) if since else "0"},
                ":until": {"S": _moment(until) if until else "A"},
            },
        }
        if name == "actor":
            query["IndexName"] = _INDEX
        else:
            query["ConsistentRead"] = True
        for page in self._client.get_paginator("query").paginate(**query):
            for item in page["Items"]:
                yield json.loads(item["line"]["S"])


def _item(line: bytes, keep_seconds: int | None) -> dict[str, Any]:
    """Return the DynamoDB item of a line; lines that are not JSON objects are accepted too."""
    text = line[:-1].decode("ascii")
    try:
        document = json.loads(text)
    except ValueError:
        document = {}
    at = milliseconds_of(line)
    event = _object(document, "event")
    changes = _object(document, "changes")
    chain = _object(document, "chain")
    moment = _moment(datetime.fromtimestamp(at / 1000, UTC))
    unique = str(event.get("id") or sha256(line).hexdigest())
    record_type = changes.get("record_type")
    action = str(event.get("action", ""))
    item: dict[str, Any] = {
        "record": {
            "S": _event_key(action, moment[:10])
            if record_type is None
            else _record_key(str(record_type), str(changes.get("record_id", "")))
        },
        "at": {"S": f"{moment}#{unique[:64]}"},
        "line": {"S": text},
    }
    actor = _object(document, "user").get("id")
    if actor is not None and actor != "":  # the key of an index is not empty
        item["actor"] = {"S": _key(text_of(actor))}
    for name, value in (("action", action), ("outcome", event.get("outcome"))):
        if value:
            item[name] = {"S": _cut(str(value))}
    room = _ITEM_BYTES - _OTHER_BYTES - len(text)
    if fields := _fields_within(_leaves(changes.get("fields"), ""), room):
        item["fields"] = {"SS": fields}
    if "id" in chain and "sequence" in chain:
        item["chain"] = {"S": str(chain["id"])}
        item["sequence"] = {"N": str(chain["sequence"])}
    if keep_seconds is not None:
        item["expires"] = {"N": str(at // 1000 + keep_seconds)}
    return item


_MAX_FIELDS: Final = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html: names count too
_ITEM_BYTES: Final = 400 * 1024
# All attributes but `line` and `fields`: four texts of 1,024 bytes, and short ones.
_OTHER_BYTES: Final = 5 * 1024


def _cut(text: str) -> str:
    """Return the first 1,024 bytes of a text in UTF-8, without a part of a character."""
    return text.encode("utf-8", "replace")[:_MAX_KEY_BYTES].decode("utf-8", "ignore")


def _fields_within(paths: set[str], room: int) -> list[str]:
    """Return the first 100 paths, in order; fewer if they have more bytes than an item has room for."""
    kept: list[str] = []
    for path in sorted(paths)[:_MAX_FIELDS]:
        room -= len(path.encode())
        if room < 0:
            break
        kept.append(path)
    return kept


def _object(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _leaves(fields: Any, path: str) -> set[str]:
    """Return the dotted paths of the innermost members of `changes.fields`."""
    if not isinstance(fields, dict):
        return {_cut(path)} if path else set()
    found: set[str] = set()
    for name, inner in fields.items():
        found |= _leaves(inner, f"{path}.{name}" if path else name)
    return found


def _record_key(record_type: str, record_id: str) -> str:
    # Quoted, so that another type and id cannot make the same key; no quoted type is `%`.
    return _key(f"{quote(record_type, safe='') or '%'}#{record_id}")


def _event_key(action: str, day: str) -> str:
    return _key(f"#{action}#{day}")


def _key(text: str) -> str:
    """Return a text as a key, or its SHA-256 hash if it is longer than 1,024 bytes."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= _MAX_KEY_BYTES:
        return encoded.decode()
    return f"sha256:{sha256(encoded).hexdigest()}"


def _moment(at: datetime) -> str:
    """Return a time in the format of the sort key; a time without a time zone is UTC."""
    utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"
