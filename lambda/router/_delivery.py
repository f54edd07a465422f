"""What a subscription delivers: base64 of gzip of JSON.

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
    """A log line and when it was written, in milliseconds since 1970."""

    timestamp: int
    message: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Lines of one log stream."""

    log_group: str
    log_stream: str
    events: tuple[DeliveredEvent, ...]


def read_delivery(event: dict[str, Any]) -> Delivery | None:
    """Unpack a delivery; None for the control messages that only test the way.

    Raises:
        KeyError, ValueError, OSError: it is no delivery of a subscription.
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
