"""The limits of the CloudWatch Logs action `PutLogEvents`, the strictest on the way of a line.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from typing import Final

__all__ = [
    "AHEAD_MS",
    "BATCH_BYTES",
    "EVENTS",
    "EVENT_OVERHEAD_BYTES",
    "MESSAGE_BYTES",
    "OLDEST_MS",
    "SPAN_MS",
    "accepted_times",
    "fits_span",
]

_HOUR_MS: Final = 60 * 60 * 1000

EVENTS: Final = 10_000
"""The maximum number of events in a batch."""
BATCH_BYTES: Final = 1_048_576
"""The maximum size of a batch: its messages in UTF-8, and the overhead of each event."""
EVENT_OVERHEAD_BYTES: Final = 26
"""The overhead of an event, in addition to its message."""
MESSAGE_BYTES: Final = BATCH_BYTES - EVENT_OVERHEAD_BYTES
"""The maximum size of a message: a batch of one event has to contain its overhead too."""
SPAN_MS: Final = 24 * _HOUR_MS
"""The maximum time from the first to the last event of a batch; a longer batch is rejected."""
OLDEST_MS: Final = 14 * 24 * _HOUR_MS
"""An event more than 14 days in the past, or older than the retention, is rejected."""
AHEAD_MS: Final = 2 * _HOUR_MS
"""An event more than 2 hours in the future is rejected."""


def accepted_times(now_ms: int, leeway_ms: int = 0) -> tuple[int, int]:
    """Return the oldest and the newest accepted time of an event, in milliseconds since 1970.

    Args:
        now_ms: the time of the call.
        leeway_ms: margin on both sides, for the time until the call arrives.
    """
    return now_ms - OLDEST_MS + leeway_ms, now_ms + AHEAD_MS - leeway_ms


def fits_span(first_ms: int, at_ms: int) -> bool:
    """Return whether two events may be in one batch; exactly 24 hours apart is too far."""
    return at_ms - first_ms < SPAN_MS
