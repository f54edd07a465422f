"""CloudWatch Logs: what happens when lines arrive, and what moto's own does not check.

Limits: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, Final

from moto.core.utils import utcnow
from moto.logs.exceptions import InvalidParameterException, LimitExceededException
from moto.logs.models import LogEvent, LogGroup, LogsBackend, LogStream

from audit_ops.local.clock import Clock
from audit_rules import FilterPattern, FilterPatternError

__all__ = [
    "EVENT_OVERHEAD_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_EVENTS",
    "LogGroups",
    "PatternFilter",
    "parsed_pattern",
]

MAX_BATCH_BYTES: Final = 1_048_576
EVENT_OVERHEAD_BYTES: Final = 26
_MAX_EVENT_BYTES: Final = MAX_BATCH_BYTES - EVENT_OVERHEAD_BYTES
MAX_EVENTS: Final = 10_000
_DAY_MS: Final = 24 * 3600 * 1000
_OLDEST_MS: Final = 14 * _DAY_MS
_NEWEST_MS: Final = 2 * 3600 * 1000
_MAX_METRIC_FILTERS: Final = 100
_MAX_SUBSCRIPTION_FILTERS: Final = 2


@lru_cache(maxsize=256)
def parsed_pattern(text: str) -> FilterPattern:
    """Give a filter pattern.

    Raises:
        InvalidParameterException: AWS would refuse it.
    """
    try:
        return FilterPattern(text)
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid filter pattern: {error}") from error


class PatternFilter:
    """Takes the place of moto's `EventMessageFilter`, which matches nearly everything."""

    def __init__(self, pattern: str) -> None:
        self._pattern = parsed_pattern(pattern or "")

    def matches(self, message: str) -> bool:
        """Whether the pattern selects a message."""
        return self._pattern.matches(message)


