"""Defines the loggers: `AuditLogger` writes audit records, `AppLogger` has one as `.audit`."""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final, Unpack, cast

from ._arguments import (
    EventArguments,
    RecordArguments,
    checked_exception,
    checked_flag,
    checked_level,
    checked_names,
    checked_stacklevel,
    named_fields,
    report_problems,
)
from ._configuration import Config, get_config
from ._content import (
    argument_names,
    changes_by_key,
    is_routine,
    key_labels,
    own_fields,
    payload_of,
    problem_labels,
    unshare_lists,
    verb_event,
)
from ._exceptions import LoggerConflictError
from ._output.handler import DEFAULT_HANDLER, AuditFormatter, AuditHandler, filtered
from ._proof import chain
from ._record import encoding
from ._record.changes import changes_between
from ._record.document import PAYLOAD, distrust, document_from_frame
from ._record.interrupts import from_signal_handler
from ._record.masking import Redactions
from ._record.plain import plain_fields
from ._record.processes import on_copy

__all__ = ["AppLogger", "AuditLogger", "get_logger"]

_SUFFIX: Final = ".audit"
_EXTENDING = RLock()
_DEFAULT: Final = (DEFAULT_HANDLER,)
_UNSET: Final = object()
_MANY_FRAMES: Final = 1000
_STATES: Final = frozenset({"before", "after"})
_LEVEL_NAMES: Final = frozenset({"exc_info", "extra", "stack_info", "stacklevel"})


