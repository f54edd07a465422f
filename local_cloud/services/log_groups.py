"""CloudWatch Logs: delivers new lines to subscriptions, and counts them by metric filters."""

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
    """Parse a filter pattern.

    Raises:
        InvalidParameterException: AWS would reject the pattern.
    """
    try:
        return FilterPattern(text)
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid filter pattern: {error}") from error


@lru_cache(maxsize=256)
def counted_by(pattern: str, value: str) -> MetricFilter:
    """Parse what a metric filter counts.

    Raises:
        InvalidParameterException: AWS would reject the pattern.
    """
    try:
        return MetricFilter(parsed_pattern(pattern), value)
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid metric transformation: {error}") from error


class PatternFilter:
    """Replaces moto's `EventMessageFilter`, which matches nearly every message."""

    def __init__(self, pattern: str) -> None:
        self._pattern = parsed_pattern(pattern or "")

    def matches(self, message: str) -> bool:
        """Return whether the pattern selects a message."""
        return self._pattern.matches(message)


class LogGroups:
    """Receives lines, delivers them to subscriptions, and counts them by metric filters."""

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
        """Names of log groups that cannot be deleted."""
        self.queries: dict[str, dict[str, Any]] = {}
        """Saved queries by their id."""

    def close(self) -> None:
        """Remove all events."""
        self._file.close()

    def put(
        self, group: LogGroup, stream: str, events: list[dict[str, Any]]
    ) -> tuple[str, dict[str, int]]:
        """Handle PutLogEvents: check the batch as AWS does, and write the events in the accepted time span."""
        check_batch(events)
        days = int(group.retention_in_days or 0)
        good, rejected = accepted(events, now_ms=self._clock.now_ms(), retention_days=days)
        return group.put_log_events(stream, good), rejected

    def write(self, stream: LogStream, events: list[dict[str, Any]]) -> str:
        """Append lines to a stream, then deliver and count them."""
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
        """Reject a metric filter that AWS rejects, or that is not evaluated here."""
        [transformation] = transformations
        counted_by(pattern, transformation["metricValue"])
        if transformation.get("dimensions"):
            raise InvalidParameterException("the embedded cloud does not support dimensions")
        others = backend.filters.get_matching_filters(log_group_name=group)
        names = {other["filterName"] for other in others} | {name}
        if len(names) > _MAX_METRIC_FILTERS:
            raise LimitExceededException

    @staticmethod
    def check_subscription(group: LogGroup, filter_name: str, pattern: str) -> None:
        """Reject a subscription filter that AWS rejects."""
        parsed_pattern(pattern)
        names = {*group.subscription_filters, filter_name}
        if len(names) > _MAX_SUBSCRIPTION_FILTERS:
            raise LimitExceededException


def backend_of(group: LogGroup) -> LogsBackend:
    """Return moto's backend of a log group's account and region."""
    backend: LogsBackend = logs_backends[group.account_id][group.region]
    return backend


def group_named(backend: LogsBackend, name: str) -> LogGroup:
    """Return a log group.

    Raises:
        ResourceNotFoundException: it does not exist.
    """
    group = backend.groups.get(name)
    if group is None:
        raise ResourceNotFoundException
    return group
