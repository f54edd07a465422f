"""Flask, and whatever else speaks WSGI: `app.wsgi_app = AuditMiddleware(app.wsgi_app)`."""

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import Any

from audit_lib._context import Request

from .request import request_fields

__all__ = ["AuditMiddleware", "environ_fields"]

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class AuditMiddleware:
    """Every record of a request says from where it came and which one it is.

    The user is `REMOTE_USER`, where the server says one, or what is bound with
    `audit_lib.bind(user=…)`. It lasts until the last byte of the answer.
    """

    def __init__(self, app: Application, *, trusted_proxies: int = 0) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            trusted_proxies: how many proxies of your own stand before it.
        """
        self.app = app
        self.trusted_proxies = trusted_proxies

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer a request inside its context."""
        own = copy_context()  # of this request alone: nothing of it stays in the server's thread
        return _Answer(own, own.run(self._answer, environ, start_response))

    def _answer(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        Request(
            environ_fields(environ, self.trusted_proxies), user=lambda: _user(environ)
        ).__enter__()
        return self.app(environ, start_response)


class _Answer:
    """An answer whose parts are made inside the request's context, as its beginning was."""

    def __init__(self, own: Context, answer: Iterable[bytes]) -> None:
        self._own = own
        self._answer = answer
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._parts is None:
            self._parts = self._own.run(iter, self._answer)
        return self._own.run(next, self._parts)

    def close(self) -> None:
        close = getattr(self._answer, "close", None)
        if close is not None:
            self._own.run(close)


def environ_fields(environ: Environ, trusted_proxies: int) -> dict[str, Any]:
    """Return the ECS fields of a WSGI request."""

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
