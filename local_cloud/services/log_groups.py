"""Stores new log events, and applies the subscription filters and metric filters of their log group."""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

from moto.core.utils import utcnow
from moto.logs.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from moto.logs.models import LogGroup, LogsBackend, LogStream, logs_backends

from audit_rules.patterns import FilterPattern, FilterPatternError, MetricFilter
from local_cloud.services.clock import Clock
from local_cloud.services.event_store import EventFile, StoredEvent, StoredEvents
from local_cloud.services.log_limits import accepted, check_batch
from local_cloud.services.metrics import Metrics

__all__ = [
    "LogGroups",
    "PatternFilter",
    "backend_of",
    "group_named",
    "parsed_pattern",
]

_MAX_METRIC_FILTERS: Final = 100
_MAX_SUBSCRIPTION_FILTERS: Final = 2


@lru_cache(maxsize=256)
def parsed_pattern(text: str) -> FilterPattern:
    """Parse a filter pattern of CloudWatch Logs; the last 256 results are cached.

    Raises:
        InvalidParameterException: AWS would reject the pattern.
    """
    try:
        return FilterPattern(text)
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid filter pattern: {error}") from error


@lru_cache(maxsize=256)
def counted_by(pattern: str, value: str) -> MetricFilter:
    """Parse a metric filter: its filter pattern and its metric value.

    The metric value is a number or a reference to a field, such as `$.field`.

    Raises:
        InvalidParameterException: AWS would reject the pattern or the metric value.
    """
    try:
        return MetricFilter(parsed_pattern(pattern), value)
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid metric transformation: {error}") from error


class PatternFilter:
    """Evaluates filter patterns for FilterLogEvents; replaces moto's inexact `EventMessageFilter`."""

    def __init__(self, pattern: str) -> None:
        self._pattern = parsed_pattern(pattern or "")

    def matches(self, message: str) -> bool:
        """Return whether the filter pattern matches a message; an empty pattern matches all."""
        return self._pattern.matches(message)


