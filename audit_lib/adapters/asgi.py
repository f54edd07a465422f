"""Starlette, FastAPI, Litestar and other ASGI frameworks: `app.add_middleware(AuditMiddleware)`."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audit_lib._context import Request

from .request import request_fields

__all__ = ["AuditMiddleware"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AuditMiddleware:
    """Adds the source and the id of the request to its records.

    The user is `scope["user"]`, set by an authentication middleware, or the one that a dependency or
    an endpoint, asynchronous or not, binds with `audit_lib.bind(user=…)`.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, trusted_proxies: int = 0
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            trusted_proxies: the number of your own proxies in front of it.
        """
        self.app = app
        self.trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request in its context."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers: dict[str, str] = {}
        for raw, value in scope.get("headers") or ():
            name = raw.decode("latin-1").lower()
            text = value.decode("latin-1")
            headers[name] = f"{headers[name]},{text}" if name in headers else text
        client = scope.get("client") or (None, None)
        fields = request_fields(
            headers.get,
            client[0],
            method=scope.get("method", ""),
            path=scope.get("path", ""),
            port=client[1],
            trusted_proxies=self.trusted_proxies,
        )
        with Request(fields, user=lambda: _user(scope)):
            await self.app(scope, receive, send)


def _user(scope: Scope) -> dict[str, Any] | None:
    user = scope.get("user")
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    found = {}
    for field, attribute in (("id", "identity"), ("id", "id"), ("name", "display_name")):
        try:
            value = getattr(user, attribute, None)
        except NotImplementedError:  # Starlette's base class
            continue
        if value is not None and value != "" and field not in found:
            found[field] = value
    return found or None
