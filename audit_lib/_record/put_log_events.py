"""Defines the limits of the CloudWatch Logs action `PutLogEvents`, for senders and `configure`.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from typing import Final

__all__ = [
    "BATCH_BYTES",
    "EVENTS",
    "EVENT_OVERHEAD_BYTES",
    "MESSAGE_BYTES",
    "accepted_times",
    "fits_span",
]

_HOUR_MS: Final = 60 * 60 * 1000

EVENTS: Final = 10_000
"""The maximum number of log events in a batch."""
BATCH_BYTES: Final = 1_048_576
"""The maximum size of a batch in bytes: its messages in UTF-8, and 26 bytes per log event."""
EVENT_OVERHEAD_BYTES: Final = 26
"""The bytes that a log event counts in a batch in addition to its message."""
MESSAGE_BYTES: Final = BATCH_BYTES - EVENT_OVERHEAD_BYTES
"""The maximum size of a message in bytes: that of a batch of one log event, without its overhead."""
SPAN_MS: Final = 24 * _HOUR_MS
"""The time from the first to the last log event of a batch has to be less than this: 24 hours."""
OLDEST_MS: Final = 14 * 24 * _HOUR_MS
"""The maximum age of a log event: 14 days. The retention period may set a lower limit."""
AHEAD_MS: Final = 2 * _HOUR_MS
"""The maximum time of a log event in the future: 2 hours."""


def accepted_times(now_ms: int, leeway_ms: int = 0) -> tuple[int, int]:
    """Return the oldest and the newest accepted time of a log event, in milliseconds since 1970 (UTC).

    Args:
        now_ms: the time of the call, in milliseconds since 1970.
        leeway_ms: the margin on both sides, for the time until the request arrives.
    """
    return now_ms - OLDEST_MS + leeway_ms, now_ms + AHEAD_MS - leeway_ms


def fits_span(first_ms: int, at_ms: int) -> bool:
    """Return whether a log event at `at_ms` is less than 24 hours after the first of its batch."""
    return at_ms - first_ms < SPAN_MS
