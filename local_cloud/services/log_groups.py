"""CloudWatch Logs: what happens when lines arrive, and what moto's own does not check.

Limits: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.logs.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ValidationException,
)
from moto.logs.models import LogGroup, LogsBackend, LogStream, logs_backends

from audit_rules.patterns import FilterPattern, FilterPatternError, MetricFilter
from local_cloud.services.alarms import Metrics
from local_cloud.services.clock import Clock
from local_cloud.services.event_store import Event, EventFile, StoredEvents

__all__ = [
    "EVENT_OVERHEAD_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_EVENTS",
    "LogGroups",
    "PatternFilter",
    "backend_of",
    "parsed_pattern",
    "validated",
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
_LONGEST: Final = {
    "filterName": 512, "filterNamePrefix": 512, "filterPattern": 1024, "metricName": 255,
}  # fmt: skip
_LISTING_EVENTS: Final = ("get_log_events", "filter_log_events")


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


@lru_cache(maxsize=256)
def counted_by(pattern: str, value: str) -> MetricFilter:
    """Give what a metric filter counts.

    Raises:
        InvalidParameterException: AWS would refuse it.
    """
    try:
        return MetricFilter(parsed_pattern(pattern), value)
    except FilterPatternError as error:
        raise InvalidParameterException(f"Invalid metric transformation: {error}") from error


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
        written = [
            Event(ingested, event["timestamp"], f"{next(self._event_ids):056d}", event["message"])
            for event in events
        ]
        stream.last_ingestion_time = utcnow()
        stream.stored_bytes += sum(len(event["message"]) for event in events)
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
        self, group: LogGroup, stream: LogStream, name: str, events: list[Event]
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

    def _count(self, group: LogGroup, events: list[Event]) -> None:
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
        """Refuse a metric filter that AWS refuses, and one that is not evaluated here."""
        [transformation] = transformations
        counted_by(pattern, transformation["metricValue"])
        if transformation.get("dimensions"):
            raise InvalidParameterException("dimensions are not evaluated by the embedded cloud")
        others = backend.filters.get_matching_filters(log_group_name=group)
        names = {other["filterName"] for other in others} | {name}
        if len(names) > _MAX_METRIC_FILTERS:
            raise LimitExceededException

    @staticmethod
    def check_destination(arn: str, role_arn: str | None) -> None:
        """Refuse what no subscription can lead to."""
        service, account = arn.split(":")[2], arn.split(":")[4]
        if service == "lambda" and account != DEFAULT_ACCOUNT_ID:
            raise _AccessDeniedException(
                "Cross-account lambda invocation passing is not allowed. You must use"
                " DestinationPolicies to create cross account lambda triggers."
            )
        if service == "kinesis" and not role_arn:
            raise InvalidParameterException(
                "destinationArn for vendor kinesis cannot be used without roleArn"
            )
        if service == "logs":
            raise InvalidParameterException(
                "Invalid destinationArn: a log group is no destination."
            )

    @staticmethod
    def check_subscription(group: LogGroup, filter_name: str, pattern: str) -> None:
        """Refuse a subscription filter that AWS refuses."""
        parsed_pattern(pattern)
        names = {*group.subscription_filters, filter_name}
        if len(names) > _MAX_SUBSCRIPTION_FILTERS:
            raise LimitExceededException


def backend_of(group: LogGroup) -> LogsBackend:
    """Give the account and region of a log group."""
    backend: LogsBackend = logs_backends[group.account_id][group.region]
    return backend


class _AccessDeniedException(JsonRESTError):  # noqa: N818 - AWS's name
    code = 400

    def __init__(self, text: str) -> None:
        super().__init__("AccessDeniedException", text)


def validated(operation: str, given: Mapping[str, Any]) -> None:
    """Refuse parameters that AWS refuses before it looks at anything else.

    Raises:
        InvalidParameterException, ValidationException: in AWS's words.
    """
    if any(len(given.get(name) or "") > 512 for name in ("logGroupName", "logStreamName")):
        raise InvalidParameterException(
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
        )
    for name, most in _LONGEST.items():
        if len(given.get(name) or "") > most:
            raise _constraint(
                given[name], name, f"Member must have length less than or equal to {most}"
            )
    if operation in _LISTING_EVENTS and (given.get("limit") or 0) > MAX_EVENTS:
        wanted = f"Member must have value less than or equal to {MAX_EVENTS}"
        raise _constraint(given["limit"], "limit", wanted)
    if (
        operation == "describe_log_streams"
        and {"logGroupName", "logGroupIdentifier"} <= given.keys()
    ):
        raise ValidationException(
            "LogGroup name and LogGroup ARN are mutually exclusive parameters."
        )
    if operation == "put_metric_filter" and len(given["metricTransformations"]) > 1:
        shown = ", ".join(map(_transformation, given["metricTransformations"]))
        wanted = "Member must have length less than or equal to 1"
        raise _constraint(f"[{shown}]", "metricTransformations", wanted)


def _constraint(value: Any, name: str, wanted: str) -> InvalidParameterException:
    return InvalidParameterException(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint:"
        f" {wanted}"
    )


def _transformation(given: Mapping[str, Any]) -> str:
    """Write a transformation as AWS's messages do."""
    names = ("metricName", "metricNamespace", "metricValue", "defaultValue", "unit", "dimensions")
    members = (f"{name}={given.get(name, 'null')}" for name in names)
    return f"MetricTransformation({', '.join(members)})"


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
