"""DynamoDB in memory, as far as the forwarder uses it: conditions, updates, sets, and indexes that lag."""

import heapq
import re
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

ITEM_LIMIT = 400_000
_INDEXES = {"waiting": ("waits", "place"), "counted": ("counts", "at")}


class ConditionalCheckFailedException(Exception):
    """The condition of a write is not true."""


class ThrottlingException(Exception):
    """The call was not carried out."""


class FakeDynamoDB:
    """A client of one table.

    Args:
        before_call: called before each call with the operation; may raise an exception.
        now_ms: the time, for the lag of the indexes.
        lag_ms: how long a change takes to reach the indexes; called for each change.
    """

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)

    def __init__(
        self,
        *,
        before_call: Callable[[str], None] = lambda _: None,
        now_ms: Callable[[], int] = lambda: 0,
        lag_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self._before_call = before_call
        self._now_ms = now_ms
        self._lag_ms = lag_ms
        self._places: dict[tuple[str, Any], dict[str, Any]] = defaultdict(dict)
        """Of each index and partition: the sort keys, by the ids of the items."""
        self._indexed: dict[str, list[tuple[str, Any]]] = {}
        self._pending: list[tuple[int, int, str, dict[str, Any]]] = []
        self._reaches: dict[str, int] = {}
        self.writes = 0

    def put_item(self, *, Item: Any, ConditionExpression: str = "", **_: Any) -> Any:
        self._before_call("PutItem")
        id_ = Item["id"]["S"]
        self._check(ConditionExpression, self.items.get(id_, {}), {}, {})
        self._store(id_, dict(Item))
        return {}

    def get_item(self, *, Key: Any, ConsistentRead: bool, **_: Any) -> Any:
        assert ConsistentRead
        self._before_call("GetItem")
        found = self.items.get(Key["id"]["S"])
        return {"Item": dict(found)} if found else {}

    def batch_get_item(self, *, RequestItems: Any) -> Any:
        self._before_call("BatchGetItem")
        [(table, wanted)] = RequestItems.items()
        assert wanted["ConsistentRead"]
        ids = [key["id"]["S"] for key in wanted["Keys"]]
        assert 0 < len(ids) <= 100
        assert len(set(ids)) == len(ids)
        found = [dict(self.items[id_]) for id_ in ids if id_ in self.items]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def update_item(
        self,
        *,
        Key: Any,
        UpdateExpression: str,
        ConditionExpression: str,
        ExpressionAttributeNames: Any,
        ExpressionAttributeValues: Any,
        ReturnValues: str = "NONE",
        **_: Any,
    ) -> Any:
        self._before_call("UpdateItem")
        id_ = Key["id"]["S"]
        before = self.items.get(id_, {})
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        self._check(ConditionExpression, before, names, values)
        after, changed = _updated(before | {"id": {"S": id_}}, UpdateExpression, names, values)
        self._store(id_, after)
        if ReturnValues == "ALL_OLD":
            return {"Attributes": dict(before)} if before else {}
        if ReturnValues == "UPDATED_OLD":
            return {"Attributes": {name: before[name] for name in changed if name in before}}
        return {}

    def query(
        self,
        *,
        IndexName: str,
        KeyConditionExpression: str,
        ExpressionAttributeValues: Any,
        Limit: int,
        ScanIndexForward: bool = True,
        ExclusiveStartKey: Any = None,
        **_: Any,
    ) -> Any:
        self._before_call("Query")
        sort = _INDEXES[IndexName][1]
        wanted, first, last = (
            _plain(ExpressionAttributeValues[name])
            for name in re.findall(r":\w+", KeyConditionExpression)
        )
        self._settle()
        found = [
            (place, id_)
            for id_, place in self._places.get((IndexName, wanted), {}).items()
            if first <= place <= last
        ]
        found.sort(reverse=not ScanIndexForward)
        if ExclusiveStartKey:
            start = (_plain(ExclusiveStartKey[sort]), ExclusiveStartKey["id"]["S"])
            found = [each for each in found if (each > start) is ScanIndexForward]
        page = [
            {"id": {"S": id_}, sort: {"N": str(place)} if isinstance(place, int) else {"S": place}}
            for place, id_ in found[:Limit]
        ]
        more = {"LastEvaluatedKey": page[-1]} if len(found) >= Limit else {}
        return {"Items": page, **more}

    def _settle(self) -> None:
        """Let the changes whose lag is over reach the indexes."""
        while self._pending and self._pending[0][0] <= self._now_ms():
            _, _, id_, item = heapq.heappop(self._pending)
            for place in self._indexed.pop(id_, ()):
                del self._places[place][id_]
            for index, (partition, sort) in _INDEXES.items():
                if partition in item and sort in item:
                    place = index, _plain(item[partition])
                    self._places[place][id_] = _plain(item[sort])
                    self._indexed.setdefault(id_, []).append(place)

    def _store(self, id_: str, item: dict[str, Any]) -> None:
        assert len(item.get("line", {}).get("S", "")) < ITEM_LIMIT
        self.writes += 1
        self.items[id_] = item
        # Of one item, the changes reach the indexes in their order.
        at = max(self._now_ms() + self._lag_ms(), self._reaches.get(id_, 0))
        self._reaches[id_] = at
        heapq.heappush(self._pending, (at, self.writes, id_, item))

    @staticmethod
    def _check(expression: str, item: Any, names: Any, values: Any) -> None:
        if expression and not _holds(expression, item, names, values):
            raise ConditionalCheckFailedException


def _holds(expression: str, item: Any, names: Any, values: Any) -> bool:
    """Evaluate a condition of terms that OR and AND join; AND binds closer, and there are no parentheses."""
    return any(
        all(_term(term.strip(), item, names, values) for term in part.split(" AND "))
        for part in expression.split(" OR ")
    )


def _term(term: str, item: Any, names: Any, values: Any) -> bool:
    if found := re.fullmatch(r"attribute_(not_)?exists\((#?\w+)\)", term):
        return (names.get(found[2], found[2]) in item) is not bool(found[1])
    found = re.fullmatch(r"(#?\w+) (=|<) (:\w+)", term)
    assert found, term
    name = names.get(found[1], found[1])
    if name not in item:
        return False
    own, other = _plain(item[name]), _plain(values[found[3]])
    return own == other if found[2] == "=" else own < other


def _updated(item: Any, expression: str, names: Any, values: Any) -> tuple[Any, list[str]]:
    item, changed = dict(item), []
    for clause, text in re.findall(r"(SET|REMOVE|ADD) (.*?)(?= SET | REMOVE | ADD |$)", expression):
        for part in text.split(", "):
            words = part.split()
            name = names.get(words[0], words[0])
            changed.append(name)
            if clause == "SET":
                item[name] = values[words[2]]
            elif clause == "REMOVE":
                item.pop(name, None)
            else:
                known = item.get(name, {"SS": []})["SS"]
                item[name] = {"SS": sorted({*known, *values[words[1]]["SS"]})}
    return item, changed


def _plain(value: Any) -> Any:
    [(kind, inner)] = value.items()
    return int(inner) if kind == "N" else inner
