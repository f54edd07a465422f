"""Puts lines into a log group as log events, as a log agent does."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from local_cloud._protocol import Cloud
from local_cloud.services.log_limits import EVENT_OVERHEAD_BYTES, MAX_BATCH_BYTES, MAX_EVENTS

__all__ = ["put_lines"]


def put_lines(cloud: Cloud, log_group: str, lines: Sequence[str], *, stream: str) -> None:
    """Put lines as log events with the current time, in batches that PutLogEvents accepts.

    Empty lines are skipped, because a log event has at least one character.

    Args:
        cloud: the cloud.
        log_group: the name of an existing log group.
        lines: the lines.
        stream: the log stream's name; it is created if missing.
    """
    logs = cloud.client("logs")
    # Several processes of a function may create the stream at the same time.
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=log_group, logStreamName=stream)
    batch: list[dict[str, Any]] = []
    size = 0
    for line in filter(None, lines):  # an event has at least one character
        length = len(line.encode()) + EVENT_OVERHEAD_BYTES
        if batch and (size + length > MAX_BATCH_BYTES or len(batch) == MAX_EVENTS):
            logs.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=batch)
            batch, size = [], 0
        batch.append({"timestamp": cloud.clock.now_ms(), "message": line})
        size += length
    if batch:
        logs.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=batch)
