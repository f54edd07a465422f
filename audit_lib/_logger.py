"""`AppLogger`, an ordinary logger with `.audit`; `AuditLogger`, which writes audit records."""

import logging
from collections.abc import Mapping
from os import urandom
from threading import RLock
from typing import Any, Final, NamedTuple, cast

from ._changes import changes_between
from ._context import current_context, merged
from ._document import PAYLOAD
from ._exceptions import LoggerConflictError
from ._handler import DEFAULT_HANDLER, AuditHandler
from ._plain import plain, text_of

__all__ = ["AppLogger", "AuditLogger", "get_logger"]

_SUFFIX: Final = ".audit"
_VARIANTS: Final = "89ab"
_ADOPTING: Final = RLock()
# ECS allows `user` as a type only for these: https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category
_CLASSIFIED: Final = {
    "user": (["iam"], ["user", "change"]),
    "group": (["iam"], ["group", "change"]),
}
_ANY_RECORD: Final = (["database"], ["change"])


class AuditLogger(logging.Logger):
    """A logger of logging's own hierarchy whose records are audit records.

    All level methods work on it and write one line of ECS JSON. It differs from an ordinary logger
    where an audit trail has to: its level is INFO until it is given one of its own (a root at ERROR
    does not reach it); `logging.disable` and `disable_existing_loggers` do not mute it; its records
    go to its own handlers and to standard output, never to its ancestors' handlers, save those of
    test tools that keep records in a list (pytest's `caplog`). An `AuditHandler` of its own takes
    the place of standard output.
    """

    def record_updated(  # noqa: PLR0913 - what there is to say about a change
        self,
        msg: object,
        record_type: str,
        before: Any,
        after: Any,
        *args: object,
        record_id: object = None,
        action: str | None = None,
        outcome: str = "success",
        reason: str | None = None,
        extra: Mapping[str, Any] | None = None,
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        **fields: Any,
    ) -> None:
        """Write what an update changed: of `before` and `after`, only what differs.

        Args:
            msg: what happened, for people; `args` are merged into it as `logging` does.
            record_type: the kind of the record, such as `user`.
            before: the record's state before: a mapping, dataclass, pydantic or attrs object.
            after: the state after.
            args: the message's arguments.
            record_id: which record it is.
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
        category, types = _CLASSIFIED.get(record_type, _ANY_RECORD)
        event = {
            "action": text_of(action) if action is not None else f"{text_of(record_type)}-updated",
            "category": category,
            "type": types,
            "outcome": text_of(outcome),
        }
        if reason is not None:
            event["reason"] = text_of(reason)
        changes: dict[str, Any] = {"record_type": text_of(record_type)}
        if record_id is not None:
            changes["record_id"] = text_of(record_id)
        changes |= changes_between(before, after)
        self._log(
            logging.INFO,
            msg,
            args,
            exc_info=exc_info,
            extra=cast(
                "Any",
                _Prepared({"event": event, "changes": changes}, _named(extra) | _named(fields)),
            ),
            stack_info=stack_info,
            stacklevel=stacklevel + 1,  # this frame is not the caller's
        )

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
            own, given = prepared
        else:
            given = _named(extra)
        for key, value in given.items():  # for a handler's own formatter, as logging does it
            record.__dict__.setdefault(key, value)
        own["event"] = {"id": _random_id(), "kind": "event", **own.get("event", {})}
        if context := current_context():
            own = merged(context, own)
        record.__dict__[PAYLOAD] = {"fields": own, "extra": given}
        return record

    def handle(self, record: logging.LogRecord) -> None:
        """Hand the record to the handlers unless a filter refuses it, `disabled` or not."""
        if passed := cast("Any", self.filter(record)):  # a filter may give another record
            self.callHandlers(passed if isinstance(passed, logging.LogRecord) else record)

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Hand the record to the logger's own handlers, to standard output, and to test tools."""
        # The trail comes first: a handler of somebody else's may raise.
        handlers: list[logging.Handler] = [DEFAULT_HANDLER]
        if self.handlers:
            own = [handler for handler in self.handlers if isinstance(handler, AuditHandler)]
            handlers = [*(own or handlers), *(h for h in self.handlers if h not in own)]
        ancestor = self.parent
        while ancestor is not None:
            for handler in ancestor.handlers:
                if isinstance(getattr(handler, "records", None), list):
                    handlers.append(handler)
            ancestor = ancestor.parent
        for handler in handlers:
            if record.levelno >= handler.level:
                handler.handle(record)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Whether the logger's own level lets it through; nothing else can mute it."""
        return level >= self.getEffectiveLevel()

    def getEffectiveLevel(self) -> int:  # noqa: N802 - logging's name
        """Give the logger's own level, INFO when it has none; an ancestor's has no effect."""
        return self.level or logging.INFO


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


class _Prepared(NamedTuple):
    """What `record_updated` hands to `makeRecord` in the place of `extra`."""

    own: dict[str, Any]
    given: dict[str, Any]


def _random_id() -> str:
    """Give a random UUID (RFC 9562, version 4), at a third of the time that `uuid` takes."""
    digits = urandom(16).hex()
    variant = _VARIANTS[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


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
