"""Decodes the event of a subscription filter: JSON, compressed with gzip and encoded in Base64.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

import gzip
import json
import zlib
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

__all__ = ["DeliveredEvent", "Delivery", "read_delivery"]


@dataclass(frozen=True, slots=True)
class DeliveredEvent:
    """A log event: its timestamp in milliseconds since 1970, and its log line."""

    timestamp: int
    message: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """The log events of one log stream that a subscription filter delivered."""

    log_group: str
    log_stream: str
    events: tuple[DeliveredEvent, ...]


def read_delivery(event: dict[str, Any]) -> Delivery | None:
    """Decode a delivery; return None for a control message, which only checks that the function responds.

    Raises:
        ValueError: the event is not from a subscription filter.
    """
    try:
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
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(
            "the event is not from a subscription filter of CloudWatch Logs, which alone may invoke"
            f" this function ({type(error).__name__}: {error})"
        ) from error
