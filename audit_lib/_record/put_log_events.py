"""The rules of the API action `PutLogEvents` of CloudWatch Logs, the narrowest way that lines take.

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
"""The most events of a batch."""
BATCH_BYTES: Final = 1_048_576
"""The most bytes of a batch: of its messages in UTF-8, and of the overhead of each event."""
EVENT_OVERHEAD_BYTES: Final = 26
"""What an event counts beside its message."""
MESSAGE_BYTES: Final = BATCH_BYTES - EVENT_OVERHEAD_BYTES
"""The longest message: an event has 1 MB at most, and a batch has to hold its overhead too."""
SPAN_MS: Final = 24 * _HOUR_MS
"""From the first to the last event of a batch; a longer one fails as a whole."""
OLDEST_MS: Final = 14 * 24 * _HOUR_MS
"""An event more than 14 days in the past is rejected; so is one older than the retention."""
AHEAD_MS: Final = 2 * _HOUR_MS
"""An event more than 2 hours in the future is rejected."""


def accepted_times(now_ms: int, leeway_ms: int = 0) -> tuple[int, int]:
    """Return the oldest and the newest time that an event may have, in milliseconds since 1970.

    Args:
        now_ms: the time of the call.
        leeway_ms: by how much both are closer to now, for a call that takes time to arrive.
    """
    return now_ms - OLDEST_MS + leeway_ms, now_ms + AHEAD_MS - leeway_ms


def fits_span(first_ms: int, at_ms: int) -> bool:
    """Return whether an event may be in one batch with an earlier one; exactly 24 hours may not."""
    return at_ms - first_ms < SPAN_MS
