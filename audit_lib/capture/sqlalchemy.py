"""SQLAlchemy 2: writes an audit record for each changed object of an audited model, after the commit.

    audit_models(User, Account, logger=logger.audit)

After the commit, one record is written for each object, with its values before the transaction and after
it, however often it was flushed; none after a rollback, including that of a savepoint. `session.execute`
of `update`, `delete` and `insert` is captured row by row; a statement that changes more than 1,000 rows
writes one record, with the number of rows. `CaptureError` is raised for what cannot be captured:
`bulk_save_objects`, `bulk_insert_mappings`, `bulk_update_mappings`, upserts, `INSERT … SELECT`, and Core
statements on the table of an audited model or on an association table; the execution option `audit=False`
excludes a statement.
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
    """Audit changes of these models and their subclasses by all sessions, until `release_models`.

    A further call for a model replaces its configuration.

    Args:
        models: mapped classes.
        logger: the audit logger that writes the records; the user is that of the context.
        record_type: the record type. Default, and always for subclasses that are not passed
            themselves: the class's name in lower case.
        exclude: attributes that are not audited, such as `updated_at`: they are not written, and an
            update of only these attributes writes no record.

    Raises:
        CaptureError: a class is not mapped.
    """
    for model in models:
        mapper: Any = inspect(model, raiseerr=False)
        if not isinstance(mapper, Mapper):
            raise CaptureError(
                f"found {model!r}, which is not mapped; pass classes of a declarative base"
            )
        if model not in MODELS:
            for column in mapper.column_attrs:
                # Loads the old value when a new one is set; without it, an expired one is lost.
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
                # Before other listeners, which may raise.
                event.listen(Session, name, listener, insert=name in _FIRST)
        for name in _REFUSED:
            setattr(Session, name, refusing(getattr(Session, name)))


def release_models(*models: type) -> None:
    """Stop auditing these models and their subclasses: the reverse of `audit_models`.

    Changes flushed before this call in an open transaction are written when that is committed.

    Args:
        models: the classes; without any, all audited ones. A class that is not audited is ignored.
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
    """Do nothing: SQLAlchemy loads the old value because a listener exists."""


_REFUSED: Final = ("bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings")
# They write the records of transactions that are open when the last model is released.
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