class LogGroups:
    """What is done with lines: subscriptions are delivered, metric filters counted."""

    def __init__(
        self,
        *,
        clock: Clock,
        deliver: Callable[[str, dict[str, Any]], None],
        count_metric: Callable[[str, str, str, float, int], None],
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._count_metric = count_metric
        self._event_ids = count(1)
        self.protected: set[str] = set()
        """Names of log groups that cannot be deleted."""
        self.queries: dict[str, dict[str, Any]] = {}
        """Saved queries by their id."""

    def put(
        self, group: LogGroup, stream: str, events: list[dict[str, Any]]
    ) -> tuple[str, dict[str, int]]:
        """Take PutLogEvents: check it as AWS does, and write what is neither too old nor too new."""
        _check_batch(events)
        now = self._clock.now_ms()
        days = int(group.retention_in_days or 0)
        oldest = now - _OLDEST_MS
        expired_before = max(now - days * _DAY_MS, oldest) if days else oldest
        too_old = sum(event["timestamp"] < oldest for event in events)
        expired = sum(event["timestamp"] < expired_before for event in events)
        too_new = sum(event["timestamp"] > now + _NEWEST_MS for event in events)
        good = events[max(expired, too_old) : len(events) - too_new]
        token = group.put_log_events(stream, good)
        info = {}
        if too_old:
            info["tooOldLogEventEndIndex"] = too_old
        if expired > too_old:
            info["expiredLogEventEndIndex"] = expired
        if too_new:
            info["tooNewLogEventStartIndex"] = len(events) - too_new
        return token, info

    def write(self, stream: LogStream, events: list[dict[str, Any]]) -> str:
        """Append lines to a stream, whoever wrote them, and do what follows from them."""
        ingested = self._clock.now_ms()
        written = [LogEvent(ingested, event) for event in events]
        stream.last_ingestion_time = utcnow()
        stream.stored_bytes += sum(len(event["message"]) for event in events)
        stream.events += written
        stream.upload_sequence_token += 1
        group = stream.log_group
        for subscription in list(group.subscription_filters.values()):
            pattern = parsed_pattern(subscription.filter_pattern)
            matching = [event for event in written if pattern.matches(event.message)]
            if matching:
                envelope = self._envelope(group, stream, subscription.name, matching)
                self._deliver(subscription.destination_arn, envelope)
        self._count(group, written)
        return f"{stream.upload_sequence_token:056d}"

    def _envelope(
        self, group: LogGroup, stream: LogStream, name: str, events: list[LogEvent]
    ) -> dict[str, Any]:
        payload = {
            "messageType": "DATA_MESSAGE",
            "owner": group.account_id,
            "logGroup": group.name,
            "logStream": stream.log_stream_name,
            "subscriptionFilters": [name],
            "logEvents": [
                {
                    "id": f"{next(self._event_ids):056d}",
                    "timestamp": event.timestamp,
                    "message": event.message,
                }
                for event in events
            ],
        }
        packed = gzip.compress(json.dumps(payload).encode())
        return {"awslogs": {"data": b64encode(packed).decode()}}

    def _count(self, group: LogGroup, events: list[LogEvent]) -> None:
        backend = _backend_of(group)
        for metric_filter in backend.filters.get_matching_filters(log_group_name=group.name):
            pattern = parsed_pattern(metric_filter["filterPattern"])
            for event in events:
                if pattern.matches(event.message):
                    for transformation in metric_filter["metricTransformations"]:
                        self._count_metric(
                            group.region,
                            transformation["metricNamespace"],
                            transformation["metricName"],
                            float(transformation["metricValue"]),
                            event.timestamp,
                        )

    def check_metric_filter(
        self, backend: LogsBackend, group: str, given: Mapping[str, Any]
    ) -> None:
        """Refuse a metric filter that AWS refuses."""
        parsed_pattern(given["filter_pattern"])
        if len(given["metric_transformations"]) != 1:
            raise InvalidParameterException("A metric filter takes one metric transformation.")
        for transformation in given["metric_transformations"]:
            try:
                float(transformation["metricValue"])
            except ValueError:
                raise InvalidParameterException(
                    f"metricValue {transformation['metricValue']!r} is not evaluated by the embedded"
                    " cloud; it counts with numbers alone"
                ) from None
            if transformation.get("dimensions") or "defaultValue" in transformation:
                raise InvalidParameterException(
                    "dimensions and defaultValue are not evaluated by the embedded cloud"
                )
        others = backend.filters.get_matching_filters(log_group_name=group)
        names = {other["filterName"] for other in others} | {given["filter_name"]}
        if len(names) > _MAX_METRIC_FILTERS:
            raise LimitExceededException

    @staticmethod
    def check_subscription(
        group: LogGroup, filter_name: str, pattern: str, destination: str
    ) -> None:
        """Refuse a subscription filter that AWS refuses."""
        parsed_pattern(pattern)
        if ":log-group:" in destination:
            raise InvalidParameterException(
                "Invalid destinationArn: a log group is no destination."
            )
        names = {*group.subscription_filters, filter_name}
        if len(names) > _MAX_SUBSCRIPTION_FILTERS:
            raise LimitExceededException


def _backend_of(group: LogGroup) -> LogsBackend:
    from moto.logs.models import logs_backends  # noqa: PLC0415 - filled while moto starts

    backend: LogsBackend = logs_backends[group.account_id][group.region]
    return backend


def _check_batch(events: list[dict[str, Any]]) -> None:
    if not events or len(events) > MAX_EVENTS:
        raise InvalidParameterException(
            f"1 validation error detected: found {len(events)} log events; 1 to {MAX_EVENTS} are taken"
        )
    sizes = [len(event["message"].encode()) for event in events]
    if max(sizes) > _MAX_EVENT_BYTES:
        raise InvalidParameterException(f"Log event too large: {max(sizes)} bytes")
    if sum(sizes) + EVENT_OVERHEAD_BYTES * len(events) > MAX_BATCH_BYTES:
        raise InvalidParameterException("Upload too large")
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        raise InvalidParameterException(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    if times[-1] - times[0] > _DAY_MS:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
