"""The matcher: puts the items of matched records into the outbox, counts thresholds, and wakes the tellers.

It never sends, so a slow channel does not delay it. It returns only after all items are in the outbox; after
an exception, Lambda invokes it again with the same records, and finally keeps them in the dead-letter queue.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from audit_rules import AuditConfig, Rule
from forwarder.notification import Reason
from forwarder.outbox import NOTICE, Item, Key, Outbox, State
from forwarder.stages.match import WatchedSince, matched_items
from forwarder.stages.read import FoundRecord, record_digest

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["MAX_WAKING_KEYS", "Matcher", "Waker"]

_ITEMS_AT_ONCE: Final = 400
MAX_WAKING_KEYS: Final = 100
# What was counted while the index lagged is counted again until it is as old as this.
_RECOUNT_MS: Final = 10 * 60_000
# For how long after its window a record is counted, because others may come late.
_LATE_MS: Final = 60 * 60_000


class Waker:
    """Invokes the teller for a channel, asynchronously."""

    def __init__(self, *, lambda_client: "LambdaClient", function: str) -> None:
        self._lambda = lambda_client
        self._function = function

    def wake(self, channel: str, keys: Sequence[Key] = ()) -> bool:
        """Wake the teller of a channel with up to 100 keys; return whether that succeeded.

        If it did not, the teller finds the items itself within a minute.
        """
        event = {"channel": channel, "keys": [str(key) for key in keys[:MAX_WAKING_KEYS]]}
        try:
            self._lambda.invoke(
                FunctionName=self._function,
                InvocationType="Event",
                Payload=json.dumps(event).encode(),
            )
        except Exception as error:  # noqa: BLE001 - no error may keep a record out of the outbox
            print(json.dumps({"wake": channel, "error": type(error).__name__}))  # noqa: T201
            return False
        return True


class Matcher:
    """Puts items into the outbox for the records that rules match."""

    def __init__(
        self,
        *,
        config: AuditConfig,
        outbox: Outbox,
        wake: Callable[[str, Sequence[Key]], object],
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self._config = config
        self._outbox = outbox
        self._wake = wake
        self._now_ms = now_ms

    def match(
        self,
        records: Sequence[FoundRecord],
        *,
        reason: Reason,
        rules: Iterable[Rule] | None = None,
        since: WatchedSince | None = None,
        selected: bool = False,
    ) -> Counter[str]:
        """Put the items of records, count the thresholds of their rules, and wake the tellers.

        Args:
            records: the records.
            reason: why they are told.
            rules: the rules that are evaluated; None for all.
            since: since when rules watch their channels; None if all records arrived just now.
            selected: whether the patterns of `rules` are known to select all the records.

        Returns:
            The number of items by their state now.

        Raises:
            botocore.exceptions.ClientError: a call failed; all records have to be matched again.
        """
        rules = self._config.rules if rules is None else tuple(rules)
        items = matched_items(
            rules,
            records,
            reason=reason,
            now_ms=self._now_ms(),
            since=since or {},
            selected_by={rule.id for rule in rules} if selected else (),
        )
        states: Counter[str] = Counter()
        woken: set[str] = set()
        later: dict[str, list[Key]] = defaultdict(list)
        for part in _parts(items):
            stored = self._outbox.put(part)
            waiting = [item.key for item in stored.values() if item.state is State.WAITING]
            waiting += self._count(stored.values())
            states[State.WAITING] += len(waiting)
            others = stored.keys() - set(waiting)
            states.update(stored[key].state for key in others)
            for channel, keys in _by_channel(waiting).items():
                if channel in woken:
                    later[channel] += keys
                else:  # the first ones are told while the others are put
                    woken.add(channel)
                    self._wake(channel, keys)
        for channel, keys in later.items():
            self._wake(channel, keys[-MAX_WAKING_KEYS:])
        return states

    def notice(self, channels: Iterable[str], text: str, *, reason: Reason, id_: str) -> None:
        """Put a notice that is not about a record for some channels, once for each `id_`, and wake them.

        Raises:
            botocore.exceptions.ClientError: a call failed.
        """
        now_ms = self._now_ms()
        items = [
            Item(
                key=Key(NOTICE, channel, record_digest(id_)),
                state=State.WAITING,
                at_ms=now_ms,
                arrived_ms=now_ms,
                line=text,
                why=reason.name,
            )
            for channel in channels
        ]
        for item in self._outbox.put(items).values():
            if item.state is State.WAITING:
                self._wake(item.key.channel, [item.key])

    def count_again(self) -> Counter[str]:
        """Count the items below a threshold again that were put a moment ago, and end the old ones.

        The index of counted items lags, so two matchers at the same moment may not see each other's items.
        """
        now_ms = self._now_ms()
        states: Counter[str] = Counter()
        for rule in self._config.rules:
            ends_ms = now_ms - rule.window_minutes * 60_000 - _LATE_MS
            old = list(self._outbox.counting(rule.id, 0, ends_ms))
            recent = self._outbox.counting(rule.id, now_ms - _RECOUNT_MS, now_ms + _LATE_MS)
            promoted = self._count(self._outbox.read([*old, *recent]).values())
            states[State.WAITING] += len(promoted)
            for key in old:  # except those that were just promoted
                states[State.BELOW] += self._outbox.give_up_counting(key, now_ms=now_ms)
            for channel, keys in _by_channel(promoted).items():
                self._wake(channel, keys)
        return states

    def _count(self, items: Iterable[Item]) -> list[Key]:
        """Promote the items, and their neighbours, that reach the threshold of their rule."""
        rules = {rule.id: rule for rule in self._config.rules}
        groups: dict[tuple[str, str], dict[Key, Item]] = defaultdict(dict)
        for item in items:
            if item.threshold and item.key.rule in rules:
                groups[item.key.rule, item.key.channel][item.key] = item
        promoted: list[Key] = []
        for (rule_id, _), group in groups.items():
            promoted += self._count_group(rules[rule_id], group)
        return promoted

    def _count_group(self, rule: Rule, group: dict[Key, Item]) -> list[Key]:
        """Promote the items of one rule and channel, and those of earlier deliveries near them.

        More than `threshold - 1` records on each side cannot change anything: they reach it without these.
        """
        channel = next(iter(group)).channel
        times = {key: item.at_ms for key, item in group.items()}
        window_ms, most = rule.window_minutes * 60_000, rule.threshold - 1
        for first, last in _clusters(sorted(times.values()), window_ms):
            for begin, end, limit in (
                (first, last, 0),
                (first - 1, first - window_ms + 1, most),
                (last + 1, last + window_ms - 1, most),
            ):
                times = self._outbox.counted(rule.id, channel, begin, end, limit) | times
        reached = _reaching(rule, times)
        items = self._outbox.read(key for key in reached if key not in group) | group
        below = {State.COUNTING, State.BELOW}
        return self._outbox.promote(
            {key: times[key] for key in reached if key in items and items[key].state in below}
        )


def _clusters(times_ms: Sequence[int], window_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last time of each group of times that are less than a window apart."""
    first = last = times_ms[0]
    for time_ms in times_ms[1:]:
        if time_ms - last >= window_ms:
            yield first, last
            first = time_ms
        last = time_ms
    yield first, last


def _reaching(rule: Rule, times: dict[Key, int]) -> list[Key]:
    ordered = sorted(times, key=lambda key: times[key])
    return [ordered[at] for at in rule.reaching([times[key] for key in ordered])]


def _by_channel(keys: Iterable[Key]) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = defaultdict(list)
    for key in keys:
        found[key.channel].append(key)
    return found


def _parts(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Yield the items in lists; the first is short, so that its records are told at once."""
    part: list[Item] = []
    size = MAX_WAKING_KEYS
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part, size = [], _ITEMS_AT_ONCE
    if part:
        yield part
