"""Finds the resources of a deployed trail that have no fixed name: its outbox table and its queues."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from audit_ops.errors import AuditOpsError

__all__ = ["DeployedStack", "DeployedStackError", "deployed_stack"]


class DeployedStackError(AuditOpsError):
    """The stack of a trail cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """The resources of a deployed trail.

    Attributes:
        outbox_table: the name of the DynamoDB table of the outbox.
        queues: the URLs of the SQS queues, by their logical ids in the template.
    """

    outbox_table: str
    queues: dict[str, str]


def deployed_stack(name: str, client: Callable[[str], Any]) -> DeployedStack:
    """Find the resources of the stack of a trail, with the credentials of the environment.

    Args:
        name: the name of the stack, which is that of the trail.
        client: returns the boto3 client of a service.

    Raises:
        DeployedStackError: the stack does not exist or cannot be read, or has no outbox.
    """
    try:
        pages = client("cloudformation").get_paginator("list_stack_resources")
        found = [
            (
                resource["ResourceType"],
                resource["LogicalResourceId"],
                resource["PhysicalResourceId"],
            )
            for page in pages.paginate(StackName=name)
            for resource in page["StackResourceSummaries"]
            if "PhysicalResourceId" in resource
        ]
    except (ClientError, BotoCoreError) as error:
        raise DeployedStackError(
            f"the stack {name!r} cannot be read: {error}; check AWS_REGION and the credentials, or"
            " deploy it with `audit deploy`"
        ) from error
    tables = [place for kind, _, place in found if kind == "AWS::DynamoDB::Table"]
    if len(tables) != 1:
        raise DeployedStackError(
            f"the stack {name!r} has {len(tables)} tables, not one; deploy this version with"
            " `audit deploy`"
        )
    queues = {logical: place for kind, logical, place in found if kind == "AWS::SQS::Queue"}
    return DeployedStack(tables[0], queues)
