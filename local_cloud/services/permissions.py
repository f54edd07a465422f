"""Checks each AWS call of a Lambda function against the identity policies of its execution role."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from local_cloud.services.policies import AccessRequest, allowed

__all__ = ["Permissions"]

_Parameters = Mapping[str, Any]


class Permissions:
    """Maps access keys to execution roles, and evaluates the inline and managed policies of the roles."""

    def __init__(self, *, region: str) -> None:
        self._region = region
        self._roles: dict[str, str] = {}

    def register(self, access_key: str, role_arn: str) -> None:
        """Register an access key: calls signed with it have the permissions of the role."""
        self._roles[access_key] = role_arn

    def knows(self, access_key: str) -> bool:
        """Return whether an access key is registered; other keys are the account owner's."""
        return access_key in self._roles

    def refusal(
        self, access_key: str, service: str, operation: str, given: _Parameters
    ) -> str | None:
        """Return AWS's message if a call is denied, or None if it is allowed.

        Args:
            access_key: a registered access key.
            service: the service prefix of IAM actions, such as `logs`.
            operation: the API operation, such as `PutLogEvents`.
            given: the call's parameters.

        Raises:
            UnknownConditionError: a policy has a condition operator that is not supported.
        """
        role_arn = self._roles[access_key]
        for request in self._requests(service, operation, given):
            if not self.role_allows(role_arn, request):
                return (
                    f"User: {role_arn} is not authorized to perform: {request.action} on resource:"
                    f" {request.resource} because no identity-based policy allows the"
                    f" {request.action} action"
                )
        return None

    def role_allows(self, role_arn: str, request: AccessRequest) -> bool:
        """Return whether the policies of a role allow an action on a resource."""
        return allowed(self._statements(role_arn), request)

    @staticmethod
    def _statements(role_arn: str) -> Iterator[Mapping[str, Any]]:
        role = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(role_arn)
        managed = (
            version.document
            for policy in role.managed_policies.values()
            for version in policy.versions
            if version.version_id == policy.default_version_id
        )
        for document in (*role.policies.values(), *managed):
            statements = json.loads(document)["Statement"]
            yield from statements if isinstance(statements, list) else [statements]

    def _requests(
        self, service: str, operation: str, given: _Parameters
    ) -> Iterator[AccessRequest]:
        """Yield the actions and resources that a call needs permission for.

        For a service that is not known here, the resource is a text that only `*` matches.
        """
        action, context = f"{service}:{operation}", {"aws:SecureTransport": "true"}
        action = _ACTIONS.get(action, action)
        if action == "ses:SendEmail":
            context["ses:FromAddress"] = given["FromEmailAddress"]
            if "Raw" in given["Content"]:
                action = "ses:SendRawEmail"
        name_resources = _RESOURCES.get(service)
        names = name_resources(given) if name_resources else ["(unknown to the embedded cloud)"]
        for name in names:
            arn = name
            if not name.startswith(("arn:", "(")):
                arn = f"arn:aws:{service}:{self._region}:{DEFAULT_ACCOUNT_ID}:{name}"
            yield AccessRequest(action=action, resource=arn, context=context)
        if service == "dynamodb":
            for key in _keys(given):
                via = {"kms:ViaService": f"dynamodb.{self._region}.amazonaws.com"}
                yield AccessRequest(action="kms:Decrypt", resource=key, context=context | via)


def _secret(given: _Parameters) -> list[str]:
    for backend in secretsmanager_backends[DEFAULT_ACCOUNT_ID].values():
        for secret in backend.secrets.values():
            if given["SecretId"] in (secret.name, secret.arn):
                return [secret.arn]
    return [f"secret:{given['SecretId']}"]


def _log_group(given: _Parameters) -> list[str]:
    return [f"log-group:{given['logGroupName']}:log-stream:{given.get('logStreamName', '')}"]


def _tables(given: _Parameters) -> list[str]:
    """Return the tables of a call, or the index that it queries."""
    if "RequestItems" in given:  # `BatchGetItem`
        return [f"table/{name}" for name in given["RequestItems"]]
    index = f"/index/{given['IndexName']}" if "IndexName" in given else ""
    return [f"table/{given['TableName']}{index}"]


def _keys(given: _Parameters) -> set[str]:
    """Return the keys that encrypt the tables of a call, which its caller has to be allowed to use."""
    names = given.get("RequestItems") or [given["TableName"]]
    found = set()
    for backend in dynamodb_backends[DEFAULT_ACCOUNT_ID].values():
        for name in names:
            table = backend.tables.get(str(name).rpartition("/")[2])
            key = (table.sse_specification or {}).get("KMSMasterKeyId") if table else None
            if key:
                found.add(str(key))
    return found


# The actions whose names differ from those of their operations.
_ACTIONS: Final = {"lambda:Invoke": "lambda:InvokeFunction"}
# By service: from a call's parameters to the resources that it needs.
_RESOURCES: Final[dict[str, Callable[[_Parameters], list[str]]]] = {
    "logs": _log_group,
    "sqs": lambda given: [given["QueueUrl"].rpartition("/")[2]],
    "dynamodb": _tables,
    "lambda": lambda given: [f"function:{given['FunctionName']}"],
    "secretsmanager": _secret,
    "ses": lambda given: [f"identity/{given['FromEmailAddress']}"],
    "cloudwatch": lambda given: [f"alarm:{name}" for name in given.get("AlarmNames") or ["*"]],
}
