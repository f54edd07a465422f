"""The metrics that metric filters count, minute by minute.

Only the sum of a metric is kept: alarms on other statistics are rejected.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["MINUTE", "DataPoint", "Metric", "Metrics", "minute_of"]

MINUTE: Final = 60
"""The shortest period, in seconds."""

Metric = tuple[str, str, str]
"""Region, namespace, name."""


@dataclass(slots=True)
class _Minute:
    total: float = 0.0
    count: int = 0


class DataPoint(NamedTuple):
    """The start of a period in seconds since 1970, the sum of its values, and their number."""

    at: int
    value: float
    samples: int


class Metrics:
    """The values of all metrics, minute by minute."""

    def __init__(self) -> None:
        self._minutes: dict[Metric, dict[int, _Minute]] = defaultdict(lambda: defaultdict(_Minute))
        self._defaults: dict[Metric, dict[int, float]] = defaultdict(dict)

    def count(self, metric: Metric, value: float, at_ms: int) -> None:
        """Add a value to a metric, at the time of its event."""
        minute = self._minutes[metric][minute_of(at_ms // 1000)]
        minute.total += value
        minute.count += 1

    def count_default(self, metric: Metric, value: float, at_ms: int) -> None:
        """Set the value of a minute in which no other value is counted."""
        self._defaults[metric][minute_of(at_ms // 1000)] = value

    def point(self, metric: Metric, begin: int, seconds: int) -> DataPoint | None:
        """Return the sum of a period, or None where there is no data."""
        minutes, defaults = self._minutes.get(metric, {}), self._defaults.get(metric, {})
        total, count = 0.0, 0
        for at in range(begin, begin + seconds, MINUTE):
            if at in minutes:
                total += minutes[at].total
                count += minutes[at].count
            elif at in defaults:
                total += defaults[at]
                count += 1
        return DataPoint(begin, total, count) if count else None


def minute_of(seconds: int) -> int:
    """Return the start of the minute that contains a time."""
    return seconds // MINUTE * MINUTE
