"""Evaluates resource policies: whether an AWS service may use a function, queue, topic or KMS key.

The calls of functions are checked by `permissions`, against their execution roles.
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.logs.models import LogGroup
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local_cloud._protocol import Cloud
from local_cloud.services.keys import is_enabled, key_named
from local_cloud.services.policies import AccessRequest, allowed

__all__ = ["check_logs_key", "function_allows", "key_allows_logs", "queue_allows", "topic_allows"]


def check_logs_key(cloud: Cloud, key: str, log_group: str) -> None:
    """Check that a KMS key is enabled, and that its policy lets CloudWatch Logs use it for a log group.

    Args:
        cloud: the cloud.
        key: the key's id or ARN.
        log_group: the log group's name.

    Raises:
        PermissionError: the key does not exist or is not enabled, or its policy does not allow an action.
    """
    if not is_enabled(key_named(cloud.region, key)):
        raise PermissionError(
            f"the KMS key {key} is disabled, is scheduled for deletion, or does not exist"
        )
    service = f"logs.{cloud.region}.amazonaws.com"
    arn = cloud.arn("logs", f"log-group:{log_group}")
    context = {"kms:EncryptionContext:aws:logs:arn": arn}
    for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"):
        if not _key_allows(cloud, key, service=service, action=action, context=context):
            raise PermissionError(
                f"the policy of the KMS key {key} does not allow {action} to {service} for"
                f" {', '.join(context.values())}; add a statement to its KeyPolicy"
            )


def key_allows_logs(cloud: Cloud, group: LogGroup) -> bool:
    """Return whether CloudWatch Logs can use the KMS key of a log group; true if it has none."""
    try:
        if group.kms_key_id:
            check_logs_key(cloud, group.kms_key_id, group.name)
    except PermissionError:
        return False
    return True


def function_allows(cloud: Cloud, function_arn: str, *, service: str, source_arn: str) -> bool:
    """Return whether a function's policy lets a service invoke it on behalf of the resource `source_arn`.

    The policy may name the service by its global or its regional service principal. A function that does
    not exist lets no service invoke it.
    """
    try:
        function = lambda_backends[cloud.account][cloud.region].get_function(function_arn)
    except UnknownFunctionException:
        return False
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
    """Return whether a queue's policy lets a service send to it on behalf of the resource `source_arn`.

    A queue that does not exist lets no service send. If the queue has a customer's KMS key, the key's policy
    has to allow the service as well.
    """
    request = AccessRequest(
        action="sqs:SendMessage",
        resource=queue_arn,
        service=service,
        context={"aws:SourceArn": source_arn, "aws:SecureTransport": "true"},
    )
    name = queue_arn.rpartition(":")[2]
    queue = sqs_backends[cloud.account][cloud.region].queues.get(name)
    if queue is None or not queue.policy:
        return False
    key = vars(queue).get("kms_master_key_id")  # moto sets it from a text
    return allowed(json.loads(queue.policy)["Statement"], request) and (
        not key
        or all(
            _key_allows(cloud, key, service=service, action=action, context=request.context)
            for action in ("kms:Decrypt", "kms:GenerateDataKey")
        )
    )


def topic_allows(cloud: Cloud, topic_arn: str, *, service: str) -> bool:
    """Return whether the policies of a topic and of its KMS key let a service publish to the topic.

    A topic that does not exist, or whose key is not enabled, lets no service publish.
    """
    topic = sns_backends[cloud.account][cloud.region].topics.get(topic_arn)
    if topic is None:
        return False
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
    found = key_named(cloud.region, key)
    if found is None or not is_enabled(found):
        return False
    request = AccessRequest(action=action, resource=found.arn, service=service, context=context)
    return allowed(json.loads(found.policy)["Statement"], request)


def _without_resource(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return a statement without `Resource`, to which moto adds a version that AWS does not have."""
    return {name: value for name, value in statement.items() if name != "Resource"}