class AuditLogger(logging.Logger):
    """A logger in the hierarchy of `logging` whose records are audit records.

    All level methods, such as `info`, work on it; each call writes one line of ECS JSON. Unlike with an
    ordinary logger, nothing suppresses a record of INFO or above except `mute`: no level, no filter
    (which may change a record), no `logging.disable`, no `disable_existing_loggers`. Its records are
    sent to its own handlers and to standard output, and not to the handlers of its ancestors, except
    those of test tools that keep records in a list (pytest's `caplog`). An `AuditHandler` that is added
    to the logger replaces standard output.

    A missing positional argument raises `TypeError`; no other wrong argument raises in the caller. An
    argument that does not exist is written as a label, with the outcome `unknown` unless `outcome` is
    given; a value of a wrong type is converted, replaced or left out. `labels.audit_problem` says
    what was found; `AuditUsageWarning` describes how it is reported to a developer.
    """

    _muted = False

    def mute(self, muted: bool = True) -> None:
        """Stop writing records of this logger until `mute(False)`.

        Each change of the state writes a record, with the action `audit-muted` or `audit-unmuted`; a
        call that does not change the state does nothing.

        Args:
            muted: whether to stop; False to write records again.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        muted = bool(muted)
        if muted is self._muted:
            return
        self._muted = False
        state = "muted" if muted else "unmuted"
        self.event(
            f"The audit logger {self.name} was {state}", action=f"audit-{state}",
            category="configuration", type="change", stacklevel=2,
        )  # fmt: skip
        self._muted = muted

    def log(self, level: object, msg: object, *args: object, **arguments: Any) -> None:
        """Write a record at a level, if the logger writes that level.

        Args:
            level: a number. The name of a level is converted and any other value becomes INFO, both
                with `labels.audit_problem`.
            msg: the message.
            args: the arguments of the message, as in `logging`.
            arguments: `exc_info`, `extra`, `stack_info` and `stacklevel`, as in `logging`.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        problems: list[str] = []
        number = checked_level(level, problems)
        if problems:
            extra = arguments.get("extra")
            labels = {"labels.audit_problem": "; ".join(problems)}
            arguments["extra"] = {**named_fields(extra, []), **labels} if extra else labels
        if self.isEnabledFor(number):
            if type(stacklevel := arguments.get("stacklevel", 1)) is int:
                arguments["stacklevel"] = stacklevel + 1  # the frame of this method
            self._log(number, msg, args, **arguments)

    def record_created(
        self,
        msg: object,
        record_type: str,
        after: Any,
        *args: object,
        **arguments: Unpack[RecordArguments],
    ) -> None:
        """Write that a record was created, with its state after; sensitive values are masked.

        Args:
            msg: what happened, in words.
            record_type: the type of the record, such as `user`.
            after: the state of the record: a mapping, or a dataclass, pydantic, attrs,
                SQLAlchemy or Django object.
            args: the arguments of the message, as in `logging`.
            arguments: see `RecordArguments`.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        config = get_config()
        changes = changes_between(None, after, config.masking)
        self._write(config, "created", record_type, changes, msg, args, **arguments)

    def record_updated(  # noqa: PLR0913 - the two states, and how to compare them
        self,
        msg: object,
        record_type: str,
        before: Any,
        after: Any,
        *args: object,
        by_key: Mapping[str, str | None] | None = None,
        even_if_unchanged: bool = False,
        **arguments: Unpack[RecordArguments],
    ) -> None:
        """Write what an update changed: only what differs between `before` and `after`.

        An update that changed nothing writes nothing, unless `outcome` is not `success`, an argument does not
        exist, or `even_if_unchanged` is true.

        Args:
            msg: what happened, in words.
            record_type: the type of the record, such as `user`.
            before: the state of the record before: a mapping, or a dataclass, pydantic, attrs,
                SQLAlchemy or Django object.
            after: the state after.
            args: the arguments of the message, as in `logging`.
            by_key: lists to compare element by element: path → the member that identifies an
                element (`{"lines": "sku"}`), or None for its position.
            even_if_unchanged: write a record even if nothing differs.
            arguments: see `RecordArguments`.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        config = get_config()
        problems: list[str] = []
        if by_key is None:
            changes = changes_between(before, after, config.masking)
        else:
            changes = changes_by_key(config, before, after, by_key, problems)
        if not changes["fields"] and not checked_flag(even_if_unchanged) and is_routine(arguments):
            return
        self._write(config, "updated", record_type, changes, msg, args, problems, **arguments)

    @contextmanager
    def track(
        self,
        msg: object,
        record_type: str,
        record: Any,
        *args: object,
        by_key: Mapping[str, str | None] | None = None,
        **arguments: Unpack[RecordArguments],
    ) -> Generator[None]:
        """Write what the block changes in a record, like `record_updated`.

        A block that changes nothing writes nothing, with the exceptions of `record_updated`. If the block
        raises, a record with the outcome `failure` and the changes until then is written, and the
        exception is raised again.

        Args:
            msg: what happened, in words.
            record_type: the type of the record, such as `user`.
            record: the object that is changed: a mapping, or a dataclass, pydantic, attrs,
                SQLAlchemy or Django object.
            args: the arguments of the message, as in `logging`.
            by_key: as in `record_updated`.
            arguments: see `RecordArguments`. `outcome` is for a block that does not raise. If the
                block raises, the default of `reason` is the class of the exception.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        before = plain_fields(record, frozen=True)
        unknown: dict[str, Any] = {**arguments}
        for name in _STATES & unknown.keys():  # the record is the state: no such arguments
            unknown[f"{name} (argument)"] = unknown.pop(name)
        arguments = cast("RecordArguments", unknown)
        try:
            yield
        except BaseException as error:
            arguments["outcome"] = "failure"
            if arguments.get("reason") is None:
                arguments["reason"] = type(error).__name__
            raise
        finally:
            if type(level := arguments.get("stacklevel", 1)) is int:
                arguments["stacklevel"] = level + 2
            self.record_updated(msg, record_type, before, record, *args, by_key=by_key, **arguments)

    def record_deleted(
        self,
        msg: object,
        record_type: str,
        before: Any,
        *args: object,
        **arguments: Unpack[RecordArguments],
    ) -> None:
        """Write that a record was deleted, with its state before; sensitive values are masked.

        Args:
            msg: what happened, in words.
            record_type: the type of the record, such as `user`.
            before: the state of the record: a mapping, or a dataclass, pydantic, attrs,
                SQLAlchemy or Django object.
            args: the arguments of the message, as in `logging`.
            arguments: see `RecordArguments`.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        config = get_config()
        changes = changes_between(before, None, config.masking)
        self._write(config, "deleted", record_type, changes, msg, args, **arguments)

    def record_accessed(
        self,
        msg: object,
        record_type: str,
        *args: object,
        **arguments: Unpack[RecordArguments],
    ) -> None:
        """Write that a record was read: its type and `record_id`, without its content.

        Args:
            msg: what happened, in words.
            record_type: the type of the record, such as `user`.
            args: the arguments of the message, as in `logging`.
            arguments: see `RecordArguments`.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        self._write(get_config(), "accessed", record_type, {}, msg, args, **arguments)

    def event(self, msg: object, *args: object, **arguments: Unpack[EventArguments]) -> None:
        """Write an event that is not about one record, such as a failed sign-in, an export or a refusal.

        Args:
            msg: what happened, in words.
            args: the arguments of the message, as in `logging`.
            arguments: see `EventArguments`. A missing `action` is reported like a wrong argument.

        Raises:
            RecordLostError: the record could not be written (see `on_failure` of `configure`).
        """
        problems: list[str] = []
        category = checked_names(arguments.pop("category", ()), "event.category", problems)
        types = checked_names(arguments.pop("type", ()), "event.type", problems)
        level = checked_level(arguments.pop("level", logging.INFO), problems)
        self._write(
            get_config(), "", None, None, msg, args, problems, category, types, level, **arguments
        )

    def _write(  # noqa: PLR0913, PLR0917 - all parts of a record
        self,
        config: Config,
        verb: str,
        record_type: object,
        changes: dict[str, Any] | None,
        msg: object,
        args: tuple[object, ...],
        problems: list[str] | None = None,
        category: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
        level: int = logging.INFO,
        /,  # so that an unknown argument may have any name
        *,
        record_id: object = None,
        target: Any = None,
        action: object = None,
        outcome: object = _UNSET,
        reason: object = None,
        idempotency_key: object = None,
        extra: Any = None,
        exc_info: Any = None,
        stack_info: Any = False,
        stacklevel: Any = 1,
        **unknown: Any,
    ) -> None:
        if self._muted:
            return
        problems = [] if problems is None else problems
        if changes is None and record_id is not None:  # an event has no record
            unknown["record_id"] = record_id
        if outcome is _UNSET:
            # A misspelt argument may have been the outcome: never write a success that was none.
            outcome = "unknown" if unknown else "success"
        verb_result = verb_event(config, verb, record_type, action, outcome, category, types)
        redactions = Redactions()
        own = own_fields(config, verb_result, changes, record_id, target, reason, redactions)
        if idempotency_key is not None:
            own.update(key_labels(config, idempotency_key, redactions))
        extra_fields = {} if extra is None else named_fields(extra, problems)
        is_plain = type(stacklevel) is int and 0 < stacklevel < _MANY_FRAMES
        if not is_plain or exc_info is not None or stack_info is not False:
            exc_info = checked_exception(exc_info, problems)
            stack_info = checked_flag(stack_info)
            stacklevel = checked_stacklevel(stacklevel, problems)
        if unknown or problems or verb_result.problems:
            known = argument_names(verb)
            problems[:0] = verb_result.problems
            labels = problem_labels(unknown, known, problems, config, redactions)
            own["labels"] = {**labels, **own.get("labels", {})}
        if exc_info is None and not stack_info and (handlers := self._direct_handlers()):
            payload = payload_of(own, extra_fields, redactions, config)
            document = document_from_frame(self.name, level, msg, args, payload, stacklevel + 1)
            for handler in handlers:
                handler.write(document, redactions, config)
        else:
            unshare_lists(own["event"])
            super()._log(
                level, msg, args, exc_info=exc_info,
                extra=cast("Any", _Prepared((own, extra_fields, redactions))), stack_info=stack_info,
                stacklevel=stacklevel + 2,  # the frames of this method and of the verb
            )  # fmt: skip
        if problems:
            # Last, so that the record is written even where warnings are errors.
            report_problems(problems, redactions, stacklevel + 2)

    def _log(  # type: ignore[override] # noqa: PLR0913, PLR0917 - logging's arguments
        self,
        level: int,
        msg: object,
        args: Any,
        /,  # as in `_write`; logging passes them by position
        exc_info: Any = None,
        extra: Any = None,
        stack_info: Any = False,
        stacklevel: Any = 1,
        **unknown: Any,
    ) -> None:
        """Write the record of a level method, such as `info`; wrong keyword arguments become labels."""
        config, problems, redactions = get_config(), list[str](), Redactions()
        own: dict[str, Any] = {"event": {}}
        extra_fields = {} if extra is None else named_fields(extra, problems)
        if exc_info is not None:
            exc_info = checked_exception(exc_info, problems)
        stacklevel = checked_stacklevel(stacklevel, problems)
        if unknown:
            own["event"]["outcome"] = "unknown"
        if unknown or problems:
            own["labels"] = problem_labels(unknown, _LEVEL_NAMES, problems, config, redactions)
        super()._log(
            level, msg, args, exc_info=exc_info,
            extra=cast("Any", _Prepared((own, extra_fields, redactions))),
            stack_info=checked_flag(stack_info), stacklevel=stacklevel + 1,
        )  # fmt: skip
        if problems:
            report_problems(problems, redactions, stacklevel + 2)

    def _direct_handlers(self) -> "Sequence[AuditHandler] | None":
        """Return the handlers of a record if none of them needs a `LogRecord`, else None.

        Most do not need one, and creating it would double the time of a record.
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
        if self._test_handlers() or type(self).makeRecord is not AuditLogger.makeRecord:
            return None
        return handlers  # type: ignore[no-any-return] # all of them are `AuditHandler`s

    def _test_handlers(self) -> list[logging.Handler]:
        """Return the handlers of ancestors that keep records in a list, as pytest's `caplog` does."""
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
        """Return the `LogRecord`, with its payload in the attribute `_audit`.

        Unlike in `logging`, `extra` may have names of `LogRecord` attributes, which it does not replace.
        """
        try:
            record = super().makeRecord(
                name, level, fn, lno, msg, args, exc_info, func, extra=None, sinfo=sinfo
            )
        except Exception as error:
            if from_signal_handler(error):
                raise
            # `logging` asks a mapping among `args` for its length.
            record = super().makeRecord(
                name, level, fn, lno, msg, (), exc_info, func, extra=None, sinfo=sinfo
            )
            record.args = args
        own: dict[str, Any] = {"event": {}}
        prepared = cast("Any", extra)
        if isinstance(prepared, _Prepared):
            own, extra_fields, redactions = prepared
        else:
            extra_fields = {} if extra is None else named_fields(extra, [])
            redactions = Redactions()
        payload = payload_of(own, extra_fields, redactions, get_config())
        # For other formatters, as `logging` passes `extra`; existing attributes are kept.
        for key, value in (payload.fields | payload.extra).items():
            record.__dict__.setdefault(key, value)
        record.__dict__[PAYLOAD] = payload
        return record

    def handle(self, record: logging.LogRecord) -> None:
        """Pass the record to the handlers, even if a filter rejects it or the logger is disabled.

        A filter may replace the record.
        """
        if type(self).makeRecord is not AuditLogger.makeRecord:  # it may have changed the record
            distrust(record)
        self.callHandlers(filtered(self, record))

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Pass the record to the logger's own handlers, and to handlers of test tools at its ancestors.

        Without an `AuditHandler` among its own, the record is written to standard output first. The
        level of a handler that is not an `AuditHandler` applies.
        """
        # The audit handlers come first, since others may raise.
        handlers: list[logging.Handler] = [DEFAULT_HANDLER]
        if self.handlers:
            own = [handler for handler in self.handlers if isinstance(handler, AuditHandler)]
            handlers = [*(own or handlers), *(h for h in self.handlers if h not in own)]
        for handler in [*handlers, *self._test_handlers()]:
            if record.levelno >= handler.level or isinstance(handler, AuditHandler):
                handler.handle(record)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's name
        """Return whether records of a level are written: from `getEffectiveLevel` on, and none if muted."""
        return level >= self.getEffectiveLevel() and not self._muted

    def getEffectiveLevel(self) -> int:  # noqa: N802 - logging's name
        """Return INFO, or the logger's own level if that is lower; ancestors are ignored."""
        return min(self.level or logging.INFO, logging.INFO)


