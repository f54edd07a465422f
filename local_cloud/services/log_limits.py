"""Checks the parameters of CloudWatch Logs' operations, with AWS's limits and error messages.

PutLogEvents: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from collections.abc import Mapping
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.exceptions import InvalidParameterException, ValidationException

__all__ = [
    "EVENT_OVERHEAD_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_EVENTS",
    "RETENTION_DAYS",
    "accepted",
    "check_batch",
    "check_destination",
    "check_parameters",
    "check_retention",
]

MAX_BATCH_BYTES: Final = 1_048_576
EVENT_OVERHEAD_BYTES: Final = 26
_MAX_EVENT_BYTES: Final = MAX_BATCH_BYTES - EVENT_OVERHEAD_BYTES
MAX_EVENTS: Final = 10_000
_DAY_MS: Final = 24 * 3600 * 1000
_OLDEST_MS: Final = 14 * _DAY_MS
_NEWEST_MS: Final = 2 * 3600 * 1000
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The retention periods that AWS offers; a test compares them with those of `audit_rules`."""
_LONGEST: Final = {
    "filterName": 512, "filterNamePrefix": 512, "filterPattern": 1024, "metricName": 255,
}  # fmt: skip
_LISTING_EVENTS: Final = ("get_log_events", "filter_log_events")


def check_batch(events: list[dict[str, Any]]) -> None:
    """Check a batch of PutLogEvents, which AWS accepts or rejects as a whole.

    It has 1 to 10,000 log events in chronological order, which span at most 24 hours, and at most
    1,048,576 bytes: the messages in UTF-8, and 26 bytes for each log event.

    Raises:
        InvalidParameterException: the batch exceeds one of these limits.
    """
    if not events or len(events) > MAX_EVENTS:
        wanted = f"less than or equal to {MAX_EVENTS}" if events else "greater than or equal to 1"
        raise _constraint(
            f"{len(events)} log events", "logEvents", f"Member must have length {wanted}"
        )
    sizes = [len(event["message"].encode()) for event in events]
    if max(sizes) > _MAX_EVENT_BYTES:
        raise InvalidParameterException(
            f"Log event too large: {max(sizes)} bytes exceeds limit of {_MAX_EVENT_BYTES}"
        )
    size = sum(sizes) + EVENT_OVERHEAD_BYTES * len(events)
    if size > MAX_BATCH_BYTES:
        raise InvalidParameterException(
            f"Upload too large: {size} bytes exceeds limit of {MAX_BATCH_BYTES}"
        )
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        raise InvalidParameterException(
            "Log events in a single PutLogEvents request must be in chronological order."
        )
    if times[-1] - times[0] > _DAY_MS:
        raise InvalidParameterException(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )


def accepted(
    events: list[dict[str, Any]], *, now_ms: int, retention_days: int
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the log events in the accepted time span, and `rejectedLogEventsInfo` for the others.

    Rejected are log events older than 14 days or than the retention, or over 2 hours in the future.

    Args:
        events: the log events, in chronological order.
        now_ms: the current time in milliseconds since 1970.
        retention_days: the log group's retention; 0 if log events never expire.
    """
    oldest = now_ms - _OLDEST_MS
    expired_before = max(now_ms - retention_days * _DAY_MS, oldest) if retention_days else oldest
    too_old = sum(event["timestamp"] < oldest for event in events)
    expired = sum(event["timestamp"] < expired_before for event in events)
    too_new = sum(event["timestamp"] > now_ms + _NEWEST_MS for event in events)
    info = {}
    if too_old:
        info["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        info["expiredLogEventEndIndex"] = expired
    if too_new:
        info["tooNewLogEventStartIndex"] = len(events) - too_new
    return events[max(expired, too_old) : len(events) - too_new], info


def check_retention(days: Any) -> None:
    """Check the retention of a log group in days.

    Raises:
        InvalidParameterException: the retention is not in `RETENTION_DAYS`.
    """
    if int(days) not in RETENTION_DAYS:
        raise InvalidParameterException(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy"
            f" constraint: Member must satisfy enum value set: {list(RETENTION_DAYS)}"
        )


def check_destination(arn: str, role_arn: str | None) -> None:
    """Check the destination of a subscription filter.

    Raises:
        JsonRESTError: the destination is a function of another account, a Kinesis stream and `role_arn`
            is missing, or a log group; with AWS's message.
    """
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
            "Invalid destinationArn: a log group is not a valid destination."
        )


def check_parameters(operation: str, given: Mapping[str, Any]) -> None:
    """Check the lengths and combinations of parameters, which AWS checks before anything else.

    Args:
        operation: the operation, such as `put_metric_filter`.
        given: the call's parameters.

    Raises:
        InvalidParameterException: a name or pattern is too long, `limit` is over 10,000, or a
            metric filter has more than one transformation.
        ValidationException: a log group is given by name and by ARN.
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
    """Format a metric transformation as in AWS's error messages."""
    names = ("metricName", "metricNamespace", "metricValue", "defaultValue", "unit", "dimensions")
    members = (f"{name}={given.get(name, 'null')}" for name in names)
    return f"MetricTransformation({', '.join(members)})"


class _AccessDeniedException(JsonRESTError):  # noqa: N818 - AWS's name
    code = 400

    def __init__(self, text: str) -> None:
        super().__init__("AccessDeniedException", text)
