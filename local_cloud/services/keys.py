"""Checks the KMS keys behind log groups, topics, queues, tables and secrets: enabled, and allowed by policy.

A call that needs a key which is disabled, scheduled for deletion or deleted fails, for every caller. A Lambda
function needs the permission to use the key too, by its execution role and the key's policy.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
https://docs.aws.amazon.com/kms/latest/developerguide/control-access-overview.html
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import Key, kms_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local_cloud.services.policies import AccessRequest, effects

__all__ = ["KeyUse", "is_enabled", "key_allows_role", "key_named", "key_problem", "key_uses"]

_Given = Mapping[str, Any]
_AWS_OWN: Final = "alias/aws/"
_DECRYPT: Final = ("kms:Decrypt",)
_SEND: Final = ("kms:GenerateDataKey", "kms:Decrypt")


@dataclass(frozen=True, slots=True)
class KeyUse:
    """The use of a customer's KMS key by a call: the key as given, and the KMS actions of the caller."""

    key: str
    actions: tuple[str, ...]


def key_uses(region: str, service: str, operation: str, given: _Given) -> Iterator[KeyUse]:
    """Yield the uses of customers' keys by a call; none for AWS's own keys and other operations.

    Args:
        region: the code of the Region.
        service: the service prefix of IAM actions, such as `sqs`.
        operation: the API operation.
        given: the call's parameters.
    """
    if actions := _ACTIONS.get(service, {}).get(operation):
        for key in _KEYS[service](region, given):
            if key and _AWS_OWN not in key:
                yield KeyUse(key, actions)


def key_problem(region: str, service: str, operation: str, given: _Given) -> tuple[str, str] | None:
    """Return the error code and message of a call whose key cannot be used; None if there is no problem."""
    for use in key_uses(region, service, operation, given):
        if not is_enabled(key_named(region, use.key)):
            return _CODES[service], (
                f"the KMS key {use.key} is disabled, is scheduled for deletion, or does not exist"
            )
    return None


def key_named(region: str, name: str) -> Key | None:
    """Return the key of an id, ARN, alias or alias's ARN, or None if it does not exist."""
    backend = kms_backends[DEFAULT_ACCOUNT_ID][region]
    try:
        return backend.keys.get(backend.any_id_to_key_id(name))
    except (AttributeError, KeyError):  # moto's for an alias that does not exist
        return None


def is_enabled(key: Key | None) -> bool:
    """Return whether a key exists, and is neither disabled nor scheduled for deletion."""
    return key is not None and key.key_state == "Enabled"


def key_allows_role(key: Key, role_arn: str, request: AccessRequest) -> bool | None:
    """Return whether a key's policy allows an action to a role; None if it leaves that to IAM policies.

    Args:
        key: the key.
        role_arn: the ARN of the role.
        request: the KMS action, and the values of condition keys.
    """
    statements = json.loads(key.policy)["Statement"]

    def found(*principals: str) -> set[str]:
        asked = AccessRequest(
            action=request.action, resource=key.arn, principals=frozenset(principals),
            context=request.context,
        )  # fmt: skip
        return effects(statements, asked)

    direct = found(role_arn)
    account = found(DEFAULT_ACCOUNT_ID, f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:root")
    if "Deny" in direct | account:
        return False
    return True if direct else (None if account else False)


def _topic(region: str, given: _Given) -> Iterable[str | None]:
    topic = sns_backends[DEFAULT_ACCOUNT_ID][region].topics.get(given.get("TopicArn", ""))
    return [topic.kms_master_key_id] if topic else []


def _queue(region: str, given: _Given) -> Iterable[str | None]:
    name = str(given.get("QueueUrl", "")).rpartition("/")[2]
    queue = sqs_backends[DEFAULT_ACCOUNT_ID][region].queues.get(name)
    return [vars(queue).get("kms_master_key_id")] if queue else []


def _table(region: str, given: _Given) -> Iterable[str | None]:
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][region].tables
    for name in [given.get("TableName"), *given.get("RequestItems", {})]:
        table = tables.get(str(name).rpartition("table/")[2])
        encryption = (table.sse_specification if table else None) or {}
        if encryption.get("Enabled"):
            yield encryption.get("KMSMasterKeyId")


def _secret(region: str, given: _Given) -> Iterable[str | None]:
    for secret in secretsmanager_backends[DEFAULT_ACCOUNT_ID][region].secrets.values():
        if given.get("SecretId") in {secret.name, secret.arn}:
            yield vars(secret).get("kms_key_id")


_KEYS: Final[dict[str, Callable[[str, _Given], Iterable[str | None]]]] = {
    "dynamodb": _table, "secretsmanager": _secret, "sns": _topic, "sqs": _queue,
}  # fmt: skip
# The KMS actions that a caller needs. CloudWatch Logs uses the key itself: see `resource_policies`.
_ACTIONS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "dynamodb": dict.fromkeys(
        ("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan",
         "UpdateItem"),
        _DECRYPT,
    ),
    "secretsmanager": {"GetSecretValue": _DECRYPT, "PutSecretValue": _SEND, "UpdateSecret": _SEND},
    "sns": {"Publish": _SEND, "PublishBatch": _SEND},
    "sqs": {"ReceiveMessage": _DECRYPT, "SendMessage": _SEND, "SendMessageBatch": _SEND},
}  # fmt: skip
# The error codes for a key that cannot be used.
_CODES: Final = {
    "dynamodb": "AccessDeniedException", "secretsmanager": "DecryptionFailure",
    "sns": "KMSDisabled", "sqs": "KmsDisabled",
}  # fmt: skip
