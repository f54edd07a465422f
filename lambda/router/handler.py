"""The entry point: one delivery of a subscription, copied into the audit log group.

CloudWatch Logs invokes it asynchronously: whatever is raised is retried twice and ends in the
dead-letter queue, with the delivery in it.
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
        settings=RouterSettings.from_environment(),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Copy the records of a delivery; give how many were `copied` and how many `rejected`."""
    delivery = read_delivery(event)
    return {"copied": 0, "rejected": 0} if delivery is None else _copier().copy(delivery)
