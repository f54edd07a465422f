"""Evaluates the statements of IAM policies: identity policies and resource policies.

Supported are `Action`, `NotAction`, `Resource`, `NotResource`, principals that are services, accounts or roles,
and the condition operators `StringEquals`, `StringLike`, `ArnEquals`, `ArnLike` and `Bool`; `NotPrincipal` is
not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from local_cloud.errors import UnknownConditionError

__all__ = ["AccessRequest", "allowed", "effects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """An action on a resource by a principal, to be evaluated against the statements of policies.

    Attributes:
        action: the IAM action, such as `sqs:SendMessage`.
        resource: the resource's ARN.
        service: the service principal for resource policies; None for identity policies.
        principals: the AWS principals for resource policies: ARNs and account ids.
        context: the values of the condition keys, whose names are case-insensitive.
    """

    action: str
    resource: str
    service: str | None = None
    principals: frozenset[str] = frozenset()
    context: Mapping[str, str] = field(default_factory=dict)


def allowed(statements: Iterable[Mapping[str, Any]], request: AccessRequest) -> bool:
    """Return whether a statement allows the request and no statement denies it.

    Raises:
        UnknownConditionError: a statement has a condition operator that is not supported.
    """
    return effects(statements, request) == {"Allow"}


def effects(statements: Iterable[Mapping[str, Any]], request: AccessRequest) -> set[str]:
    """Return the effects of the statements that match the request: `Allow`, `Deny`, both or none.

    Raises:
        UnknownConditionError: a statement has a condition operator that is not supported.
    """
    return {statement["Effect"] for statement in statements if _applies(statement, request)}


def _applies(statement: Mapping[str, Any], request: AccessRequest) -> bool:
    return (
        _names_action(statement, request.action.lower())
        and _names_resource(statement, request.resource)
        and _names_principal(statement, request)
        and all(
            _holds(operator, key, wanted, request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _names_action(statement: Mapping[str, Any], action: str) -> bool:
    name = "NotAction" if "NotAction" in statement else "Action"
    named = any(_like(pattern, action, lower=True) for pattern in _list(statement, name))
    return named == (name == "Action")


def _names_resource(statement: Mapping[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not any(_like(pattern, resource) for pattern in _list(statement, "NotResource"))
    if "Resource" not in statement:  # optional in a resource's own policy
        return True
    return any(_like(pattern, resource) for pattern in _list(statement, "Resource"))


def _names_principal(statement: Mapping[str, Any], request: AccessRequest) -> bool:
    if "NotPrincipal" in statement:
        raise UnknownConditionError(
            "the embedded cloud does not support NotPrincipal in a policy; use Principal"
        )
    principal = statement.get("Principal")
    if principal is None or principal in ("*", {"AWS": "*"}):
        return True
    return isinstance(principal, Mapping) and (
        request.service in _list(principal, "Service")
        or bool(request.principals & set(_list(principal, "AWS")))
    )


def _holds(operator: str, key: str, wanted: Any, context: Mapping[str, str]) -> bool:
    values = [str(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
    found = {name.lower(): value for name, value in context.items()}.get(key.lower())
    match operator:
        case "StringEquals":
            return found in values
        case "StringLike" | "ArnLike" | "ArnEquals":
            return found is not None and any(_like(value, found) for value in values)
        case "Bool":
            return found is not None and found.lower() in [value.lower() for value in values]
    raise UnknownConditionError(
        f"the embedded cloud does not support the condition operator {operator} (of the key"
        f" {key}); use StringEquals, StringLike, ArnEquals, ArnLike or Bool"
    )


def _list(holder: Mapping[str, Any], name: str) -> list[Any]:
    value = holder.get(name, [])
    return value if isinstance(value, list) else [value]


def _like(pattern: str, text: str, *, lower: bool = False) -> bool:
    return _compiled(pattern.lower() if lower else pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
