"""Django: `"audit_lib.adapters.django.AuditMiddleware"` in `MIDDLEWARE`, after the authentication's.

`AUDIT_LIB = {"trusted_proxies": 1}` in the settings says how many proxies of your own stand before it.
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
def AuditMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:  # noqa: N802 - what Django's settings name
    """Every record of a request says who made it, from where it came and which one it is."""
    trusted = getattr(settings, "AUDIT_LIB", {}).get("trusted_proxies", 0)

    def inside(request: HttpRequest) -> Any:
        return Request(environ_fields(request.META, trusted), user=lambda: _user(request))

    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> Any:
            with inside(request):
                return await get_response(request)

        return answer

    def answer_in_thread(request: HttpRequest) -> Any:
        with inside(request):
            return get_response(request)

    return answer_in_thread


def _user(request: HttpRequest) -> dict[str, Any] | None:
    """Return the user as it was first seen: one who deletes the own account is named all the same."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    found = {"id": str(user.pk), "name": user.get_username()}
    if email := getattr(user, "email", ""):
        found["email"] = email
    return found
