"""The outbox in DynamoDB: which record is to be told to which channel, and what became of it.

An item stands for one record, rule and channel. It is put once, when the record is matched, and changes its
state afterwards. Only the items that wait are in the index `waiting`, and only the items of rules with a
threshold in the index `counted`; both are eventually consistent and contain keys only, so a state is always
read from the table.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["NOTICE", "Item", "Key", "Outbox", "State"]

Given = TypeVar("Given")
Result = TypeVar("Result")

VERSION: Final = "1"
RETENTION_SECONDS: Final = 90 * 24 * 3600
MAX_LINE_BYTES: Final = 200_000
NOTICE: Final = "_notice"
"""Stands for the rule in items that are no records, such as a message to the trail; no rule has this id."""
_WAITING_INDEX: Final = "waiting"
_COUNTED_INDEX: Final = "counted"
_COUNTING: Final = "#counting"  # no name of a channel
_MAX_BATCH_GET: Final = 100
_MAX_PAGE: Final = 1000
_SHORT_LINE: Final = 1000
_CALLS_AT_ONCE: Final = 8


class State(StrEnum):
    """The state of an item.

    `COUNTING` waits for the threshold of its rule and ends as `BELOW`; `WAITING` is to be told; `TOLD` was
    sent. `IMMATERIAL` does not fulfil the rule's further conditions, `MUTED` was dropped by somebody, `BEFORE`
    came before the rule watched the channel. The channel accepts other messages than a `REFUSED` one. An
    `UNSURE` one was sent again and again, and never answered.
    """

    COUNTING = "counting"
    BELOW = "below"
    WAITING = "waiting"
    TOLD = "told"
    IMMATERIAL = "immaterial"
    MUTED = "muted"
    BEFORE = "before"
    REFUSED = "refused"
    UNSURE = "unsure"


_COUNTED: Final = frozenset({State.COUNTING, State.BELOW, State.WAITING, State.TOLD})
_ENDED: Final = frozenset(State) - {State.COUNTING, State.WAITING}


@dataclass(frozen=True, slots=True)
class Key:
    """The key of an item: the rule, the channel, and the digest of the record."""

    rule: str
    channel: str
    digest: str

    def __str__(self) -> str:
        return f"{self.rule}#{self.channel}#{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Return the key of a text; neither a rule nor a channel contains `#`.

        Raises:
            ValueError: the text is not a key.
        """
        rule, channel, digest = text.split("#")
        return cls(rule, channel, digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item of the outbox.

    Attributes:
        key: its key.
        state: its state.
        at_ms: the timestamp of the record, in ms since 1970.
        arrived_ms: when it was put into the outbox, in ms since 1970.
        line: the log line; empty once it was told.
        why: the name of the `Reason` for which it is told.
        threshold: whether the rule has a threshold, so that the item counts.
        problem: why it was refused, or is unsure.
        perhaps_sent: whether it was in a message that was never answered.
    """

    key: Key
    state: State
    at_ms: int
    arrived_ms: int
    line: str = ""
    why: str = ""
    threshold: bool = False
    problem: str = ""
    perhaps_sent: bool = False

    def to_dynamodb(self) -> dict[str, Any]:
        """Return the attributes of the item in DynamoDB."""
        item: dict[str, Any] = {
            "id": {"S": str(self.key)},
            "version": {"S": VERSION},
            "state": {"S": self.state},
            "at": {"N": str(self.at_ms)},
            "arrived": {"N": str(self.arrived_ms)},
            "line": {"S": kept_line(self.line)},
            "why": {"S": self.why},
        }
        if self.perhaps_sent:
            item["perhaps_sent"] = {"BOOL": True}
        if self.threshold and self.state in _COUNTED:
            item["counts"] = {"S": _counts(self.key.rule, self.key.channel)}
        if self.state is State.WAITING:
            item["waits"] = {"S": self.key.channel}
            item["place"] = {"S": _place(self.key.rule, self.at_ms)}
        elif self.state is State.COUNTING:
            item["waits"] = {"S": _COUNTING}
            item["place"] = {"S": _place(self.key.rule, self.arrived_ms)}
        elif self.state in _ENDED:
            item["expires_at"] = {"N": str(self.arrived_ms // 1000 + RETENTION_SECONDS)}
        return item

    @classmethod
    def from_dynamodb(cls, item: Mapping[str, Any]) -> "Item":
        """Return the item of attributes in DynamoDB.

        Raises:
            KeyError, ValueError: the item has a version that this code does not know.
        """
        if item["version"]["S"] != VERSION:
            raise ValueError(f"the item {item['id']['S']} has the version {item['version']['S']}")
        return cls(
            key=Key.parse(item["id"]["S"]),
            state=State(item["state"]["S"]),
            at_ms=int(item["at"]["N"]),
            arrived_ms=int(item["arrived"]["N"]),
            line=item.get("line", {}).get("S", ""),
            why=item.get("why", {}).get("S", ""),
            threshold="counts" in item,
            problem=item.get("problem", {}).get("S", ""),
            perhaps_sent="perhaps_sent" in item,
        )


class Outbox:
    """Reads and changes the items of the outbox table, with several calls at once."""

    def __init__(
        self, *, dynamodb: "DynamoDBClient", table: str, calls_at_once: int = _CALLS_AT_ONCE
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._calls_at_once = calls_at_once

    def read(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items of some keys, read consistently; those that do not exist are missing.

        An item of another version is missing too.
        """
        ids = list(dict.fromkeys(map(str, keys)))
        found: dict[Key, Item] = {}
        parts = [ids[at : at + _MAX_BATCH_GET] for at in range(0, len(ids), _MAX_BATCH_GET)]
        for part in self._at_once(self._read_part, parts):
            for each in part:
                if each.get("version", {}).get("S") == VERSION:
                    item = Item.from_dynamodb(each)
                    found[item.key] = item
        return found

    def _read_part(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        wanted: Any = {
            self._table: {"Keys": [{"id": {"S": each}} for each in ids], "ConsistentRead": True}
        }
        found: list[Mapping[str, Any]] = []
        while wanted:
            answer = self._dynamodb.batch_get_item(RequestItems=wanted)
            found += answer["Responses"].get(self._table, [])
            wanted = answer.get("UnprocessedKeys")
        return found

    def _at_once(self, call: Callable[[Given], Result], given: Sequence[Given]) -> list[Result]:
        """Call a function for each value, several at once; return the results in order."""
        workers = min(self._calls_at_once, len(given))
        if workers <= 1:
            return [call(each) for each in given]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(call, given))

    def put(self, items: Sequence[Item]) -> dict[Key, Item]:
        """Put the items that do not exist yet; return all of them as they are stored now.

        Existing ones are looked up first, so that a large delivery that is tried again gets further.
        """
        present = self.read(item.key for item in items)
        new = [item for item in items if item.key not in present]
        accepted = self._at_once(self._put_new, new)
        late = self.read(item.key for item, own in zip(new, accepted, strict=True) if not own)
        return {item.key: item for item in items} | present | late

    def _put_new(self, item: Item) -> bool:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item.to_dynamodb(),
                ConditionExpression="attribute_not_exists(id)",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except ClientError as error:  # an item that is too large must not stop the others
            if error.response["Error"]["Code"] != "ValidationException" or not item.line:
                raise
            return self._put_new(
                replace(item, line=item.line[:_SHORT_LINE] if len(item.line) > _SHORT_LINE else "")
            )
        return True

    def promote(self, moments: Mapping[Key, int]) -> list[Key]:
        """Let counting items wait, because the threshold of their rule is reached.

        Args:
            moments: the timestamps in ms since 1970, by key; items in another state are left.

        Returns:
            The keys of the items that wait from now on.
        """
        keys = list(moments)
        changed = self._at_once(lambda key: self._promote(key, moments[key]), keys)
        return [key for key, done in zip(keys, changed, strict=True) if done]

    def _promote(self, key: Key, at_ms: int) -> bool:
        return self._update(
            key,
            "SET #state = :waiting, waits = :channel, place = :place REMOVE expires_at",
            "#state = :counting OR #state = :below",
            {
                ":waiting": {"S": State.WAITING},
                ":counting": {"S": State.COUNTING},
                ":below": {"S": State.BELOW},
                ":channel": {"S": key.channel},
                ":place": {"S": _place(key.rule, at_ms)},
            },
        )

    def end(self, keys: Sequence[Key], state: State, *, now_ms: int, about: str = "") -> list[Key]:
        """Set the end state of waiting items; return the keys of those that were waiting.

        `about` is the id of the message, or the reason. The line is removed, except that of a refused one;
        the item expires after 90 days.
        """
        drop = "" if state in {State.REFUSED, State.UNSURE} else ", line"
        values = {
            ":ended": {"S": state},
            ":waiting": {"S": State.WAITING},
            ":now": {"N": str(now_ms)},
            ":about": {"S": about},
            ":expires": {"N": str(now_ms // 1000 + RETENTION_SECONDS)},
        }
        changed = self._at_once(
            lambda key: self._update(
                key,
                "SET #state = :ended, ended = :now, problem = :about, expires_at = :expires"
                f" REMOVE waits, place{drop}",
                "#state = :waiting",
                values,
            ),
            keys,
        )
        return [key for key, done in zip(keys, changed, strict=True) if done]

    def give_up_counting(self, key: Key, *, now_ms: int) -> bool:
        """End a counting item as `BELOW`; return whether it was counting."""
        return self._update(
            key,
            "SET #state = :below, expires_at = :expires REMOVE waits, place",
            "#state = :counting",
            {
                ":below": {"S": State.BELOW},
                ":counting": {"S": State.COUNTING},
                ":expires": {"N": str(now_ms // 1000 + RETENTION_SECONDS)},
            },
        )

    def _update(self, key: Key, update: str, condition: str, values: Any) -> bool:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": str(key)}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=values,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def waiting(
        self, channel: str, skip: Callable[[str], bool], limit: int
    ) -> dict[str, list[Key]]:
        """Return the keys that wait for a channel by rule, at most `limit` each, the oldest first.

        The index may miss what was put a moment ago, and contain what was told a moment ago.

        Args:
            channel: the name of the channel.
            skip: whether a rule is skipped; its items are then not read.
            limit: the maximum number for each rule.
        """
        found: dict[str, list[Key]] = {}
        after: str | None = " "
        while after is not None:
            first, after = after, None
            for key in self._index(channel, first, "~", limit):
                is_skipped = key.rule not in found and skip(key.rule)
                if is_skipped or len(keys := found.setdefault(key.rule, [])) >= limit:
                    after = f"{key.rule}$"  # `$` follows `#`: on to the next rule
                    break
                keys.append(key)
        return found

    def counting(self, rule: str, since_ms: int, until_ms: int) -> Iterator[Key]:
        """Yield the keys of a rule that are counting, and were put between two times in ms since 1970."""
        yield from self._index(_COUNTING, _place(rule, since_ms), _place(rule, until_ms), _MAX_PAGE)

    def _index(self, waits: str, first: str, last: str, page_size: int) -> Iterator[Key]:
        values = {":waits": {"S": waits}, ":first": {"S": first}, ":last": {"S": last}}
        for each in self._query(
            Limit=page_size,
            IndexName=_WAITING_INDEX,
            KeyConditionExpression="waits = :waits AND place BETWEEN :first AND :last",
            ExpressionAttributeValues=values,
        ):
            yield Key.parse(each["id"]["S"])

    def _query(self, **query: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a query, of as many pages as the caller reads."""
        start: dict[str, Any] = {}
        while True:
            answer = self._dynamodb.query(TableName=self._table, **query, **start)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def counted(
        self, rule: str, channel: str, first_ms: int, last_ms: int, limit: int = 0
    ) -> dict[Key, int]:
        """Return the timestamps, by key, of the counted records of a rule and channel between two times.

        All times are in ms since 1970. If the first time is after the last one, the order is descending.

        Args:
            rule: the id of the rule.
            channel: the name of the channel.
            first_ms: where to begin.
            last_ms: where to end.
            limit: the maximum number; 0 for all.
        """
        found = self._query(
            Limit=limit or _MAX_PAGE,
            IndexName=_COUNTED_INDEX,
            KeyConditionExpression="counts = :counts AND #at BETWEEN :first AND :last",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={
                ":counts": {"S": _counts(rule, channel)},
                ":first": {"N": str(min(first_ms, last_ms))},
                ":last": {"N": str(max(first_ms, last_ms))},
            },
            ScanIndexForward=first_ms <= last_ms,
        )
        wanted = islice(found, limit) if limit else found
        return {Key.parse(each["id"]["S"]): int(each["at"]["N"]) for each in wanted}


def kept_line(line: str) -> str:
    """Return a line; one over 200,000 bytes without its largest members, which `left_out` names.

    The whole line stands in the audit log group.
    """
    if len(line.encode("utf-8", "replace")) <= MAX_LINE_BYTES:
        return line
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return line.encode("utf-8", "replace")[:MAX_LINE_BYTES].decode("utf-8", "ignore")
    sizes = {name: len(json.dumps({name: item})) for name, item in fields.items()}
    left_out: list[str] = []
    while sum(sizes.values()) > MAX_LINE_BYTES // 2 and sizes:
        largest = max(sizes, key=lambda name: sizes[name])
        del sizes[largest]
        left_out.append(largest[:100])
    return json.dumps({name: fields[name] for name in sizes} | {"left_out": left_out[:100]})


def _place(rule: str, at_ms: int) -> str:
    return f"{rule}#{max(at_ms, 0):015d}"


def _counts(rule: str, channel: str) -> str:
    return f"{rule}#{channel}"
