"""Session events that collect the changes of each flush, and write them after the commit."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import inspect
from sqlalchemy.orm import PassiveFlag, Session, SessionTransaction, attributes
from sqlalchemy.sql import ClauseElement

from ._models import AuditedModel, model_of, record_id, write_all, written

MISSING: Final = object()
_COMPUTED: Final = object()  # instead of a value that the database computes
_STATE: Final = "audit_lib"

MODELS: Final[dict[type, AuditedModel]] = {}
"""The audit configuration of each audited class."""


def audited_model(cls: type) -> AuditedModel | None:
    model = model_of(MODELS, cls)
    if model is None or cls in MODELS:
        return model
    return model._replace(record_type=cls.__name__.lower())


class ObjectChange:
    """The changes of a transaction to one object.

    `old` and `new` map the path of a value to the value: the attribute, and for a many-to-many
    relationship the id of the linked object.
    """

    __slots__ = ("cls", "id", "model", "new", "old", "verb")

    def __init__(self, model: AuditedModel, cls: type, known: str) -> None:
        self.model, self.cls, self.id = model, cls, known
        self.verb = "updated"
        self.old: dict[tuple[str, ...], Any] = {}
        self.new: dict[tuple[str, ...], Any] = {}

    def changed(self, path: tuple[str, ...], old: Any, new: Any) -> None:
        self.old.setdefault(path, old)
        self.new[path] = new

    def add(self, later: "ObjectChange") -> None:
        """Merge a later change of the same object: old values from here, new values from `later`."""
        for path, new in later.new.items():
            self.changed(path, later.old[path], new)
        if later.verb == "deleted":
            self.verb = "nothing" if self.verb == "created" else "deleted"
        elif later.verb == "created":  # deleted before, and created again
            self.verb = "updated" if self.verb == "deleted" else "created"

    def write(self) -> None:
        if self.verb != "nothing":
            self.model.write(self.verb, self.id, _nested(self.old), _nested(self.new))


def _nested(values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for (name, *member), value in values.items():
        if member:
            members = nested.setdefault(name, {})
            if value is not MISSING:
                members[member[0]] = value
        elif value is not MISSING:
            nested[name] = value
    return nested


class _Frame:
    """The changes of one transaction or savepoint of a session."""

    __slots__ = ("changes", "committed", "connection", "transaction")

    def __init__(self, transaction: SessionTransaction) -> None:
        self.transaction = transaction
        self.connection: Any = None
        self.changes: dict[Any, ObjectChange] = {}
        self.committed = False


def frames_of(session: Session) -> list[_Frame]:
    frames: list[_Frame] = session.info.setdefault(_STATE, [])
    return frames


def transaction_begun(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested or transaction.parent is None:
        frames_of(session).append(_Frame(transaction))


def transaction_committed(session: Session) -> None:
    if frames := frames_of(session):
        frames[-1].committed = True


def transaction_ended(session: Session, transaction: SessionTransaction) -> None:
    frames = frames_of(session)
    if not frames or frames[-1].transaction is not transaction:
        return
    frame = frames.pop()
    if not frame.committed:
        return
    if frames and not _kept_by_itself(frame.connection):
        for key, change in frame.changes.items():
            note_change(frames[-1], key, change)
    else:
        write_all(change.write for change in frame.changes.values())


def _kept_by_itself(connection: Any) -> bool:
    """Return whether the database commits a savepoint although its transaction may roll back.

    The driver of SQLite begins no transaction before the first change: a savepoint before it is the
    transaction, and its release commits.
    """
    if connection is None or connection.dialect.name != "sqlite":
        return False
    return getattr(connection.connection.dbapi_connection, "in_transaction", None) is False


def note_change(frame: _Frame, key: Any, change: ObjectChange) -> None:
    if earlier := frame.changes.get(key):
        earlier.add(change)
    else:
        frame.changes[key] = change


def before_flush(session: Session, _context: Any, _instances: Any) -> None:
    for deleted in session.deleted:
        if audited_model(type(deleted)):
            for column in inspect(type(deleted)).column_attrs:
                getattr(deleted, column.key)  # load it while that is possible
    for each in session.dirty:
        model = audited_model(type(each))
        if model is not None and (change := _computed(each, model)):
            note_change(frames_of(session)[-1], each, change)


def _computed(each: Any, model: AuditedModel) -> ObjectChange | None:
    """Collect the old values of attributes set to an SQL expression: the flush discards them."""
    state = inspect(each)
    change = ObjectChange(
        model, type(each), record_id(state.mapper.primary_key_from_instance(each))
    )
    for name, value in state.dict.items():
        if isinstance(value, ClauseElement) and name not in model.excluded:
            old = attributes.get_history(each, name).deleted
            was = written(type(each), name, old[0]) if old else MISSING
            change.changed((name,), was, _COMPUTED)
    return change if change.new else None


def after_flush(session: Session, _context: Any) -> None:
    frames = frames_of(session)
    frames[-1].connection = session.connection()
    for verb, objects in (
        ("created", session.new), ("updated", session.dirty), ("deleted", session.deleted),
    ):  # fmt: skip
        for each in objects:
            model = audited_model(type(each))
            if model is not None and (change := _change(each, model, verb)):
                note_change(frames[-1], each, change)


def after_flush_postexec(session: Session, _context: Any) -> None:
    """Read the values that the database computed, such as `count = count + 1`."""
    for frame in frames_of(session):
        for key, change in frame.changes.items():
            for path, value in list(change.new.items()):
                if value is _COMPUTED:
                    change.new[path] = written(change.cls, path[0], getattr(key, path[0]))


def _change(each: Any, model: AuditedModel, verb: str) -> ObjectChange | None:
    state = inspect(each)
    mapper = state.mapper
    change = ObjectChange(model, type(each), record_id(mapper.primary_key_from_instance(each)))
    change.verb = verb
    for column in mapper.column_attrs:
        name = column.key
        if name in model.excluded:
            continue
        if verb == "created":
            made = name not in state.dict and column.columns[0].server_default is not None
            value = plain_value(type(each), name, state.dict.get(name))
            if made or state.dict.get(name) is not None:  # a value that was never set is left out
                change.changed((name,), MISSING, _COMPUTED if made else value)
        elif verb == "deleted":
            change.changed((name,), plain_value(type(each), name, state.dict.get(name)), MISSING)
        elif (history := attributes.get_history(each, name)).has_changes():
            old = plain_value(type(each), name, history.deleted[0]) if history.deleted else MISSING
            new = plain_value(type(each), name, history.added[0]) if history.added else None
            change.changed((name,), old, new)
    _add_links(each, mapper, model, change)
    return change if change.new or verb != "updated" else None


def _add_links(each: Any, mapper: Any, model: AuditedModel, change: ObjectChange) -> None:
    """Add the ids that were added to or removed from many-to-many relationships."""
    for relationship in mapper.relationships:
        name = relationship.key
        if relationship.secondary is None or name in model.excluded:
            continue
        history = attributes.get_history(each, name, PassiveFlag.PASSIVE_NO_INITIALIZE)
        for linked in history.added or ():
            known = record_id(inspect(linked).mapper.primary_key_from_instance(linked))
            change.changed((name, known), MISSING, known)
        for linked in history.deleted or ():
            known = record_id(inspect(linked).mapper.primary_key_from_instance(linked))
            change.changed((name, known), known, MISSING)


def plain_value(cls: type, name: str, value: Any) -> Any:
    return _COMPUTED if isinstance(value, ClauseElement) else written(cls, name, value)
