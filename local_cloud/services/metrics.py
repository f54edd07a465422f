"""Stores the values that metric filters publish, as sums and sample counts per minute.

The statistics `Sum` and `SampleCount` can be computed from them; alarms on others than `Sum` are rejected.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["MINUTE", "DataPoint", "Metric", "Metrics", "minute_of"]

MINUTE: Final = 60
"""The shortest period, in seconds."""

Metric = tuple[str, str, str]
"""A metric: its Region, namespace and name."""


@dataclass(slots=True)
class _Minute:
    total: float = 0.0
    count: int = 0


class DataPoint(NamedTuple):
    """A data point of a period: its start in seconds since 1970, and the sum and number of its values."""

    at: int
    value: float
    samples: int


class Metrics:
    """The sums, sample counts and default values of all metrics, per minute."""

    def __init__(self) -> None:
        self._minutes: dict[Metric, dict[int, _Minute]] = defaultdict(lambda: defaultdict(_Minute))
        self._defaults: dict[Metric, dict[int, float]] = defaultdict(dict)

    def count(self, metric: Metric, value: float, at_ms: int) -> None:
        """Add a value to a metric in the minute of its log event; `at_ms` is in milliseconds since 1970."""
        minute = self._minutes[metric][minute_of(at_ms // 1000)]
        minute.total += value
        minute.count += 1

    def count_default(self, metric: Metric, value: float, at_ms: int) -> None:
        """Record the default value of a metric filter for the minute of a log event that does not match.

        It counts once, and only in a minute in which `count` adds no value to the metric.

        Args:
            metric: the metric.
            value: the metric filter's default value.
            at_ms: the log event's timestamp, in milliseconds since 1970.
        """
        self._defaults[metric][minute_of(at_ms // 1000)] = value

    def point(self, metric: Metric, begin: int, seconds: int) -> DataPoint | None:
        """Return the data point of a period, or None if the metric has no data in it.

        Args:
            metric: the metric.
            begin: the start of the period in seconds since 1970, a full minute.
            seconds: the length of the period, a multiple of 60.
        """
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
    """Return the start of the minute that contains a time, both in seconds since 1970."""
    return seconds // MINUTE * MINUTE