class LogGroups:
    """Stores log events, delivers them by subscription filters, and counts them by metric filters.

    Args:
        clock: the cloud's clock.
        deliver: delivers an event; called with the log group, the destination's ARN and the event.
        metrics: receives the values of the metric filters.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        deliver: Callable[[LogGroup, str, dict[str, Any]], None],
        metrics: Metrics,
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._metrics = metrics
        self._event_ids = count(1)
        self._file = EventFile()
        self.protected: set[str] = set()
        """The names of the log groups with deletion protection."""
        self.queries: dict[str, dict[str, Any]] = {}
        """The query definitions (saved queries), by id."""

    def close(self) -> None:
        """Remove the file of the log events."""
        self._file.close()

    def put(
        self, group: LogGroup, stream: str, events: list[dict[str, Any]]
    ) -> tuple[str, dict[str, int]]:
        """Handle PutLogEvents: check the batch as AWS does, and write the accepted log events.

        Log events older than 14 days or the log group's retention, or over 2 hours ahead, are rejected.

        Args:
            group: the log group.
            stream: the log stream's name.
            events: the log events, with `timestamp` and `message`.

        Returns:
            The next sequence token, and `rejectedLogEventsInfo`.

        Raises:
            InvalidParameterException: the size, order or time span of the batch is invalid.
            ResourceNotFoundException: the log group does not have the log stream.
        """
        check_batch(events)
        days = int(group.retention_in_days or 0)
        good, rejected = accepted(events, now_ms=self._clock.now_ms(), retention_days=days)
        return group.put_log_events(stream, good), rejected

    def write(self, stream: LogStream, events: list[dict[str, Any]]) -> str:
        """Append log events to a log stream, then apply the log group's filters to them.

        The log events that match a subscription filter are delivered to its destination, in one event in
        the format of CloudWatch Logs. Each metric filter adds its metric value for each match, if the value
        is a number, and its default value, if it has one, for each log event that does not match.

        Args:
            stream: the log stream.
            events: the log events, with `timestamp` and `message`.

        Returns:
            The log stream's next sequence token.
        """
        ingested = self._clock.now_ms()
        written = [
            StoredEvent(
                ingested, event["timestamp"], f"{next(self._event_ids):056d}", event["message"]
            )
            for event in events
        ]
        stream.last_ingestion_time = utcnow()
        stream.stored_bytes += sum(len(event["message"].encode()) for event in events)
        attributes: dict[str, Any] = vars(stream)  # moto has a list there
        if not isinstance(attributes["events"], StoredEvents):
            attributes["events"] = StoredEvents(self._file)
        attributes["events"].extend(written)
        stream.upload_sequence_token += 1
        group = stream.log_group
        for subscription in list(group.subscription_filters.values()):
            pattern = parsed_pattern(subscription.filter_pattern)
            matching = [event for event in written if pattern.matches(event.message)]
            if matching:
                envelope = self._envelope(group, stream, subscription.name, matching)
                self._deliver(group, subscription.destination_arn, envelope)
        self._count(group, written)
        return f"{stream.upload_sequence_token:056d}"

    def _envelope(
        self, group: LogGroup, stream: LogStream, name: str, events: list[StoredEvent]
    ) -> dict[str, Any]:
        payload = {
            "messageType": "DATA_MESSAGE",
            "owner": group.account_id,
            "logGroup": group.name,
            "logStream": stream.log_stream_name,
            "subscriptionFilters": [name],
            "logEvents": [
                {
                    "id": event.event_id,
                    "timestamp": event.timestamp,
                    "message": event.message,
                }
                for event in events
            ],
        }
        packed = gzip.compress(json.dumps(payload).encode())
        return {"awslogs": {"data": b64encode(packed).decode()}}

    def _count(self, group: LogGroup, events: list[StoredEvent]) -> None:
        backend = backend_of(group)
        messages = [(FilterPattern.read(event.message), event.timestamp) for event in events]
        for metric_filter in backend.filters.get_matching_filters(log_group_name=group.name):
            [transformation] = metric_filter["metricTransformations"]
            counting = counted_by(metric_filter["filterPattern"], transformation["metricValue"])
            metric = (
                group.region,
                transformation["metricNamespace"],
                transformation["metricName"],
            )
            default = transformation.get("defaultValue")
            for message, timestamp in messages:
                if point := counting.point(message):
                    self._metrics.count(metric, point[0], timestamp)
                elif default is not None and not counting.pattern.matches(message):
                    self._metrics.count_default(metric, float(default), timestamp)

    def check_metric_filter(
        self,
        backend: LogsBackend,
        group: str,
        name: str,
        pattern: str,
        transformations: Sequence[Mapping[str, Any]],
    ) -> None:
        """Check a new or changed metric filter; a log group has at most 100.

        Raises:
            InvalidParameterException: AWS would reject the filter pattern or the metric value.
            LimitExceededException: the log group has 100 other metric filters.
        """
        [transformation] = transformations
        counted_by(pattern, transformation["metricValue"])
        others = backend.filters.get_matching_filters(log_group_name=group)
        names = {other["filterName"] for other in others} | {name}
        if len(names) > _MAX_METRIC_FILTERS:
            raise LimitExceededException

    @staticmethod
    def check_subscription(group: LogGroup, filter_name: str, pattern: str) -> None:
        """Check a new or changed subscription filter; a log group has at most 2.

        Raises:
            InvalidParameterException: AWS would reject the filter pattern.
            LimitExceededException: the log group has 2 other subscription filters.
        """
        parsed_pattern(pattern)
        names = {*group.subscription_filters, filter_name}
        if len(names) > _MAX_SUBSCRIPTION_FILTERS:
            raise LimitExceededException


def backend_of(group: LogGroup) -> LogsBackend:
    """Return moto's backend of the account and Region of a log group."""
    backend: LogsBackend = logs_backends[group.account_id][group.region]
    return backend


def group_named(backend: LogsBackend, name: str) -> LogGroup:
    """Return the log group of a name.

    Raises:
        ResourceNotFoundException: the log group does not exist.
    """
    group = backend.groups.get(name)
    if group is None:
        raise ResourceNotFoundException
    return group
