"""Keeps the context of audit records (user, source, request) as ECS fields, in `contextvars`."""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from contextvars import copy_context as _current_contextvars
from functools import wraps
from threading import get_ident
from typing import Any, Final, ParamSpec, Self, TypeVar

from ._configuration import get_config
from ._record.document import merged
from ._record.ecs import related
from ._record.head import is_reserved
from ._record.interrupts import from_signal_handler
from ._record.plain import plain, plain_fields, text_of
from ._record.secrets import Redactions, has_secret, texts_of

__all__ = [
    "Context",
    "Request",
    "bind",
    "clear",
    "context",
    "copy_context",
    "current_context",
    "unbind",
]

# A worker that binds a secret for each job must not accumulate them.
_MAX_SECRETS: Final = 100
_P = ParamSpec("_P")
_R = TypeVar("_R")


class Context:
    """The ECS fields that are added to records, masked; they must not be changed.

    Attributes:
        fields: ECS objects by their names, as JSON values.
        redactions: what was masked in them.
        related: ECS `related`: the users and IP addresses in them.
    """

    __slots__ = ("fields", "redactions", "related")

    def __init__(
        self, fields: dict[str, Any], redactions: Redactions, related: dict[str, list[str]]
    ) -> None:
        self.fields = fields
        self.redactions = redactions
        self.related = related


_NOTHING: Final = Context({}, Redactions(), {})
_CONTEXT: Final[ContextVar[Context]] = ContextVar("audit_lib.context", default=_NOTHING)


class Request:
    """The context of one request, task or invocation: `with Request(fields):`.

    All asyncio tasks and threads with a copy of the request's `contextvars` share this object. A
    framework may run a dependency in another thread, with a copy that is discarded; fields that are
    bound there are nevertheless in all later records of the request.
    """

    __slots__ = ("_looking_up", "_token", "_user", "context")

    def __init__(
        self, fields: Mapping[str, Any], user: Callable[[], Mapping[str, Any] | None] | None = None
    ) -> None:
        """Create the context, with its fields masked; `with` makes it the current one.

        Args:
            fields: ECS objects by their names, such as those of `request_fields`.
            user: returns ECS `user`, or None while the user is unknown. It is called for each record
                until it returns a user, so that a user who is authenticated later is in the
                records that follow. An exception counts as None.
        """
        self.context = _with(_NOTHING, None, fields)
        self._user = user
        self._looking_up: set[int] = set()
        self._token: Token[Request | None] | None = None

    def __enter__(self) -> Self:
        """Make this request the current one."""
        self._token = _REQUEST.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the previous request; do nothing in a `contextvars` context where this one was not set."""
        if self._token is not None:
            with suppress(ValueError):  # it ended in another context, where it was not set
                _REQUEST.reset(self._token)

    def forget(self, names: Collection[str] | None) -> None:
        """Remove fields; `user` or None also ends the look-up of the user.

        Args:
            names: names of ECS objects, or dotted paths of members; None for all fields. For a member
                of `user`, the user is looked up first.
        """
        if names and any(str(name).startswith("user.") for name in names):
            self.in_force()  # look the user up first, or a later look-up would add the member again
        self.context = _NOTHING if names is None else _without(self.context, names)
        if names is None or "user" in names:
            self._user = None

    def in_force(self) -> Context:
        """Return the context; while the user is unknown, look it up first.

        A user that is bound already is kept. An exception of the look-up is ignored.
        """
        if self._user is not None and get_ident() not in self._looking_up:
            self._looking_up.add(get_ident())  # the look-up itself may write a record
            try:
                user = self._user()
            except Exception as error:
                if from_signal_handler(error):
                    raise
                user = None  # such as a database that cannot be queried here
            finally:
                self._looking_up.discard(get_ident())
            if user:
                self._user = None
                if "user" not in self.context.fields:
                    self.context = _with(self.context, None, {"user": dict(user)})
        return self.context


_REQUEST: Final[ContextVar[Request | None]] = ContextVar("audit_lib.request", default=None)


@contextmanager
def context(*, on_behalf_of: Any = None, **fields: Any) -> Generator[None]:
    """Add ECS objects to all audit records that are written in the block.

    `context(user={"id": "7", "name": "Ana"}, source={"ip": "203.0.113.9"})`. Blocks nest: an inner
    block adds to the objects of the outer one and overrides its members; a user with another `id`
    replaces the whole user. Asyncio tasks inherit the objects; `copy_context` passes them to threads.

    Args:
        on_behalf_of: the user on whose behalf an administrator acts: ECS `user.effective`. In nested
            blocks, the innermost user is `user.effective`, and those of the outer blocks are kept in
            order in `user.effective.via`.
        fields: ECS objects by their names. What only the library writes, such as `message`, `log` and
            `process`, is written under `extra`.
    """
    token = _CONTEXT.set(_with(_CONTEXT.get(), on_behalf_of, fields))
    try:
        yield
    finally:
        with suppress(ValueError):  # a framework ends a generator in another context than it began
            _CONTEXT.reset(token)


def bind(*, on_behalf_of: Any = None, **fields: Any) -> None:
    """Add ECS objects to all audit records that follow in this request, in all its threads.

    Without a request of `audit_lib.adapters`, they are added in the current asyncio task or thread.
    Objects are merged as in `context`.

    Args:
        on_behalf_of: the user on whose behalf the user acts, as in `context`.
        fields: ECS objects by their names.
    """
    if (request := _REQUEST.get()) is not None:
        request.context = _with(request.context, on_behalf_of, fields)
    else:
        _CONTEXT.set(_with(_CONTEXT.get(), on_behalf_of, fields))


def unbind(*names: str) -> None:
    """Remove fields from all audit records that follow in this request, task or thread.

    `unbind("user.email", "source")`. A name that is not bound is ignored. At the end of a `context`
    block, the fields from before it are restored.

    Args:
        names: names of ECS objects, or dotted paths of members.
    """
    if (request := _REQUEST.get()) is not None:
        request.forget(names)
    _CONTEXT.set(_without(_CONTEXT.get(), names))


def clear() -> None:
    """Remove all fields, including those of the request and its user, from the records that follow.

    At the end of a `context` block, the fields from before it are restored, without those of a request.
    """
    if (request := _REQUEST.get()) is not None:
        request.forget(None)
    _CONTEXT.set(_NOTHING)


def copy_context(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a wrapper that runs a function in the current `contextvars` context, in any thread.

    `pool.submit(audit_lib.copy_context(work), order)`,
    `Thread(target=audit_lib.copy_context(work))`. All context variables are copied when `copy_context`
    is called. Each call of the wrapper has its own copy; its changes do not remain in the thread.

    Args:
        function: the function to run.

    Returns:
        A function with the same arguments and result.
    """
    current = _current_contextvars()

    @wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return current.copy().run(function, *args, **kwargs)

    return wrapper


