"""Starlette, FastAPI, Litestar, and whatever else speaks ASGI: `app.add_middleware(AuditMiddleware)`."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audit_lib._context import Request

from .request import request_fields

__all__ = ["AuditMiddleware"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AuditMiddleware:
    """Every record of a request says from where it came and which one it is.

    The user is `scope["user"]`, where an authentication middleware has put one, or what is bound
    with `audit_lib.bind(user=…)`, in a dependency or an endpoint, asynchronous or not.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, trusted_proxies: int = 0
    ) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            trusted_proxies: how many proxies of your own stand before it.
        """
        self.app = app
        self.trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request inside its context."""
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
        except NotImplementedError:  # Starlette's own base class
            continue
        if value is not None and value != "" and field not in found:
            found[field] = value
    return found or None
