"""Django middleware that adds the fields of the request and its user to all records of the request.

Add `"audit_lib.adapters.django.AuditMiddleware"` to `MIDDLEWARE`, after authentication. The setting
`AUDIT_LIB = {"trusted_proxies": 1}` is the number of your own proxies in front of Django; default 0.
"""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from audit_lib._context import Request

from .wsgi import environ_fields

__all__ = ["AuditMiddleware"]


@sync_and_async_middleware  # type: ignore[untyped-decorator] # Django ships no types
def AuditMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:  # noqa: N802 - named in Django's settings
    """Add the fields of `request_fields`, and the authenticated user, to the records of a request.

    The context ends when the response is returned: records that a streaming response writes later do
    not have these fields.
    """
    trusted = getattr(settings, "AUDIT_LIB", {}).get("trusted_proxies", 0)

    def request_context(request: HttpRequest) -> Any:
        return Request(environ_fields(request.META, trusted), user=lambda: _user(request))

    if iscoroutinefunction(get_response):

        async def respond_async(request: HttpRequest) -> Any:
            with request_context(request):
                return await get_response(request)

        return respond_async

    def respond(request: HttpRequest) -> Any:
        with request_context(request):
            return get_response(request)

    return respond


def _user(request: HttpRequest) -> dict[str, Any] | None:
    """Return ECS `user` of an authenticated user, else None.

    `Request` keeps the first user that is returned, also after the account is deleted.
    """
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    found = {"id": str(user.pk), "name": user.get_username()}
    if email := getattr(user, "email", ""):
        found["email"] = email
    return found
