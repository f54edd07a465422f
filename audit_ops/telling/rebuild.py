"""Reads the audit log group again and delivers its records to the matcher, for `audit outbox rebuild`."""

import gzip
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from audit_ops.errors import AuditOpsError
from audit_rules import Names

__all__ = ["RebuildError", "rebuild"]

_BYTES_AT_ONCE: Final = 1_000_000  # an invocation takes 6 MB, and its records some seconds
_Event = dict[str, Any]


class RebuildError(AuditOpsError):
    """The matcher failed; the records before the failure are in the outbox."""


def rebuild(names: Names, since_ms: int, client: Callable[[str], Any]) -> Counter[str]:
    """Deliver all records since a time in ms since 1970 to the matcher again.

    What the outbox has is not put again. `FilterLogEvents` allows a few calls a second for the whole account.

    Args:
        names: the names of the trail.
        since_ms: the time of the first record.
        client: returns the boto3 client of a service.

    Returns:
        The number of items by their state now.

    Raises:
        RebuildError: the matcher failed.
    """
    states: Counter[str] = Counter()
    for events in _parts(names.log_group, since_ms, client("logs")):
        content = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events})
        data = b64encode(gzip.compress(content.encode())).decode()
        answer = client("lambda").invoke(
            FunctionName=names.matcher, Payload=json.dumps({"awslogs": {"data": data}}).encode()
        )
        result = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RebuildError(
                f"the function {names.matcher} failed: {result.get('errorMessage')}; see its log"
                f" group /aws/lambda/{names.matcher}, and run the command again"
            )
        states.update(result)
    return states


def _parts(log_group: str, since_ms: int, logs: Any) -> Iterator[list[_Event]]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, startTime=since_ms
    )
    part: list[_Event] = []
    size = 0
    for page in pages:
        for event in page["events"]:
            part.append({"timestamp": event["timestamp"], "message": event["message"]})
            size += len(event["message"])
            if size >= _BYTES_AT_ONCE:
                yield part
                part, size = [], 0
    if part:
        yield part
