"""The match stage: decides for each record, rule and channel which item the outbox gets. It calls no service."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from audit_rules import FilterPattern, Rule, member
from forwarder.notification import Reason
from forwarder.outbox import Item, Key, State
from forwarder.stages.read import FoundRecord

__all__ = ["OWN_ACTION", "OWN_NAME", "WatchedSince", "matched_items", "own_word"]

OWN_NAME: Final = "audit_trail"
"""The name of the trail's own logger, whose records are about notifications."""
OWN_ACTION: Final = "notification-sent"
_CHAIN: Final = "audit-chain"

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

    The trail's own records, and those that open and seal a hash chain, are matched only by rules whose pattern
    contains `audit_trail` or `audit-chain`; else a rule for all records would tell people that they were told.

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
            word = own_word(record)
            if word and word not in rule.pattern.text:
                continue
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


def own_word(record: FoundRecord) -> str:
    """Return the word that a rule's pattern must contain to match a record that nobody's action caused.

    These are the trail's own records, and those that open and seal a hash chain. Empty for all others.
    """
    logger, action = member(record.fields, "log.logger"), member(record.fields, "event.action")
    if logger == f"{OWN_NAME}.audit" and action == OWN_ACTION:
        return OWN_NAME
    is_chain = logger == "audit_lib.audit" and str(action).startswith(_CHAIN)
    return _CHAIN if is_chain else ""


def _state(rule: Rule, record: FoundRecord, since_ms: int) -> State:
    if not rule.applies_to(record.fields):
        return State.IMMATERIAL
    if record.ingested_ms is not None and record.ingested_ms < since_ms:
        return State.BEFORE
    return State.COUNTING if rule.threshold > 1 else State.WAITING
