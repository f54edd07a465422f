"""Who is acting, from where, in which request: ECS fields that all records of a block carry."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from ._plain import plain

__all__ = ["context", "current_context", "merged"]

_CONTEXT: Final[ContextVar[dict[str, Any]]] = ContextVar("audit_lib.context")


@contextmanager
def context(**fields: Any) -> Generator[None]:
    """Add ECS objects to every audit record made inside the block.

    `context(user={"id": "7", "name": "Ana"}, source={"ip": "203.0.113.9"})`. Blocks nest: an inner
    one adds to the outer one's objects and wins where both say something. It follows asyncio
    tasks; a thread of its own starts without it (`contextvars.copy_context().run` carries it over).
    """
    token = _CONTEXT.set(merged(current_context(), plain(fields)))
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def current_context() -> dict[str, Any]:
    """Give the fields in force here, as plain values; not to be changed."""
    return _CONTEXT.get({})


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Give both objects as one: members of `above` win, objects on both sides are merged."""
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        if isinstance(under, dict) and isinstance(value, dict):
            result[name] = merged(under, value)
        else:
            result[name] = value
    return result
