"""Reads the event of a subscription filter: JSON, compressed with gzip and encoded in base64.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

import gzip
import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

__all__ = ["DeliveredEvent", "Delivery", "read_delivery"]


@dataclass(frozen=True, slots=True)
class DeliveredEvent:
    """A log line and its timestamp, in milliseconds since 1970."""

    timestamp: int
    message: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events of one log stream."""

    log_group: str
    log_stream: str
    events: tuple[DeliveredEvent, ...]


def read_delivery(event: dict[str, Any]) -> Delivery | None:
    """Decode a delivery; return None for a control message, which only checks the destination.

    Raises:
        KeyError, ValueError, OSError: the event is not from a subscription filter.
    """
    payload = json.loads(gzip.decompress(b64decode(event["awslogs"]["data"])))
    if payload["messageType"] == "CONTROL_MESSAGE":
        return None
    return Delivery(
        log_group=payload["logGroup"],
        log_stream=payload["logStream"],
        events=tuple(
            DeliveredEvent(each["timestamp"], each["message"]) for each in payload["logEvents"]
        ),
    )
