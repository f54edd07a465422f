"""AWS Lambda: `@audited` on the handler.

Every record of an invocation says which one it is (`faas`), and for API Gateway, function URLs and load
balancers from where the request came and, where an authorizer says so, who made it.
"""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from audit_lib._context import Request
from audit_lib._handler import flush_all
from audit_lib._request import request_fields, trace_fields

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
    asked = event.get("requestContext") if isinstance(event, Mapping) else None
    if isinstance(asked, Mapping):
        fields.update(_of_request(event, asked))
    elif root := os.environ.get("_X_AMZN_TRACE_ID"):
        fields.update(trace_fields({"x-amzn-trace-id": root}.get))
    return fields


def _of_request(event: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Read both formats of API Gateway (1.0 and 2.0, of function URLs too) and a load balancer's."""
    headers = {
        str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()
    }
    http = asked.get("http") or {}
    identity = asked.get("identity") or {}
    # A load balancer says only whom it saw last, at the right end of the header.
    direct = http.get("sourceIp") or identity.get("sourceIp")
    fields = request_fields(
        headers.get,
        direct,
        method=str(http.get("method") or event.get("httpMethod") or ""),
        path=str(http.get("path") or event.get("path") or ""),
        trusted_proxies=0 if direct else 1,
    )
    if asked.get("requestId"):
        fields["http"]["request"]["id"] = str(asked["requestId"])
    authorizer = asked.get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or authorizer.get("claims") or {}
    user = {
        field: claims[claim]
        for field, claim in (("id", "sub"), ("name", "name"), ("email", "email"))
        if isinstance(claims, Mapping) and claims.get(claim)
    }
    return fields | ({"user": user} if user else {})
