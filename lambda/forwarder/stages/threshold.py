"""The threshold stage: selects the records that reach a rule's threshold."""

from collections.abc import Sequence

from audit_rules import Rule
from forwarder.stages.read import FoundRecord

__all__ = ["reaching_threshold"]


def reaching_threshold(records: Sequence[FoundRecord], rule: Rule) -> list[FoundRecord]:
    """Return the records that lie in a time window with at least `rule.threshold` records.

    A window is any period shorter than `rule.window_minutes`; it can begin at each record.

    Args:
        records: the records in order of time.
        rule: the rule.

    Returns:
        A subset of the records, in the same order.
    """
    window_ms = rule.window_minutes * 60_000
    reached: set[int] = set()
    first = 0
    for last, record in enumerate(records):
        while record.timestamp_ms - records[first].timestamp_ms >= window_ms:
            first += 1
        if last - first + 1 >= rule.threshold:
            reached.update(range(first, last + 1))
    return [records[index] for index in sorted(reached)]