def _with(present: Context, on_behalf_of: Any, fields: Mapping[str, Any]) -> Context:
    above = _without_reserved(plain(fields))
    if on_behalf_of is not None:
        above = merged(above, {"user": {"effective": plain_fields(on_behalf_of)}})
    redactions = Redactions()
    redactions.add(present.redactions)
    del redactions.secrets[:-_MAX_SECRETS]
    fields = _over(present.fields, get_config().masking.masked(above, (), redactions))
    return _made(fields, redactions)


def _without_reserved(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with those that only the library may write moved to `extra`, as those of `extra` are."""
    moved = {name: value for name, value in fields.items() if is_reserved(name)}
    if not moved:
        return fields
    kept = {name: value for name, value in fields.items() if name not in moved}
    extra = kept.get("extra", {})
    return {**kept, "extra": {**(extra if isinstance(extra, dict) else {"extra": extra}), **moved}}


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return both objects merged recursively, so that no user has members of another user.

    If `above` has a `user` with another `id`, it replaces the whole user. If both have `user.effective`,
    the users between the first and the last one are kept in `user.effective.via`.
    """
    earlier, now = below.get("user"), above.get("user")
    if not (isinstance(earlier, dict) and isinstance(now, dict)):
        return merged(below, above)
    if "id" in now and earlier.get("id", now["id"]) != now["id"]:
        return merged({name: value for name, value in below.items() if name != "user"}, above)
    before, effective = earlier.get("effective"), now.get("effective")
    if isinstance(before, dict) and isinstance(effective, dict):
        # The first one acts on behalf of the last one; those between are kept in order.
        via = [before.get("via"), [{name: before[name] for name in before if name != "via"}],
               effective.get("via")]  # fmt: skip
        chain = [each for part in via if isinstance(part, list) for each in part]
        below = {**below, "user": {**earlier, "effective": {}}}
        above = {**above, "user": {**now, "effective": {**effective, "via": chain}}}
    return merged(below, above)


def _made(fields: dict[str, Any], redactions: Redactions) -> Context:
    # Searched once, since many records contain them.
    above = related(fields)
    redactions.searched = {**fields, "related": above}, texts_of(fields)
    redactions.has_secret = has_secret(redactions.searched[1])
    return Context(fields, redactions, above)


def _without(present: Context, names: Iterable[str]) -> Context:
    """Return a copy of a context without the named fields and their notes."""
    fields = present.fields
    redactions = Redactions()
    redactions.add(present.redactions)
    for name in map(text_of, names):
        path = ["extra", name] if is_reserved(name) else [name]
        path = path if len(path) > 1 or name in fields else name.split(".")
        fields = _removed(fields, path)
        removed = f"$.{'.'.join(path)}"
        for noted in [p for p in redactions.notes if p == removed or p.startswith(f"{removed}.")]:
            del redactions.notes[noted]
    return _made(fields, redactions)


def _removed(fields: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """Return an object without the member at a path and without the objects that become empty."""
    name, *below = path
    if name not in fields:
        return fields
    kept = {other: value for other, value in fields.items() if other != name}
    if below and isinstance(fields[name], dict):
        inner = _removed(fields[name], below)
        return {**fields, name: inner} if inner else kept
    return fields if below else kept


def current_context() -> Context:
    """Return the context for the next record: the request's, overridden by that of `context` blocks.

    The user of the request is looked up if it is not known yet.
    """
    block, request = _CONTEXT.get(), _REQUEST.get()
    if request is None:
        return block
    around = request.in_force()
    if block is _NOTHING:
        return around
    redactions = Redactions()
    redactions.add(around.redactions)
    redactions.add(block.redactions)
    return _made(_over(around.fields, block.fields), redactions)
