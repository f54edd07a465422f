"""AWS Lambda: the decorator `audited` adds the fields of the invocation to all its records.

The fields are ECS `faas` and, for events of API Gateway, function URLs and load balancers, those of
`request_fields` and the user from the event's authorizer or IAM identity. For other events, `trace.id` is
read from the environment variable `_X_AMZN_TRACE_ID`.
"""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from audit_lib._context import Request
from audit_lib._output.handler import flush_all

from .request import request_fields, trace_fields

__all__ = ["audited"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_warm = False


def audited(handler: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a handler in a context of its own for each invocation, and flush all audit handlers after it.

    Args:
        handler: a Lambda handler, called with the event and Lambda's context object.

    Returns:
        A function that returns the handler's result. It raises what the handler raises, or
        `RecordLostError` if flushing finds that a record was lost.
    """

    @wraps(handler)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        event, context = (*args, None, None)[:2]
        try:
            with Request(_fields(event, context)):
                return handler(*args, **kwargs)
        finally:
            flush_all()  # Lambda freezes the process after the invocation

    return wrapper


def _fields(event: Any, context: Any) -> dict[str, Any]:
    global _warm  # noqa: PLW0603 - the first invocation of the process is a cold start
    faas: dict[str, Any] = {"coldstart": not _warm}
    _warm = True
    for field, attribute in (
        ("execution", "aws_request_id"),
        ("name", "function_name"),
        ("version", "function_version"),
        ("id", "invoked_function_arn"),
    ):
        value = getattr(context, attribute, None)
        if isinstance(value, str):
            faas[field] = value
    fields: dict[str, Any] = {"faas": faas}
    if request := _member(event, "requestContext"):
        fields.update(_request_fields(event, request))
    elif root := os.environ.get("_X_AMZN_TRACE_ID"):
        fields.update(trace_fields({"x-amzn-trace-id": root}.get))
    return fields


def _request_fields(event: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an event of API Gateway (format 1.0 or 2.0), a function URL or a load balancer."""
    headers = {str(name).lower(): str(value) for name, value in _member(event, "headers").items()}
    http = _member(request, "http")
    identity = _member(request, "identity")
    # A load balancer gives the address only in the header, at its right end.
    direct = http.get("sourceIp") or identity.get("sourceIp")
    fields = request_fields(
        headers.get,
        str(direct) if direct else None,
        method=str(http.get("method") or event.get("httpMethod") or ""),
        path=str(http.get("path") or event.get("path") or ""),
        trusted_proxies=0 if direct else 1,
    )
    if request.get("requestId"):
        fields["http"]["request"]["id"] = str(request["requestId"])
    user = _user(_member(request, "authorizer"), identity)
    return fields | ({"user": user} if user else {})


def _user(authorizer: Mapping[str, Any], identity: Mapping[str, Any]) -> dict[str, str]:
    """Return ECS `user`: from the token's claims; the id else from `principalId` or the IAM user's ARN."""
    claims = _member(_member(authorizer, "jwt"), "claims") or _member(authorizer, "claims")
    user = {
        field: str(claims[claim])
        for field, claim in (("id", "sub"), ("name", "name"), ("email", "email"))
        if claims.get(claim)
    }
    iam = _member(authorizer, "iam").get("userArn") or identity.get("userArn")
    if "id" not in user and (other := authorizer.get("principalId") or iam):
        user["id"] = str(other)
    return user


def _member(holder: Any, name: str) -> Mapping[str, Any]:
    """Return the JSON object `name` of an event, or an empty mapping for any other value."""
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, Mapping) else {}
