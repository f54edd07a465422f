"""`AppLogger`, an ordinary logger with `.audit`; `AuditLogger`, which writes audit records."""

import logging
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final, cast

from ._configuration import Settings, settings
from ._context import current_context
from ._exceptions import AuditUsageWarning, LoggerConflictError
from ._output.handler import DEFAULT_HANDLER, AuditFormatter, AuditHandler, filtered
from ._proof import chain
from ._record import encoding
from ._record.changes import changes_between
from ._record.document import PAYLOAD, Payload, document_here, merged
from ._record.ecs import classified, misfits
from ._record.ids import new_id
from ._record.masking import Withheld
from ._record.plain import plain, plain_fields, text_of

__all__ = ["AppLogger", "AuditLogger", "get_logger"]

_SUFFIX: Final = ".audit"
_ADOPTING: Final = RLock()
_DEFAULT: Final = (DEFAULT_HANDLER,)
_MOST_DESCRIBED: Final = 4096


class AuditLogger(logging.Logger):
    """A logger of logging's own hierarchy whose records are audit records.

    All level methods work on it and write one line of ECS JSON. It differs from an ordinary logger
    where an audit trail has to: nothing keeps a record of INFO or above back, no level, no filter
    (which may change a record), no `logging.disable`, no `disable_existing_loggers`, only `mute`.
    Its records go to its own handlers and to standard output, never to its ancestors' handlers,
    save those of test tools that keep records in a list (pytest's `caplog`). An `AuditHandler` of
    its own takes the place of standard output.
    """

    _muted = False

    def mute(self, muted: bool = True) -> None:
        """Write nothing any more, until `mute(False)`; that, and both moments, are on record."""
        if muted is self._muted:
            return
        self._muted = False
        what = "muted" if muted else "unmuted"
        self.event(
            f"audit-{what}", f"The audit logger {self.name} was {what}",
            category="configuration", type="change", stacklevel=2,
        )  # fmt: skip
        self._muted = muted

    def record_created(  # noqa: PLR0913 - what there is to say about a record
        self,
        msg: object,
        record_type: str,
        after: Any,
        *args: object,
        record_id: object = None,
        target: Any = None,
        action: str | None = None,
        outcome: str = "success",
        reason: str | None = None,
        extra: Mapping[str, Any] | None = None,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **fields: Any,
    ) -> None:
        """Write that a record was created, with its first state.

        Args:
            msg: what happened, for people.
            record_type: the kind of the record, such as `user`.
            after: the record's state: a mapping, dataclass, pydantic or attrs object.
            args: the message's arguments, merged into it as `logging` does.
            record_id: which record it is.
            target: the person that it was done to: ECS `user.target`, such as `{"id": …, "name": …}`.
            action: ECS `event.action`; `<record_type>-created` when left out.
            outcome: ECS `event.outcome`: `success`, `failure` or `unknown`.
            reason: ECS `event.reason`: why it was done, or why it failed.
            extra: more fields, ECS (`{"event.reference": …}`) or your own.
            exc_info: as `logging` has it.
            stack_info: as `logging` has it.
            stacklevel: as `logging` has it: 1 is the caller of this method.
            fields: more fields, each as in `extra`.

        Raises:
            RecordLostError: no stream took the record.
        """
        config = settings()
        changes = changes_between(None, after, config.masking)
        self._write(
            config, _deed(config, "created", record_type, action, outcome),
            record_id, changes, target, reason,
            msg, args, exc_info, stack_info, stacklevel, logging.INFO, extra, fields,
        )  # fmt: skip

    def record_updated(  # noqa: PLR0913 - what there is to say about a record
        self,
        msg: object,
        record_type: str,
        before: Any,
        after: Any,
        *args: object,
        record_id: object = None,
        target: Any = None,
        action: str | None = None,
        outcome: str = "success",
        reason: str | None = None,
        by_key: Mapping[str, str | None] | None = None,
        even_if_unchanged: bool = False,
        extra: Mapping[str, Any] | None = None,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **fields: Any,
    ) -> None:
        """Write what an update changed: of `before` and `after`, only what differs.

        An update that changed nothing writes nothing, unless it did not succeed.

        Args:
            msg: what happened, for people.
            record_type: the kind of the record, such as `user`.
            before: the record's state before: a mapping, dataclass, pydantic or attrs object.
            after: the state after.
            by_key: lists to compare element by element: path → the member that tells the elements
                apart (`{"lines": "sku"}`), or None for their position.
            even_if_unchanged: write it although nothing differs.
            args: the message's arguments, merged into it as `logging` does.
            record_id: which record it is.
            target: the person that it was done to: ECS `user.target`, such as `{"id": …, "name": …}`.
            action: ECS `event.action`; `<record_type>-updated` when left out.
            outcome: ECS `event.outcome`: `success`, `failure` or `unknown`.
            reason: ECS `event.reason`: why it was done, or why it failed.
            extra: more fields, ECS (`{"event.reference": …}`) or your own.
            exc_info: as `logging` has it.
            stack_info: as `logging` has it.
            stacklevel: as `logging` has it: 1 is the caller of this method.
            fields: more fields, each as in `extra`.

        Raises:
            RecordLostError: no stream took the record.
        """
        config = settings()
        changes = changes_between(before, after, config.masking, by_key)
        if not changes["fields"] and not even_if_unchanged and outcome == "success":
            return
        self._write(
            config, _deed(config, "updated", record_type, action, outcome),
            record_id, changes, target, reason,
            msg, args, exc_info, stack_info, stacklevel, logging.INFO, extra, fields,
        )  # fmt: skip

    @contextmanager
    def track(  # noqa: PLR0913 - what there is to say about a record
        self,
        msg: object,
        record_type: str,
        record: Any,
        *args: object,
        record_id: object = None,
        target: Any = None,
        action: str | None = None,
        reason: str | None = None,
        by_key: Mapping[str, str | None] | None = None,
        extra: Mapping[str, Any] | None = None,
        stacklevel: int = 1,
        **fields: Any,
    ) -> Generator[None]:
        """Write what the block changes in a record, as `record_updated` does.

        Nothing is written when it changes nothing. When the block raises, a record with the outcome
        `failure` is, with what was changed until then, and the exception goes on.

        Args:
            msg: what happened, for people.
            record_type: the kind of the record, such as `user`.
            record: what is changed: a mapping, dataclass, pydantic or attrs object.
            args: the message's arguments, merged into it as `logging` does.
            record_id: which record it is.
            target: the person that it was done to: ECS `user.target`.
            action: ECS `event.action`; `<record_type>-updated` when left out.
            reason: ECS `event.reason`; when the block raises and it is left out, the exception's class.
            by_key: as `record_updated` has it.
            extra: more fields, ECS or your own.
            stacklevel: as `logging` has it: 1 is the block.
            fields: more fields, each as in `extra`.

        Raises:
            RecordLostError: no stream took the record.
        """
        before = plain_fields(record)
        outcome = "failure"
        try:
            yield
            outcome = "success"
        except BaseException as error:
            reason = reason if reason is not None else type(error).__name__
            raise
        finally:
            self.record_updated(
                msg, record_type, before, record, *args,
                record_id=record_id, target=target, action=action, outcome=outcome, reason=reason,
                by_key=by_key, extra=extra, stacklevel=stacklevel + 2, **fields,
            )  # fmt: skip

    def record_deleted(  # noqa: PLR0913 - what there is to say about a record
        self,
        msg: object,
        record_type: str,
        before: Any,
        *args: object,
        record_id: object = None,
        target: Any = None,
        action: str | None = None,
        outcome: str = "success",
        reason: str | None = None,
        extra: Mapping[str, Any] | None = None,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **fields: Any,
    ) -> None:
        """Write that a record was deleted, with its last state.

        Args:
            msg: what happened, for people.
            record_type: the kind of the record, such as `user`.
            before: the record's state: a mapping, dataclass, pydantic or attrs object.
            args: the message's arguments, merged into it as `logging` does.
            record_id: which record it is.
            target: the person that it was done to: ECS `user.target`, such as `{"id": …, "name": …}`.
            action: ECS `event.action`; `<record_type>-deleted` when left out.
            outcome: ECS `event.outcome`: `success`, `failure` or `unknown`.
            reason: ECS `event.reason`: why it was done, or why it failed.
            extra: more fields, ECS (`{"event.reference": …}`) or your own.
            exc_info: as `logging` has it.
            stack_info: as `logging` has it.
            stacklevel: as `logging` has it: 1 is the caller of this method.
            fields: more fields, each as in `extra`.

        Raises:
            RecordLostError: no stream took the record.
        """
        config = settings()
        changes = changes_between(before, None, config.masking)
        self._write(
            config, _deed(config, "deleted", record_type, action, outcome),
            record_id, changes, target, reason,
            msg, args, exc_info, stack_info, stacklevel, logging.INFO, extra, fields,
        )  # fmt: skip

    def record_accessed(  # noqa: PLR0913 - what there is to say about a record
        self,
        msg: object,
        record_type: str,
        *args: object,
        record_id: object = None,
        target: Any = None,
        action: str | None = None,
        outcome: str = "success",
        reason: str | None = None,
        extra: Mapping[str, Any] | None = None,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **fields: Any,
    ) -> None:
        """Write that a record was read, of which nothing but its kind and id is written.

        Args:
            msg: what happened, for people.
            record_type: the kind of the record, such as `user`.
            args: the message's arguments, merged into it as `logging` does.
            record_id: which record it is.
            target: the person that it was done to: ECS `user.target`, such as `{"id": …, "name": …}`.
            action: ECS `event.action`; `<record_type>-accessed` when left out.
            outcome: ECS `event.outcome`: `success`, `failure` or `unknown`.
            reason: ECS `event.reason`: why it was done, or why it failed.
            extra: more fields, ECS (`{"event.reference": …}`) or your own.
            exc_info: as `logging` has it.
            stack_info: as `logging` has it.
            stacklevel: as `logging` has it: 1 is the caller of this method.
            fields: more fields, each as in `extra`.

        Raises:
            RecordLostError: no stream took the record.
        """
        config = settings()
        self._write(
            config, _deed(config, "accessed", record_type, action, outcome),
            record_id, {}, target, reason,
            msg, args, exc_info, stack_info, stacklevel, logging.INFO, extra, fields,
        )  # fmt: skip

    def event(  # noqa: PLR0913 - what there is to say about an event
        self,
        action: str,
        msg: object,
        *args: object,
        category: str | Sequence[str] = (),
        type: str | Sequence[str] = (),  # noqa: A002 - ECS's name
        target: Any = None,
        outcome: str = "success",
        reason: str | None = None,
        level: int = logging.INFO,
        extra: Mapping[str, Any] | None = None,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **fields: Any,
    ) -> None:
        """Write anything else that happened: a failed sign-in, an export, a refusal, an approval.

        Args:
            action: ECS `event.action`: what happened, such as `login` or `report-exported`.
            msg: the same for people.
            args: the message's arguments, merged into it as `logging` does.
            category: ECS `event.category`, one or several: `authentication`.
            type: ECS `event.type`, one or several that go with the category: `start`.
            target: the person that it was done to: ECS `user.target`.
            outcome: ECS `event.outcome`: `success`, `failure` or `unknown`.
            reason: ECS `event.reason`: why it was done, or why it failed.
            level: as `logging` has it; an event is written at any level.
            extra: more fields, ECS or your own.
            exc_info: as `logging` has it.
            stack_info: as `logging` has it.
            stacklevel: as `logging` has it: 1 is the caller of this method.
            fields: more fields, each as in `extra`.

        Raises:
            RecordLostError: no stream took the record.
        """
        config = settings()
        self._write(
            config, _deed(config, "", None, action, outcome, _several(category), _several(type)),
            None, None, target, reason,
            msg, args, exc_info, stack_info, stacklevel, level, extra, fields,
        )  # fmt: skip

    def _write(  # noqa: PLR0913, PLR0917 - all that is said of a record
        self,
        config: Settings,
        deed: "_Deed",
        record_id: object,
        changes: dict[str, Any] | None,
        target: Any,
        reason: object,
        msg: object,
        args: tuple[object, ...],
        exc_info: Any,
        stack_info: bool,
        stacklevel: int,
        level: int,
        extra: Mapping[str, Any] | None,
        fields: dict[str, Any],
    ) -> None:
        if self._muted:
            return
        withheld = Withheld()
        event = deed.event.copy()
        withheld.texts.append(event["action"])
        own: dict[str, Any] = {"event": event}
        if reason is not None:
            event["reason"] = text_of(reason)
            withheld.texts.append(event["reason"])
        if changes is not None:
            about: dict[str, Any] = {"record_type": deed.record_type}
            if record_id is not None:
                about["record_id"] = text_of(record_id)
                withheld.texts.append(about["record_id"])
            config.masking.cover_changes(changes, withheld)
            about.update(changes)
            own["changes"] = about
        if target is not None:
            user = {"target": plain_fields(target)}
            own["user"] = config.masking.covered(user, ("user",), withheld)
        problems = deed.problems
        if problems:
            own["labels"] = {"audit_problem": "; ".join(problems)}
            withheld.texts += problems
        given = _named(extra) | _named(fields) if extra or fields else {}
        if not (exc_info or stack_info) and (handlers := self._only_handlers()):
            payload = _payload(own, given, withheld, config)
            document = document_here(self.name, level, msg, args, payload, stacklevel + 1)
            for handler in handlers:
                handler.write(document, withheld, config)
        else:
            self._log(
                level, msg, args, exc_info=exc_info,
                extra=cast("Any", _Prepared((own, given, withheld))), stack_info=stack_info,
                stacklevel=stacklevel + 2,  # these two frames are not the caller's
            )  # fmt: skip
        if problems:
            # Only now: where warnings are errors, the record is there all the same.
            warnings.warn("; ".join(problems), AuditUsageWarning, stacklevel=stacklevel + 2)

    def _only_handlers(self) -> "Sequence[AuditHandler] | None":
        """Give those that hear of a record, where none of them asks for a `LogRecord`.

        That is how it mostly is, and making one takes as long as all the rest.
        """
        if self.filters or logging.getLogRecordFactory() is not logging.LogRecord:
            return None
        handlers: Any = self.handlers or _DEFAULT
        for handler in handlers:
            if (
                not isinstance(handler, AuditHandler)
                or type(handler).emit is not AuditHandler.emit
                or handler.filters
                or type(handler.formatter) is not AuditFormatter
            ):
                return None
        if self._test_tools() or type(self).makeRecord is not AuditLogger.makeRecord:
            return None
        return handlers  # type: ignore[no-any-return] # all of them are `AuditHandler`s

    def _test_tools(self) -> list[logging.Handler]:
        """Give the handlers of ancestors that keep records in a list, as pytest's `caplog` does."""
        found: list[logging.Handler] = []
        ancestor = self.parent
        while ancestor is not None:
            if handlers := ancestor.handlers:
                found += [h for h in handlers if isinstance(getattr(h, "records", None), list)]
            ancestor = ancestor.parent
        return found

    def makeRecord(  # noqa: N802, PLR0913, PLR0917 - logging's name and arguments
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        """Make the record; a name in `extra` may be any, those of a `LogRecord` included."""
        record = super().makeRecord(
            name, level, fn, lno, msg, args, exc_info, func, extra=None, sinfo=sinfo
        )
        own: dict[str, Any] = {}
        prepared = cast("Any", extra)
        if isinstance(prepared, _Prepared):
            own, given, withheld = prepared
        else:
            given, withheld = _named(extra), Withheld()
        payload = _payload(own or {"event": {}}, given, withheld, settings())
        # For other formatters, as logging hands over `extra`: what they know under a name stays.
        for key, value in (payload.fields | payload.extra).items():
            record.__dict__.setdefault(key, value)
        record.__dict__[PAYLOAD] = payload
        return record

    def handle(self, record: logging.LogRecord) -> None:
        """Hand the record to the handlers, whatever a filter says of it and `disabled` or not."""
        self.callHandlers(filtered(self, record))

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Hand the record to the logger's own handlers, to standard output, and to test tools."""
        # The trail comes first: a handler of somebody else's may raise.
        handlers: list[logging.Handler] = [DEFAULT_HANDLER]
        if self.handlers:
            own = [handler for handler in self.handlers if isinstance(handler, AuditHandler)]
            handlers = [*(own or handlers), *(h for h in self.handlers if h not in own)]
        for handler in [*handlers, *self._test_tools()]:
            if record.levelno >= handler.level or isinstance(handler, AuditHandler):
                handler.handle(record)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether it is INFO or above, or the logger's own level asks for less; and not muted."""
        return level >= self.getEffectiveLevel() and not self._muted

    def getEffectiveLevel(self) -> int:  # noqa: N802 - logging's name
        """Give INFO, or the logger's own level where that is lower; no ancestor's."""
        return min(self.level or logging.INFO, logging.INFO)


class AppLogger(logging.Logger):
    """An ordinary logger; its `.audit` is the `AuditLogger` named `<name>.audit`."""

    @property
    def audit(self) -> AuditLogger:
        """The audit logger below this one, the same that `logging.getLogger` gives.

        Raises:
            LoggerConflictError: a logger of that name exists and its class cannot be extended.
        """
        found = self.__dict__.get("_audit_logger")
        if found is None:
            found = self.__dict__["_audit_logger"] = _adopt(f"{self.name}{_SUFFIX}", AuditLogger)
        return cast("AuditLogger", found)


class _Deed:  # no `NamedTuple`: `import audit_lib` would wait for it
    """What was done, as the ECS `event` of it, and what ECS or the catalogue does not know of that."""

    __slots__ = ("event", "problems", "record_type")

    def __init__(
        self, event: dict[str, Any], problems: tuple[str, ...], record_type: str | None
    ) -> None:
        self.event = event
        self.problems = problems
        self.record_type = record_type


class _Prepared(tuple[dict[str, Any], dict[str, Any], Withheld]):
    """What the methods above pass to `makeRecord` instead of `extra`: own, given, withheld."""

    __slots__ = ()


def _deed(  # noqa: PLR0913, PLR0917 - what there is to say of a deed
    config: Settings,
    verb: str,
    record_type: object,
    action: object,
    outcome: object,
    category: tuple[str, ...] = (),
    types: tuple[str, ...] = (),
) -> _Deed:
    """Give the deed of a verb upon a record, or any other; made once for all that are alike."""
    known = verb, record_type, action, outcome, category, types
    try:
        made: _Deed | None = config.described.get(known)
    except TypeError:  # one of any type may be there
        made = None
    if made is not None:
        return made
    kind = None
    if verb:
        kind = text_of(record_type)
        category, types = classified(kind, verb)
    named = text_of(action) if action is not None else f"{kind}-{verb}"
    deed = _described(named, category, types, text_of(outcome), kind, config)
    # `True` and `1` are one key and two texts.
    alike = all(each is None or type(each) is str for each in known[:4])
    if alike and len(config.described) < _MOST_DESCRIBED:
        config.described[known] = deed
    return deed


def _described(  # noqa: PLR0913, PLR0917 - the same, as texts
    action: str,
    category: tuple[str, ...],
    types: tuple[str, ...],
    outcome: str,
    record_type: str | None,
    config: Settings,
) -> _Deed:
    event: dict[str, Any] = {"id": "", "kind": "event", "action": action, "outcome": outcome}
    if catalogued := config.actions.get(action):
        category, types = catalogued.category or category, catalogued.types or types
    if category:
        event["category"] = list(category)
    if types:
        event["type"] = list(types)
    unknown = config.unknown_action(action)
    problems = misfits(category, types, outcome)
    return _Deed(event, (unknown, *problems) if unknown else problems, record_type)


def _payload(
    own: dict[str, Any], given: dict[str, Any], withheld: Withheld, config: Settings
) -> Payload:
    """Give what is said of a record beside what `logging` says."""
    event = own["event"]
    event["id"] = new_id()
    event.setdefault("kind", "event")
    context = current_context()
    fields = context.fields.copy()
    if config.service:
        fields = merged({"service": config.service}, fields)
    for name, value in own.items():
        fields[name] = merged(fields[name], value) if type(fields.get(name)) is dict else value
    if context.withheld.notes or context.withheld.gives_away:
        withheld.also(context.withheld)
    else:
        withheld.searched = context.withheld.searched
    if given:
        given = config.masking.covered(given, (), withheld)
    return Payload(fields, given, withheld, None if given or "user" in own else context.related)


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (text_of(value),) if isinstance(value, str) else tuple(map(text_of, value))


def _named(extra: Any) -> dict[str, Any]:
    as_plain = plain(extra) if extra else {}
    return as_plain if isinstance(as_plain, dict) else {"extra": as_plain}


def get_logger(name: str) -> AppLogger:
    """Give the logger of that name, like `logging.getLogger`, with `.audit` on it.

    A logger that exists already keeps its handlers, its level and its class's methods.

    Raises:
        LoggerConflictError: a logger of that name exists and its class cannot be extended.
    """
    return cast("AppLogger", _adopt(name, AppLogger))


def _adopt(name: str, kind: type[logging.Logger]) -> logging.Logger:
    """Give logging's own logger of that name, with the methods of `kind` on it."""
    encoding.prepare()
    chain.prepare()
    with _ADOPTING:
        logger = logging.getLogger(name)
        present = type(logger)
        if issubclass(present, kind):
            return logger
        replaced = logging.Logger, logging.RootLogger, AppLogger
        bases = (kind,) if present in replaced else (kind, present)
        try:
            logger.__class__ = kind if len(bases) == 1 else type(present.__name__, bases, {})
        except TypeError as error:
            raise LoggerConflictError(
                f"the logger {name!r} is a {present.__module__}.{present.__qualname__}, which cannot"
                f" be joined with audit_lib.{kind.__name__} ({error}); give it another name"
            ) from error
        return logger
