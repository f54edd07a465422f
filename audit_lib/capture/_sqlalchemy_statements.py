"""Captures `session.execute` of UPDATE, DELETE and INSERT, and refuses what cannot be captured.

The rows of an UPDATE or DELETE are read before and after it. `CaptureError` is raised for upserts,
`INSERT … SELECT`, Core statements on audited tables, and the session's bulk methods.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ClauseElement

from audit_lib._exceptions import CaptureError
from audit_lib._record.changes import same

from ._models import MOST_ROWS, AuditedModel, record_id, written
from ._sqlalchemy_session import (
    MISSING,
    MODELS,
    ObjectChange,
    audited_model,
    frames_of,
    note_change,
)

_OPTION: Final = "audit"
_AT_ONCE: Final = 500


def execute(state: Any) -> Any:
    """Handle `do_orm_execute`: execute and audit UPDATE, DELETE and INSERT of audited models.

    Returns:
        The statement's result, or None if SQLAlchemy is to execute it: a SELECT, a model that is
        not audited, or `execution_options(audit=False)`.

    Raises:
        CaptureError: the statement cannot be audited.
    """
    if not (state.is_update or state.is_delete or state.is_insert):
        return None
    if state.execution_options.get(_OPTION) is False:
        return None
    mapper = state.bind_mapper
    if mapper is None:
        _refuse_table(getattr(state.statement, "table", None))
        return None
    model = audited_model(mapper.class_)
    if model is None:
        return None
    if state.is_insert:
        return _insert(state, mapper, model)
    return _many(state, mapper, model)


def _refuse_table(table: Any) -> None:
    """Raise `CaptureError` for the table of an audited model, or its association tables."""
    for cls, model in MODELS.items():
        described: Any = inspect(cls)
        for mapper in described.self_and_descendants:
            name = mapper.class_.__name__
            if table in mapper.tables:
                raise CaptureError(
                    f"found a statement on the table {table.name}, whose model {name} is audited; use"
                    f" {name} in it, or set execution_options(audit=False) and write the record yourself"
                )
            for link in mapper.relationships:
                if link.secondary is table and link.key not in model.excluded:
                    raise CaptureError(
                        f"found a statement on the association table {table.name}, whose rows are"
                        f" audited through {name}.{link.key}; add or remove objects in"
                        f" {name}.{link.key}, or set execution_options(audit=False) and write the"
                        " record yourself"
                    )


def refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a bulk method of `Session`, which triggers no events: raise `CaptureError` for audited models."""

    @wraps(original)
    def method(self: Session, about: Any, *args: Any, **kwargs: Any) -> Any:
        given = about if original.__name__ == "bulk_save_objects" else [about]
        objects = list(given)
        for each in objects:
            cls = inspect(each).mapper.class_
            if audited_model(cls) is not None:
                raise CaptureError(
                    f"found Session.{original.__name__} of {cls.__name__}, which is audited; SQLAlchemy has"
                    f" no event for it; use session.add_all(), or session.execute() of"
                    f" insert({cls.__name__}) or update({cls.__name__})"
                )
        return original(self, objects if given is about else about, *args, **kwargs)

    return method


def _many(state: Any, mapper: Any, model: AuditedModel) -> Any:
    """Execute an UPDATE or DELETE, and note the rows it changed, read before and after it.

    If it matches more than `MOST_ROWS` rows, only their number is noted.
    """
    session, statement = state.session, state.statement
    columns = [getattr(mapper.class_, column.key) for column in mapper.column_attrs]
    names = [column.key for column in mapper.column_attrs]
    asked = select(*columns).limit(MOST_ROWS + 1)
    if statement._where_criteria:  # noqa: SLF001 - `whereclause` is one of several
        asked = asked.where(*statement._where_criteria)  # noqa: SLF001
    before = {
        _identity(mapper, names, row): row for row in session.execute(asked, state.parameters)
    }
    result = state.invoke_statement()
    frame = frames_of(session)[-1]
    if len(before) > MOST_ROWS:
        note_change(frame, object(), _Many(model, mapper.class_, state, result.rowcount))
        return result
    after = {} if state.is_delete else _read(session, mapper, names, columns, list(before))
    for key, row in before.items():
        change = _row_change(mapper, model, names, row, after.get(key))
        change.id = record_id(key)
        if change.new:
            note_change(frame, (mapper.class_, key), change)
    return result


def _row_change(
    mapper: Any, model: AuditedModel, names: list[str], old: Any, new: Any
) -> ObjectChange:
    change = ObjectChange(model, mapper.class_, "")
    change.verb = "deleted" if new is None else "updated"
    for at, name in enumerate(names):
        if name not in model.excluded:
            was = written(mapper.class_, name, old[at])
            now = MISSING if new is None else written(mapper.class_, name, new[at])
            if now is MISSING or not same(was, now):
                change.changed((name,), was, now)
    return change


def _insert(state: Any, mapper: Any, model: AuditedModel) -> Any:
    statement = state.statement
    if getattr(statement, "_post_values_clause", None) is not None or statement.select is not None:
        raise CaptureError(
            f"found an upsert or INSERT … SELECT into {mapper.class_.__name__}, which is audited; which rows"
            " it inserts and which it changes is unknown; use session.merge(), or set"
            " execution_options(audit=False) and audit it yourself"
        )
    given = state.parameters
    rows = given if isinstance(given, list) else [given or {}]
    fixed = {
        column.key: getattr(value, "value", value)
        for column, value in (statement._values or {}).items()  # noqa: SLF001 - `.values(…)` of one row
    }
    result = state.invoke_statement()
    for row in rows:
        values = {**fixed, **row}
        key = [values.get(column.key) for column in mapper.primary_key]
        change = ObjectChange(model, mapper.class_, record_id(key) if None not in key else "")
        change.verb = "created"
        for name, value in values.items():
            if name not in model.excluded:
                text = "<computed by the database>" if isinstance(value, ClauseElement) else value
                change.changed((name,), MISSING, written(mapper.class_, name, text))
        note_change(frames_of(state.session)[-1], object(), change)
    return result


def _identity(mapper: Any, names: list[str], row: Any) -> tuple[Any, ...]:
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return tuple(row[names.index(key)] for key in keys)


def _read(
    session: Session, mapper: Any, names: list[str], columns: list[Any], keys: list[tuple[Any, ...]]
) -> dict[tuple[Any, ...], Any]:
    from sqlalchemy import tuple_  # noqa: PLC0415 - only needed for statements of many rows

    found = {}
    for at in range(0, len(keys), _AT_ONCE):
        part = keys[at : at + _AT_ONCE]
        asked = select(*columns)
        if len(mapper.primary_key) == 1:
            asked = asked.where(mapper.primary_key[0].in_([key[0] for key in part]))
        else:
            asked = asked.where(tuple_(*mapper.primary_key).in_(part))
        found.update({_identity(mapper, names, row): row for row in session.execute(asked)})
    return found


class _Many(ObjectChange):
    """A statement that changed more than `MOST_ROWS` rows: one record, with the number of rows."""

    __slots__ = ("count", "what")

    def __init__(self, model: AuditedModel, cls: type, state: Any, count: int) -> None:
        super().__init__(model, cls, "")
        self.what = "deleted" if state.is_delete else "updated"
        self.count = count

    def write(self) -> None:
        self.model.write_bulk(self.what, self.count)
