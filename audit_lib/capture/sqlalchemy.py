"""SQLAlchemy 2: models that are audited by themselves, whatever changes them, and only once it holds.

    audit_models(User, Account, logger=logger.audit)

What a session changes is told after its transaction is committed, once an object: from its first value
to its last, however often it was flushed. What is rolled back is not told, nested savepoints included.
"""

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any, Final

from sqlalchemy import event, inspect, select
from sqlalchemy.orm import Mapper, PassiveFlag, Session, SessionTransaction, attributes
from sqlalchemy.sql import ClauseElement

from audit_lib._exceptions import CaptureError
from audit_lib._logger import AuditLogger
from audit_lib._record.changes import same

from ._models import MOST_ROWS, AuditedModel, model_of, record_id, tell_all, written

__all__ = ["audit_models", "release_models"]

_MISSING: Final = object()
_COMPUTED: Final = object()  # in the place of a value that the database computes
_STATE: Final = "audit_lib"
_OPTION: Final = "audit"
_AT_ONCE: Final = 500

_models: Final[dict[type, AuditedModel]] = {}


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
        if model not in _models:
            for column in mapper.column_attrs:
                # The old value is loaded when a new one is set: without this, one that expired is lost.
                event.listen(
                    getattr(model, column.key),
                    "set",
                    _loads_the_old_value,
                    active_history=True,
                    propagate=True,
                )
        _models[model] = AuditedModel(
            logger, record_type or model.__name__.lower(), frozenset(exclude)
        )
    if not event.contains(Session, "after_flush", _after_flush):
        for name, listener in _LISTENERS.items():
            if not event.contains(Session, name, listener):  # `release_models` keeps some
                # Before those of others, which may raise.
                event.listen(Session, name, listener, insert=name in _FIRST)
        for name in _REFUSED:
            setattr(Session, name, _refusing(getattr(Session, name)))


def release_models(*models: type) -> None:
    """Stop auditing these models and their subclasses: the reverse of `audit_models`.

    What an open transaction has changed and flushed before is written when it is committed.

    Args:
        models: the classes; without any, all that are audited. One that is not audited is ignored.
    """
    for model in models or tuple(_models):
        if _models.pop(model, None) is not None:
            mapper: Any = inspect(model)
            for column in mapper.column_attrs:
                event.remove(getattr(model, column.key), "set", _loads_the_old_value)
    if _models or not event.contains(Session, "after_flush", _after_flush):
        return
    for name, listener in _LISTENERS.items():
        if name not in _KEPT:
            event.remove(Session, name, listener)
    for name in _REFUSED:
        setattr(Session, name, getattr(Session, name).__wrapped__)


def _loads_the_old_value(*_: Any) -> None:
    """Do nothing: SQLAlchemy reads the old value because there is a listener."""


def _model_of(cls: type) -> AuditedModel | None:
    model = model_of(_models, cls)
    if model is None or cls in _models:
        return model
    return model._replace(record_type=cls.__name__.lower())


class _ObjectChange:
    """What a transaction did to one object so far: old and new value by attribute and member."""

    __slots__ = ("cls", "id", "model", "new", "old", "verb")

    def __init__(self, model: AuditedModel, cls: type, known: str) -> None:
        self.model, self.cls, self.id = model, cls, known
        self.verb = "updated"
        self.old: dict[tuple[str, ...], Any] = {}
        self.new: dict[tuple[str, ...], Any] = {}

    def changed(self, path: tuple[str, ...], old: Any, new: Any) -> None:
        self.old.setdefault(path, old)
        self.new[path] = new

    def also(self, later: "_ObjectChange") -> None:
        """Add what happened to the object afterwards."""
        for path, new in later.new.items():
            self.changed(path, later.old[path], new)
        if later.verb == "deleted":
            self.verb = "nothing" if self.verb == "created" else "deleted"
        elif later.verb == "created":  # deleted before, and there again
            self.verb = "updated" if self.verb == "deleted" else "created"

    def tell(self) -> None:
        if self.verb != "nothing":
            self.model.tell(self.verb, self.id, _nested(self.old), _nested(self.new))


def _nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for (name, *member), value in values.items():
        if member:
            members = nested.setdefault(name, {})
            if value is not _MISSING:
                members[member[0]] = value
        elif value is not _MISSING:
            nested[name] = value
    return nested


class _Frame:
    """What one transaction of a session did, a savepoint being one too."""

    __slots__ = ("changes", "committed", "connection", "transaction")

    def __init__(self, transaction: SessionTransaction) -> None:
        self.transaction = transaction
        self.connection: Any = None
        self.changes: dict[Any, _ObjectChange] = {}
        self.committed = False


def _frames(session: Session) -> list[_Frame]:
    frames: list[_Frame] = session.info.setdefault(_STATE, [])
    return frames


