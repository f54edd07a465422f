"""Resource policies: whether a service may use a function, queue, topic or key.

A resource's own policy decides about services; `permissions` decides about functions.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.kms.models import kms_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local_cloud._protocol import Cloud
from local_cloud.services.policies import AccessRequest, allowed

__all__ = ["check_key", "function_allows", "queue_allows", "topic_allows"]


def check_key(
    cloud: Cloud, key: str, *, service: str, actions: Sequence[str], context: Mapping[str, str]
) -> None:
    """Reject a key that a service may not use.

    Raises:
        PermissionError: the key's policy does not allow it.
    """
    for action in actions:
        if not _key_allows(cloud, key, service=service, action=action, context=context):
            raise PermissionError(
                f"{service} may not {action} with {key}: its policy does not allow it"
            )


def function_allows(cloud: Cloud, function_arn: str, *, service: str, source_arn: str) -> bool:
    """Return whether a service may invoke a function for one of its resources."""
    function = lambda_backends[cloud.account][cloud.region].get_function(function_arn)
    statements = [_without_resource(each) for each in function.policy.statements]
    name, _, domain = service.partition(".")
    # A service has two names: a global one and a regional one.
    return any(
        allowed(
            statements,
            AccessRequest(
                action="lambda:InvokeFunction",
                resource=function_arn,
                service=principal,
                context={"AWS:SourceArn": source_arn, "AWS:SourceAccount": cloud.account},
            ),
        )
        for principal in (service, f"{name}.{cloud.region}.{domain}")
    )


def queue_allows(cloud: Cloud, queue_arn: str, *, service: str, source_arn: str) -> bool:
    """Return whether a service may send a message to a queue for one of its resources."""
    request = AccessRequest(
        action="sqs:SendMessage",
        resource=queue_arn,
        service=service,
        context={"aws:SourceArn": source_arn, "aws:SecureTransport": "true"},
    )
    name = queue_arn.rpartition(":")[2]
    policy = sqs_backends[cloud.account][cloud.region].get_queue(name).policy
    return bool(policy) and allowed(json.loads(policy)["Statement"], request)


def topic_allows(cloud: Cloud, topic_arn: str, *, service: str) -> bool:
    """Return whether a service may publish to a topic: the topic and its key have to allow it."""
    topic = sns_backends[cloud.account][cloud.region].topics[topic_arn]
    context = {"aws:SourceAccount": cloud.account, "aws:SecureTransport": "true"}
    request = AccessRequest(
        action="sns:Publish", resource=topic_arn, service=service, context=context
    )
    key = topic.kms_master_key_id
    return allowed(json.loads(topic.policy)["Statement"], request) and (
        not key
        or all(
            _key_allows(cloud, key, service=service, action=action, context=context)
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
        )
    )


def _key_allows(
    cloud: Cloud, key: str, *, service: str, action: str, context: Mapping[str, str]
) -> bool:
    found = kms_backends[cloud.account][cloud.region].describe_key(key.rpartition("/")[2])
    request = AccessRequest(action=action, resource=found.arn, service=service, context=context)
    return allowed(json.loads(found.policy)["Statement"], request)


def _without_resource(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the resource, to which moto adds a version; the permission is for the function."""
    return {name: value for name, value in statement.items() if name != "Resource"}
