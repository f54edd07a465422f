"""Who is acting, from where, in which request: ECS fields that all records of a block carry."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token, copy_context
from functools import wraps
from threading import get_ident
from typing import Any, Final, ParamSpec, Self, TypeVar

from ._configuration import settings
from ._record.document import merged
from ._record.ecs import related
from ._record.masking import Withheld
from ._record.plain import plain, plain_fields

__all__ = ["Context", "Request", "bind", "carry", "context", "current_context"]

# A worker that binds a secret for each job does not keep them all.
_MOST_SEEN: Final = 100
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Context:
    """The fields in force, as plain values that are not to be changed.

    `withheld` is what of them is not written, `related` everybody and every address in them.
    """

    __slots__ = ("fields", "related", "withheld")

    def __init__(
        self, fields: dict[str, Any], withheld: Withheld, related: dict[str, list[str]]
    ) -> None:
        self.fields = fields
        self.withheld = withheld
        self.related = related


_NOTHING: Final = Context({}, Withheld(), {})
_CONTEXT: Final[ContextVar[Context]] = ContextVar("audit_lib.context", default=_NOTHING)


class Request:
    """The context of one request, task or invocation, which all its tasks and threads share.

    What is bound anywhere in it is bound for all of it: in a framework a dependency often runs in
    another thread, with a copy of the context that is thrown away.
    """

    __slots__ = ("_asking", "_token", "_user", "context")

    def __init__(
        self, fields: dict[str, Any], user: Callable[[], Mapping[str, Any] | None] | None = None
    ) -> None:
        self.context = _with(_NOTHING, None, fields)
        self._user = user
        self._asking: set[int] = set()
        self._token: Token[Request | None] | None = None

    def __enter__(self) -> Self:
        self._token = _REQUEST.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            with suppress(ValueError):  # ended in another context, which has none of it
                _REQUEST.reset(self._token)

    def in_force(self) -> Context:
        """Give the fields, the user among them as soon as one is known."""
        if self._user is not None and get_ident() not in self._asking:
            self._asking.add(get_ident())  # who looks a user up may write a record of it
            try:
                user = self._user()
            except Exception:  # noqa: BLE001 - such as a database that may not be asked right here
                user = None
            finally:
                self._asking.discard(get_ident())
            if user:
                self._user = None
                if "user" not in self.context.fields:
                    self.context = _with(self.context, None, {"user": dict(user)})
        return self.context


_REQUEST: Final[ContextVar[Request | None]] = ContextVar("audit_lib.request", default=None)


@contextmanager
def context(*, on_behalf_of: Any = None, **fields: Any) -> Generator[None]:
    """Add ECS objects to every audit record made inside the block.

    `context(user={"id": "7", "name": "Ana"}, source={"ip": "203.0.113.9"})`. Blocks nest: an inner
    one adds to the outer one's objects and wins where both say something; another user's `id`
    takes the whole place of the first. It follows asyncio tasks; `carry` takes it into threads.

    Args:
        on_behalf_of: whom the user acts as, when an administrator does: ECS `user.effective`. One
            inside another keeps the first in `user.effective.via`.
        fields: ECS objects by their names.
    """
    token = _CONTEXT.set(_with(_CONTEXT.get(), on_behalf_of, fields))
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def bind(*, on_behalf_of: Any = None, **fields: Any) -> None:
    """Add ECS objects to every audit record that follows in this request, wherever in it.

    Where no middleware of `audit_lib.adapters` has begun a request: in this task or thread.
    """
    if (request := _REQUEST.get()) is not None:
        request.context = _with(request.context, on_behalf_of, fields)
    else:
        _CONTEXT.set(_with(_CONTEXT.get(), on_behalf_of, fields))


def carry(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Give a function that runs in the context that is in force here, in whatever thread.

    `pool.submit(audit_lib.carry(work), order)`, `Thread(target=audit_lib.carry(work))`. Nothing of
    it stays in the thread.
    """
    here = copy_context()

    @wraps(function)
    def carried(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return here.copy().run(function, *args, **kwargs)

    return carried


def _with(present: Context, on_behalf_of: Any, fields: dict[str, Any]) -> Context:
    above, below = plain(fields), present.fields
    earlier, now = below.get("user"), above.get("user")
    if isinstance(earlier, dict):
        if isinstance(now, dict) and "id" in now and earlier.get("id", now["id"]) != now["id"]:
            # Somebody else: nothing of the one is said of the other.
            below = {name: value for name, value in below.items() if name != "user"}
            earlier = {}
    else:
        earlier = {}
    if on_behalf_of is not None:
        effective = plain_fields(on_behalf_of)
        if isinstance(before := earlier.get("effective"), dict):
            via = before.get("via", [])
            effective["via"] = [*via, {name: before[name] for name in before if name != "via"}]
            below = {**below, "user": {**earlier, "effective": {}}}
        above = merged(above, {"user": {"effective": effective}})
    withheld = Withheld()
    withheld.also(present.withheld)
    del withheld.seen[:-_MOST_SEEN]
    fields = merged(below, settings().masking.covered(above, (), withheld))
    withheld.search(fields)
    return _made(fields, withheld)


def _made(fields: dict[str, Any], withheld: Withheld) -> Context:
    return Context(fields, withheld, related(fields))


def current_context() -> Context:
    """Give what is in force here."""
    block, request = _CONTEXT.get(), _REQUEST.get()
    if request is None:
        return block
    around = request.in_force()
    if block is _NOTHING:
        return around
    withheld = Withheld()
    withheld.also(around.withheld)
    withheld.also(block.withheld)
    return _made(merged(around.fields, block.fields), withheld)
