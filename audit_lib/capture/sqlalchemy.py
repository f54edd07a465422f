"""SQLAlchemy 2: models that are audited by themselves, whatever changes them, and only once it holds.

    audit_models(User, Account, logger=logger.audit)

What a session changes is told after its transaction is committed, once an object: from its first value
to its last, however often it was flushed. What is rolled back is not told, nested savepoints included.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from sqlalchemy import event, inspect
from sqlalchemy.orm import Mapper, Session

from audit_lib._exceptions import CaptureError
from audit_lib._logger import AuditLogger

from ._models import AuditedModel
from ._sqlalchemy_session import (
    MODELS,
    after_flush,
    after_flush_postexec,
    before_flush,
    transaction_begun,
    transaction_committed,
    transaction_ended,
)
from ._sqlalchemy_statements import execute, refusing

__all__ = ["audit_models", "release_models"]


def audit_models(
    *models: type,
    logger: AuditLogger,
    record_type: str | None = None,
    exclude: Collection[str] = (),
) -> None:
    """Audit what sessions do to these models and to their subclasses, until `release_models`.

    Args:
        models: mapped classes.
        logger: the audit logger that writes the records; the context says who acts.
        record_type: kind of the records; the class's name in small letters when left out.
        exclude: attributes that are not audited, such as `updated_at`: they are not written, and an
            update of them alone writes no record.

    Raises:
        CaptureError: a class is not mapped.
    """
    for model in models:
        mapper: Any = inspect(model, raiseerr=False)
        if not isinstance(mapper, Mapper):
            raise CaptureError(
                f"{model!r} is not mapped; give classes of SQLAlchemy's declarative base"
            )
        if model not in MODELS:
            for column in mapper.column_attrs:
                # The old value is loaded when a new one is set: without this, one that expired is lost.
                event.listen(
                    getattr(model, column.key),
                    "set",
                    _loads_the_old_value,
                    active_history=True,
                    propagate=True,
                )
        MODELS[model] = AuditedModel(
            logger, record_type or model.__name__.lower(), frozenset(exclude)
        )
    if not event.contains(Session, "after_flush", after_flush):
        for name, listener in _LISTENERS.items():
            if not event.contains(Session, name, listener):  # `release_models` keeps some
                # Before those of others, which may raise.
                event.listen(Session, name, listener, insert=name in _FIRST)
        for name in _REFUSED:
            setattr(Session, name, refusing(getattr(Session, name)))


def release_models(*models: type) -> None:
    """Stop auditing these models and their subclasses: the reverse of `audit_models`.

    What an open transaction has changed and flushed before is written when it is committed.

    Args:
        models: the classes; without any, all that are audited. One that is not audited is ignored.
    """
    for model in models or tuple(MODELS):
        if MODELS.pop(model, None) is not None:
            mapper: Any = inspect(model)
            for column in mapper.column_attrs:
                event.remove(getattr(model, column.key), "set", _loads_the_old_value)
    if MODELS or not event.contains(Session, "after_flush", after_flush):
        return
    for name, listener in _LISTENERS.items():
        if name not in _KEPT:
            event.remove(Session, name, listener)
    for name in _REFUSED:
        setattr(Session, name, getattr(Session, name).__wrapped__)


def _loads_the_old_value(*_: Any) -> None:
    """Do nothing: SQLAlchemy reads the old value because there is a listener."""


_REFUSED: Final = ("bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings")
# These write the records of transactions that are open when the last model is released.
_KEPT: Final = frozenset({"after_transaction_create", "after_transaction_end", "after_commit"})
_FIRST: Final = frozenset({"after_commit", "after_transaction_end"})
_LISTENERS: Final[dict[str, Callable[..., Any]]] = {
    "after_transaction_create": transaction_begun,
    "after_transaction_end": transaction_ended,
    "after_commit": transaction_committed,
    "before_flush": before_flush,
    "after_flush": after_flush,
    "after_flush_postexec": after_flush_postexec,
    "do_orm_execute": execute,
}
