"""What both ORM captures use: the configuration of audited models, plain values, and writing records."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from audit_lib._logger import AuditLogger
from audit_lib._record.masking_rules import SensitiveValue, TypedDictRules, annotated_rules
from audit_lib._record.plain import plain, text_of

__all__ = ["MOST_ROWS", "AuditedModel", "model_of", "record_id", "write_all", "written"]


MOST_ROWS: Final = 1000
"""A statement that changes more rows than this writes one record, with the number of rows."""
# Packages whose frames are skipped: the origin of a record is the code that calls them.
_BETWEEN: Final = frozenset({"asgiref", "audit_lib", "django", "greenlet", "sqlalchemy"})


class AuditedModel(NamedTuple):
    """The audit configuration of a model: its logger, record type, and excluded attributes."""

    logger: AuditLogger
    record_type: str
    excluded: frozenset[str]

    def write(
        self, verb: str, known: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Write an audit record for one object; `verb` is `created`, `updated` or `deleted`."""
        kind = self.record_type
        message = f"{kind} {known} {verb}"
        about: dict[str, Any] = {"record_id": known, "stacklevel": _stacklevel()}
        if verb == "created":
            self.logger.record_created(message, kind, after, **about)
        elif verb == "deleted":
            self.logger.record_deleted(message, kind, before, **about)
        else:
            self.logger.record_updated(message, kind, before, after, **about)

    def write_bulk(self, verb: str, count: int, unsure: str | None = None) -> None:
        """Write one audit record for a statement that changed `count` rows.

        Args:
            verb: `created`, `updated` or `deleted`.
            count: the number of rows.
            unsure: the reason why it is unknown which rows changed; the outcome is then `unknown`.
        """
        kind = self.record_type
        self.logger.event(
            f"{count} records of {kind} {verb} by one statement",
            action=f"{kind}-bulk-{verb}",
            category="database", type="change", stacklevel=_stacklevel(), reason=unsure,
            outcome="success" if unsure is None else "unknown",
            extra={"changes": {"record_type": kind, "count": count}},
        )  # fmt: skip


def model_of(models: Mapping[type, AuditedModel], cls: type) -> AuditedModel | None:
    """Return the audit configuration of a class or of its nearest audited base class, or None."""
    return next((models[base] for base in cls.__mro__ if base in models), None)


def write_all(writes: Iterable[Callable[[], object]]) -> None:
    """Call all functions that write the records of a transaction, then raise the first exception."""
    lost: Exception | None = None
    for write in writes:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - the others are written nevertheless
            lost = lost or error
    if lost is not None:
        raise lost


def _stacklevel() -> int:
    """Return the `stacklevel` of the calling application code: 1 is the caller of this function."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as `logging` does it
    while frame.f_back is not None:
        frame, level = frame.f_back, level + 1
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] not in _BETWEEN:
            return level
    return 1


def record_id(key: Iterable[Any]) -> str:
    """Return a primary key as text; the values of a composite key are joined by `/`."""
    return "/".join(text_of(part) for part in key)


def written(cls: type, name: str, value: Any) -> Any:
    """Return an attribute's value in JSON types, as `SensitiveValue` if its annotation marks it sensitive."""
    rule = annotated_rules(cls).get(name)
    if isinstance(rule, TypedDictRules):
        return rule.applied(plain(value))
    return plain(value) if rule is None else SensitiveValue(plain(value), rule)