def _begun(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested or transaction.parent is None:
        _frames(session).append(_Frame(transaction))


def _committed(session: Session) -> None:
    if frames := _frames(session):
        frames[-1].committed = True


def _ended(session: Session, transaction: SessionTransaction) -> None:
    frames = _frames(session)
    if not frames or frames[-1].transaction is not transaction:
        return
    frame = frames.pop()
    if not frame.committed:
        return
    if frames and not _kept_by_itself(frame.connection):
        for key, change in frame.changes.items():
            _note(frames[-1], key, change)
    else:
        tell_all(change.tell for change in frame.changes.values())


def _kept_by_itself(connection: Any) -> bool:
    """Whether the database keeps a savepoint although the transaction around it may roll back.

    The driver of SQLite begins no transaction before the first change: a savepoint that comes first
    is one, and its release commits.
    """
    if connection is None or connection.dialect.name != "sqlite":
        return False
    return getattr(connection.connection.dbapi_connection, "in_transaction", None) is False


def _note(frame: _Frame, key: Any, change: _ObjectChange) -> None:
    if earlier := frame.changes.get(key):
        earlier.also(change)
    else:
        frame.changes[key] = change


def _before_flush(session: Session, _context: Any, _instances: Any) -> None:
    for deleted in session.deleted:
        if _model_of(type(deleted)):
            for column in inspect(type(deleted)).column_attrs:
                getattr(deleted, column.key)  # while it can be read
    for each in session.dirty:
        model = _model_of(type(each))
        if model is not None and (change := _computed(each, model)):
            _note(_frames(session)[-1], each, change)


def _computed(each: Any, model: AuditedModel) -> _ObjectChange | None:
    """Take note of the old values of what the database will compute: a flush forgets them."""
    state = inspect(each)
    change = _ObjectChange(
        model, type(each), record_id(state.mapper.primary_key_from_instance(each))
    )
    for name, value in state.dict.items():
        if isinstance(value, ClauseElement) and name not in model.excluded:
            old = attributes.get_history(each, name).deleted
            was = written(type(each), name, old[0]) if old else _MISSING
            change.changed((name,), was, _COMPUTED)
    return change if change.new else None


def _after_flush(session: Session, _context: Any) -> None:
    frames = _frames(session)
    frames[-1].connection = session.connection()
    for verb, objects in (
        ("created", session.new), ("updated", session.dirty), ("deleted", session.deleted),
    ):  # fmt: skip
        for each in objects:
            model = _model_of(type(each))
            if model is not None and (change := _change(each, model, verb)):
                _note(frames[-1], each, change)


def _after_flush_postexec(session: Session, _context: Any) -> None:
    """Read what the database computed, such as `count = count + 1`: now it can be asked."""
    for frame in _frames(session):
        for key, change in frame.changes.items():
            for path, value in list(change.new.items()):
                if value is _COMPUTED:
                    change.new[path] = written(change.cls, path[0], getattr(key, path[0]))


def _change(each: Any, model: AuditedModel, verb: str) -> _ObjectChange | None:
    state = inspect(each)
    mapper = state.mapper
    change = _ObjectChange(model, type(each), record_id(mapper.primary_key_from_instance(each)))
    change.verb = verb
    for column in mapper.column_attrs:
        name = column.key
        if name in model.excluded:
            continue
        if verb == "created":
            made = name not in state.dict and column.columns[0].server_default is not None
            value = _value(type(each), name, state.dict.get(name))
            if made or state.dict.get(name) is not None:  # what was never set is no part of it
                change.changed((name,), _MISSING, _COMPUTED if made else value)
        elif verb == "deleted":
            change.changed((name,), _value(type(each), name, state.dict.get(name)), _MISSING)
        elif (history := attributes.get_history(each, name)).has_changes():
            old = _value(type(each), name, history.deleted[0]) if history.deleted else _MISSING
            new = _value(type(each), name, history.added[0]) if history.added else None
            change.changed((name,), old, new)
    _add_links(each, mapper, model, change)
    return change if change.new or verb != "updated" else None


def _add_links(each: Any, mapper: Any, model: AuditedModel, change: _ObjectChange) -> None:
    """Add whom a many-to-many relationship was added or removed, each by its id."""
    for relationship in mapper.relationships:
        name = relationship.key
        if relationship.secondary is None or name in model.excluded:
            continue
        history = attributes.get_history(each, name, PassiveFlag.PASSIVE_NO_INITIALIZE)
        for linked in history.added or ():
            known = record_id(inspect(linked).mapper.primary_key_from_instance(linked))
            change.changed((name, known), _MISSING, known)
        for linked in history.deleted or ():
            known = record_id(inspect(linked).mapper.primary_key_from_instance(linked))
            change.changed((name, known), known, _MISSING)


def _value(cls: type, name: str, value: Any) -> Any:
    return _COMPUTED if isinstance(value, ClauseElement) else written(cls, name, value)


# ── statements that change many rows ───────────────────────────────────────────────────────────


def _execute(state: Any) -> Any:
    """Audit `session.execute(update(User)…)`, `delete` and `insert`, row by row."""
    if not (state.is_update or state.is_delete or state.is_insert):
        return None
    if state.execution_options.get(_OPTION) is False:
        return None
    mapper = state.bind_mapper
    if mapper is None:
        _refuse_table(getattr(state.statement, "table", None))
        return None
    model = _model_of(mapper.class_)
    if model is None:
        return None
    if state.is_insert:
        return _insert(state, mapper, model)
    return _many(state, mapper, model)


def _refuse_table(table: Any) -> None:
    """Refuse a statement about a table that an audited model, or a link of one, is in."""
    for cls, model in _models.items():
        described: Any = inspect(cls)
        for mapper in described.self_and_descendants:
            name = mapper.class_.__name__
            if table in mapper.tables:
                raise CaptureError(
                    f"a statement about the table {table.name}, whose model {name} is audited: write it"
                    f" about {name}, or say execution_options(audit=False) and audit it yourself"
                )
            for link in mapper.relationships:
                if link.secondary is table and link.key not in model.excluded:
                    raise CaptureError(
                        f"a statement about the table {table.name}, whose links are audited with {name}:"
                        f" change {name}.{link.key}, or say execution_options(audit=False) and audit it"
                        " yourself"
                    )


def _refusing(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse what changes rows of audited models without any event of the session."""

    @wraps(original)
    def method(self: Session, about: Any, *args: Any, **kwargs: Any) -> Any:
        given = about if original.__name__ == "bulk_save_objects" else [about]
        objects = list(given)
        for each in objects:
            cls = inspect(each).mapper.class_
            if _model_of(cls) is not None:
                raise CaptureError(
                    f"Session.{original.__name__} of {cls.__name__}, which is audited, and has no event for it;"
                    f" use session.add_all(), or session.execute() of insert({cls.__name__}) or"
                    f" update({cls.__name__})"
                )
        return original(self, objects if given is about else about, *args, **kwargs)

    return method


def _many(state: Any, mapper: Any, model: AuditedModel) -> Any:
    """Read the rows that a statement is about, run it, read them again."""
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
    frame = _frames(session)[-1]
    if len(before) > MOST_ROWS:
        _note(frame, object(), _Many(model, mapper.class_, state, result.rowcount))
        return result
    after = {} if state.is_delete else _read(session, mapper, names, columns, list(before))
    for key, row in before.items():
        change = _row_change(mapper, model, names, row, after.get(key))
        change.id = record_id(key)
        if change.new:
            _note(frame, (mapper.class_, key), change)
    return result


def _row_change(
    mapper: Any, model: AuditedModel, names: list[str], old: Any, new: Any
) -> _ObjectChange:
    change = _ObjectChange(model, mapper.class_, "")
    change.verb = "deleted" if new is None else "updated"
    for at, name in enumerate(names):
        if name not in model.excluded:
            was = written(mapper.class_, name, old[at])
            now = _MISSING if new is None else written(mapper.class_, name, new[at])
            if now is _MISSING or not same(was, now):
                change.changed((name,), was, now)
    return change


def _insert(state: Any, mapper: Any, model: AuditedModel) -> Any:
    statement = state.statement
    if getattr(statement, "_post_values_clause", None) is not None or statement.select is not None:
        raise CaptureError(
            f"an upsert or INSERT … SELECT into {mapper.class_.__name__}, which is audited: it does not say"
            " which rows it makes and which it changes; use session.merge(), or say"
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
        change = _ObjectChange(model, mapper.class_, record_id(key) if None not in key else "")
        change.verb = "created"
        for name, value in values.items():
            if name not in model.excluded:
                text = "<computed by the database>" if isinstance(value, ClauseElement) else value
                change.changed((name,), _MISSING, written(mapper.class_, name, text))
        _note(_frames(state.session)[-1], object(), change)
    return result


def _identity(mapper: Any, names: list[str], row: Any) -> tuple[Any, ...]:
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return tuple(row[names.index(key)] for key in keys)


def _read(
    session: Session, mapper: Any, names: list[str], columns: list[Any], keys: list[tuple[Any, ...]]
) -> dict[tuple[Any, ...], Any]:
    from sqlalchemy import tuple_  # noqa: PLC0415 - needed for statements of many rows alone

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


class _Many(_ObjectChange):
    """A statement that changed too many rows to read: one record, with their number."""

    __slots__ = ("count", "what")

    def __init__(self, model: AuditedModel, cls: type, state: Any, count: int) -> None:
        super().__init__(model, cls, "")
        self.what = "deleted" if state.is_delete else "updated"
        self.count = count

    def tell(self) -> None:
        self.model.tell_many(self.what, self.count)


_REFUSED: Final = ("bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings")
# These write the records of transactions that are open when the last model is released.
_KEPT: Final = frozenset({"after_transaction_create", "after_transaction_end", "after_commit"})
_FIRST: Final = frozenset({"after_commit", "after_transaction_end"})
_LISTENERS: Final[dict[str, Callable[..., Any]]] = {
    "after_transaction_create": _begun,
    "after_transaction_end": _ended,
    "after_commit": _committed,
    "before_flush": _before_flush,
    "after_flush": _after_flush,
    "after_flush_postexec": _after_flush_postexec,
    "do_orm_execute": _execute,
}
