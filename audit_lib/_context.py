"""Who is acting, from where, in which request: ECS fields that all records of a block carry."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from ._configuration import settings
from ._masking import Withheld
from ._plain import plain, plain_fields

__all__ = ["Context", "bind", "context", "current_context", "merged"]


class Context(NamedTuple):
    """The fields in force, as plain values that are not to be changed, and what they withhold."""

    fields: dict[str, Any]
    withheld: Withheld


_NOTHING: Final = Context({}, Withheld())
_CONTEXT: Final[ContextVar[Context]] = ContextVar("audit_lib.context", default=_NOTHING)


@contextmanager
def context(*, on_behalf_of: Any = None, **fields: Any) -> Generator[None]:
    """Add ECS objects to every audit record made inside the block.

    `context(user={"id": "7", "name": "Ana"}, source={"ip": "203.0.113.9"})`. Blocks nest: an inner
    one adds to the outer one's objects and wins where both say something. It follows asyncio
    tasks; a thread of its own starts without it (`contextvars.copy_context().run` carries it over).

    Args:
        on_behalf_of: whom the user acts as, when an administrator does: ECS `user.effective`.
        fields: ECS objects by their names.
    """
    token = _CONTEXT.set(_with(on_behalf_of, fields))
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def bind(*, on_behalf_of: Any = None, **fields: Any) -> None:
    """Add ECS objects to every audit record that follows, in this task or thread.

    For places that cannot have a block, such as a framework's hook at the beginning of a request,
    where each request has a context of its own. `context` is the safer one: it ends.
    """
    _CONTEXT.set(_with(on_behalf_of, fields))


def _with(on_behalf_of: Any, fields: dict[str, Any]) -> Context:
    above = plain(fields)
    if on_behalf_of is not None:
        effective = {"user": {"effective": plain_fields(on_behalf_of)}}
        above = merged(above, effective)
    present, withheld = current_context(), Withheld()
    withheld.also(present.withheld)
    return Context(
        merged(present.fields, settings().masking.covered(above, (), withheld)), withheld
    )


def current_context() -> Context:
    """Give what is in force here."""
    return _CONTEXT.get()


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
