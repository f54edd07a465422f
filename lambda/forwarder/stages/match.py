"""The match stage: decides for each record, rule and channel which item the outbox gets. It calls no service."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from audit_rules import FilterPattern, Rule
from forwarder.notification import Reason
from forwarder.outbox import Item, Key, State
from forwarder.stages.read import FoundRecord

__all__ = ["WatchedSince", "matched_items"]

WatchedSince = dict[tuple[str, str], int]
"""Since when a rule watches a channel, in ms since 1970, by rule and channel."""


def matched_items(  # noqa: PLR0913 - what an item consists of
    rules: Iterable[Rule],
    records: Sequence[FoundRecord],
    *,
    reason: Reason,
    now_ms: int,
    since: WatchedSince,
    selected_by: Collection[str] = (),
) -> Iterator[Item]:
    """Yield the items for the rules that match records, one for each of a rule's channels.

    A record that is known to be ingested before its rule watched the channel is `BEFORE`; one that does not
    fulfil the further conditions is `IMMATERIAL`. Any other one is `WAITING`, or `COUNTING` if the rule has
    a threshold.

    Args:
        rules: the rules.
        records: the records.
        reason: why they are told.
        now_ms: the current time in ms since 1970.
        since: since when the rules watch their channels.
        selected_by: the rules whose patterns are known to select all these records.
    """
    read = [(record, FilterPattern.read(record.line)) for record in records]
    for rule in rules:
        for record, event in read:
            if rule.id not in selected_by and not rule.pattern.matches(event):
                continue
            for channel in rule.channels:
                yield Item(
                    key=Key(rule.id, channel, record.key),
                    state=_state(rule, record, since.get((rule.id, channel), 0)),
                    at_ms=record.timestamp_ms,
                    arrived_ms=now_ms,
                    line=record.line,
                    why=reason.name,
                    threshold=rule.threshold > 1,
                )


def _state(rule: Rule, record: FoundRecord, since_ms: int) -> State:
    if not rule.applies_to(record.fields):
        return State.IMMATERIAL
    if record.ingested_ms is not None and record.ingested_ms < since_ms:
        return State.BEFORE
    return State.COUNTING if rule.threshold > 1 else State.WAITING
