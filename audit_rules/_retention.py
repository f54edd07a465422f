"""Lists the retention periods that CloudWatch Logs offers, and finds the nearest ones."""

from bisect import bisect_left

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""The retention periods that CloudWatch Logs offers, in days, ascending."""

DEFAULT_RETENTION_DAYS = 3653
"""Ten years, as most record-keeping regulations require."""


def nearest_retentions(days: int) -> tuple[int, ...]:
    """Return the offered periods just below and just above `days`; only one at either end of the list."""
    above = bisect_left(RETENTION_DAYS, days)
    return RETENTION_DAYS[max(above - 1, 0) : above + 1]