class AppLogger(logging.Logger):
    """A logger of `logging` with an attribute `audit`, the `AuditLogger` named `<name>.audit`."""

    @property
    def audit(self) -> AuditLogger:
        """The audit logger `<name>.audit`, a child of this logger, as `logging.getLogger` returns it.

        Raises:
            LoggerConflictError: a logger `<name>.audit` exists and its class cannot be extended.
        """
        found = self.__dict__.get("_audit_logger")
        if found is None:
            found = self.__dict__["_audit_logger"] = _extend(f"{self.name}{_SUFFIX}", AuditLogger)
        return cast("AuditLogger", found)


class _Prepared(tuple[dict[str, Any], dict[str, Any], Redactions]):
    """The argument `extra` of `makeRecord` from `_write` and `_log`: own, extra_fields, redactions."""

    __slots__ = ()


def get_logger(name: str) -> AppLogger:
    """Return the logger with a name, like `logging.getLogger`, extended by the attribute `audit`.

    An existing logger keeps its handlers, its level and the methods of its class.

    Args:
        name: such as `__name__`.

    Returns:
        The logger, the same for each call with that name.

    Raises:
        LoggerConflictError: a logger of that name exists and its class cannot be extended.
    """
    return cast("AppLogger", _extend(name, AppLogger))


def _renew_lock() -> None:
    global _EXTENDING  # noqa: PLW0603 - a thread that does not exist in a copy may have held it
    _EXTENDING = RLock()


on_copy(_renew_lock)


def _extend(name: str, kind: type[logging.Logger]) -> logging.Logger:
    """Return the logger of a name from `logging`, as an object of `kind`.

    If it is not one yet, its class becomes `kind`, or a new subclass of `kind` and of its class if that
    is neither a standard one nor `AppLogger`.

    Raises:
        LoggerConflictError: the class of the logger cannot be combined with `kind`.
    """
    encoding.prepare()
    chain.prepare()
    with _EXTENDING:
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
                f" be combined with audit_lib.{kind.__name__} ({error}); use another name"
            ) from error
        return logger
