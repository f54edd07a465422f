"""The Lambda handler of the router: copies one delivery to the audit log group.

CloudWatch Logs invokes the function asynchronously. After an exception, Lambda retries twice and
then sends the delivery to the dead-letter queue.
"""

from functools import cache
from typing import Any

import boto3

from router._copy import Copier
from router._delivery import read_delivery
from router._settings import RouterSettings

__all__ = ["handler"]


@cache
def _copier() -> Copier:
    return Copier(
        logs=boto3.client("logs"),
        sqs=boto3.client("sqs"),
        lambda_client=boto3.client("lambda"),
        settings=RouterSettings.from_environment(),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Copy the log events of a delivery; return the numbers of `copied` and `rejected` events."""
    delivery = read_delivery(event)
    return {"copied": 0, "rejected": 0} if delivery is None else _copier().copy(delivery)
