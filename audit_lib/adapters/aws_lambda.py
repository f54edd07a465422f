"""AWS Lambda: `@audited` on the handler.

Every record of an invocation says which one it is (`faas`), and for API Gateway, function URLs and load
balancers from where the request came and, where an authorizer says so, who made it.
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
    """Wrap a handler of an event and a context; nothing of one invocation is in the next."""

    @wraps(handler)
    def invoked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        event, context = (*args, None, None)[:2]
        try:
            with Request(_fields(event, context)):
                return handler(*args, **kwargs)
        finally:
            flush_all()  # the process is frozen after it

    return invoked


def _fields(event: Any, context: Any) -> dict[str, Any]:
    global _warm  # noqa: PLW0603 - what a cold start is
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
    if asked := _member(event, "requestContext"):
        fields.update(_of_request(event, asked))
    elif root := os.environ.get("_X_AMZN_TRACE_ID"):
        fields.update(trace_fields({"x-amzn-trace-id": root}.get))
    return fields


def _of_request(event: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Read both formats of API Gateway (1.0 and 2.0, of function URLs too) and a load balancer's."""
    headers = {str(name).lower(): str(value) for name, value in _member(event, "headers").items()}
    http = _member(asked, "http")
    identity = _member(asked, "identity")
    # A load balancer says only whom it saw last, at the right end of the header.
    direct = http.get("sourceIp") or identity.get("sourceIp")
    fields = request_fields(
        headers.get,
        str(direct) if direct else None,
        method=str(http.get("method") or event.get("httpMethod") or ""),
        path=str(http.get("path") or event.get("path") or ""),
        trusted_proxies=0 if direct else 1,
    )
    if asked.get("requestId"):
        fields["http"]["request"]["id"] = str(asked["requestId"])
    user = _user(_member(asked, "authorizer"), identity)
    return fields | ({"user": user} if user else {})


def _user(authorizer: Mapping[str, Any], identity: Mapping[str, Any]) -> dict[str, str]:
    """Return who asked, as a token's claims, an authorizer of one's own, or IAM say."""
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
    """Return an object of an event, which anybody may have made: empty where it is none."""
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, Mapping) else {}
