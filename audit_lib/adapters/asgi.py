"""ASGI middleware that adds the fields of the request and its user to all records of the request.

For Starlette and FastAPI: `app.add_middleware(AuditMiddleware)`; for other ASGI frameworks, wrap the
application: `app = AuditMiddleware(app)`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audit_lib._context import Request

from .request import request_fields

__all__ = ["AuditMiddleware"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AuditMiddleware:
    """Adds the fields of `request_fields`, and the user, to the records of HTTP requests and WebSockets.

    The user is `scope["user"]` if its `is_authenticated` is true, as an authentication middleware sets
    it, or the user that a dependency or an endpoint, asynchronous or not, binds with
    `audit_lib.bind(user=…)`.
    """

    def __init__(
        self, app: Callable[[Scope, Receive, Send], Awaitable[None]], *, trusted_proxies: int = 0
    ) -> None:
        """Wrap an application.

        Args:
            app: the ASGI application.
            trusted_proxies: the number of your own proxies in front of the application; see
                `request_fields`.
        """
        self.app = app
        self.trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application in the context of the request; `lifespan` events get no context."""
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
