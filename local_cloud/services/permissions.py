"""Checks each AWS call of a Lambda function against the identity policies of its execution role."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import Role, iam_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ses.models import ses_backends

from local_cloud.services.keys import key_allows_role, key_named, key_uses
from local_cloud.services.mail_rules import bare_address, configuration_sets, identity_of
from local_cloud.services.policies import AccessRequest, allowed, effects

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
            if reason := self._reason(role_arn, request):
                return _denial(role_arn, request, reason)
        for use in key_uses(self._region, service, operation, given):
            for action in use.actions:
                if message := self._key_refusal(role_arn, service, use.key, action):
                    return message
        return None

    def role_allows(self, role_arn: str, request: AccessRequest) -> bool:
        """Return whether the policies of a role, and its permissions boundary, allow an action on a resource.

        A boundary that does not exist allows nothing.
        """
        return self._reason(role_arn, request) is None

    def may_use_key(self, role_arn: str, service: str, key: str, action: str) -> bool:
        """Return whether a role may use a KMS key through a service, by its policies and the key's."""
        return self._key_refusal(role_arn, service, key, action) is None

    def _reason(self, role_arn: str, request: AccessRequest) -> str | None:
        """Return AWS's reason why a role may not do something, or None if it may."""
        role = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(role_arn)
        found = effects(_statements_of(role), request)
        if "Deny" in found:
            return "with an explicit deny in an identity-based policy"
        if not found:
            return f"because no identity-based policy allows the {request.action} action"
        if not _boundary_allows(role, request):
            return f"because no permissions boundary allows the {request.action} action"
        return None

    def _key_refusal(self, role_arn: str, service: str, name: str, action: str) -> str | None:
        """Return AWS's message if a role may not use a key, or None if it may or the key does not exist."""
        key = key_named(self._region, name)
        if key is None:
            return None  # that is not a matter of permissions
        context = {
            "kms:ViaService": f"{service}.{self._region}.amazonaws.com",
            "kms:CallerAccount": DEFAULT_ACCOUNT_ID,
            "aws:SecureTransport": "true",
        }
        request = AccessRequest(action=action, resource=key.arn, context=context)
        role = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(role_arn)
        by_key = key_allows_role(key, role_arn, request)
        if by_key is False:
            reason = f"because no resource-based policy allows the {action} action"
        elif by_key and "Deny" not in effects(_statements_of(role), request):
            if _boundary_allows(role, request):
                return None
            reason = f"because no permissions boundary allows the {action} action"
        elif (denied := self._reason(role_arn, request)) is None:
            return None
        else:
            reason = denied
        return _denial(role_arn, request, reason)

    def _requests(
        self, service: str, operation: str, given: _Parameters
    ) -> Iterator[AccessRequest]:
        """Yield the actions and resources that a call needs permission for.

        For a service that is not known here, the resource is a text that only `*` matches.
        """
        action, context = f"{service}:{operation}", {"aws:SecureTransport": "true"}
        action = _ACTIONS.get(action, action)
        if action == "ses:SendEmail":
            context["ses:FromAddress"] = bare_address(given.get("FromEmailAddress", ""))
            if "Raw" in given["Content"]:
                action = "ses:SendRawEmail"
            for name in self._mail_resources(given):
                yield AccessRequest(
                    action=action, resource=self._arn(service, name), context=context
                )
            return
        name_resources = _RESOURCES.get(service)
        names = name_resources(given) if name_resources else ["(unknown to the embedded cloud)"]
        for name in names:
            yield AccessRequest(action=action, resource=self._arn(service, name), context=context)

    def _arn(self, service: str, name: str) -> str:
        if name.startswith(("arn:", "(")):
            return name
        return f"arn:aws:{service}:{self._region}:{DEFAULT_ACCOUNT_ID}:{name}"

    def _mail_resources(self, given: _Parameters) -> Iterator[str]:
        """Yield the resources of `SendEmail`: the sender's identity, those of recipients, configuration sets.

        That of an address is the address if it is verified, else its domain. For an identity of a
        recipient, AWS documents nothing; senders were denied in the sandbox.
        """
        backend = ses_backends[DEFAULT_ACCOUNT_ID][self._region]
        sender = given.get("FromEmailAddress", "")
        yield f"identity/{identity_of(backend, sender) or bare_address(sender)}"
        for addresses in given.get("Destination", {}).values():
            for address in addresses:
                if identity := identity_of(backend, address):
                    yield f"identity/{identity}"
        for name in configuration_sets(backend, sender, given.get("ConfigurationSetName")):
            yield f"configuration-set/{name}"


def _denial(role_arn: str, request: AccessRequest, reason: str) -> str:
    return (
        f"User: {role_arn} is not authorized to perform: {request.action} on resource:"
        f" {request.resource} {reason}"
    )


def _statements_of(role: Role) -> Iterator[Mapping[str, Any]]:
    managed = (_default_version(policy) for policy in role.managed_policies.values())
    for document in (*role.policies.values(), *managed):
        yield from _statements(document)


def _boundary_allows(role: Role, request: AccessRequest) -> bool:
    arn = role.permissions_boundary_arn
    if not arn:
        return True
    policy = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].managed_policies.get(arn)
    return policy is not None and allowed(_statements(_default_version(policy)), request)


def _default_version(policy: Any) -> str:
    """Return the document of a managed policy's default version."""
    [document] = [
        version.document
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]
    return str(document)


def _statements(document: str) -> list[Mapping[str, Any]]:
    statements = json.loads(document)["Statement"]
    return statements if isinstance(statements, list) else [statements]


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


# The actions whose names differ from those of their operations.
_ACTIONS: Final = {"lambda:Invoke": "lambda:InvokeFunction"}
# By service: from a call's parameters to the resources that it needs.
_RESOURCES: Final[dict[str, Callable[[_Parameters], list[str]]]] = {
    "logs": _log_group,
    "sqs": lambda given: [given["QueueUrl"].rpartition("/")[2]],
    "dynamodb": _tables,
    "lambda": lambda given: [f"function:{given['FunctionName']}"],
    "secretsmanager": _secret,
    "cloudwatch": lambda given: [f"alarm:{name}" for name in given.get("AlarmNames") or ["*"]],
}
