"""WSGI middleware that adds the fields of the request and its user to all records of the request.

For Flask: `app.wsgi_app = AuditMiddleware(app.wsgi_app)`; for other WSGI frameworks, wrap the application:
`application = AuditMiddleware(application)`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any

from audit_lib._context import Request

from .request import request_fields

__all__ = ["AuditMiddleware", "environ_fields"]

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class AuditMiddleware:
    """Adds the ECS fields of `request_fields`, and the user, to the records of a request.

    The records written while the response body is iterated and closed have these fields as well. The
    `user.name` is `REMOTE_USER` in the WSGI environment, unless the application binds a user with
    `audit_lib.bind(user=…)`.
    """

    def __init__(self, app: Application, *, trusted_proxies: int = 0) -> None:
        """Wrap an application.

        Args:
            app: the WSGI application.
            trusted_proxies: the number of your own proxies in front of the application; see
                `request_fields`.
        """
        self.app = app
        self.trusted_proxies = trusted_proxies

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Run the application in its own copy of the contextvars, which the server's thread does not keep."""
        own = copy_context()  # for this request only: nothing of it stays in the server's thread
        return _ResponseBody(own, own.run(self._respond, environ, start_response))

    def _respond(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        Request(
            environ_fields(environ, self.trusted_proxies), user=lambda: _user(environ)
        ).__enter__()
        return self.app(environ, start_response)


class _ResponseBody:
    """A response body that is iterated and closed in the context of the request."""

    def __init__(self, own: Context, body: Iterable[bytes]) -> None:
        self._own = own
        self._body = body
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._parts is None:
            self._parts = self._own.run(iter, self._body)
        return self._own.run(next, self._parts)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            self._own.run(close)


def environ_fields(environ: Environ, trusted_proxies: int) -> dict[str, Any]:
    """Return the ECS fields of a request, as `request_fields` does, from its WSGI environment."""

    def header(name: str) -> str | None:
        value = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value if isinstance(value, str) else None

    port = str(environ.get("REMOTE_PORT", ""))
    return request_fields(
        header,
        environ.get("REMOTE_ADDR"),
        method=environ.get("REQUEST_METHOD", ""),
        path=environ.get("PATH_INFO", ""),
        port=int(port) if port.isdecimal() else None,
        trusted_proxies=trusted_proxies,
    )


def _user(environ: Environ) -> dict[str, Any] | None:
    name = environ.get("REMOTE_USER")
    return {"name": name} if name else None
