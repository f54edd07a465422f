"""Django's ORM: writes an audit record for each change of an audited model, after the commit.

    audit_models(Customer, logger=logger.audit)      # in an AppConfig.ready

Captured are `save`, `delete`, changes of many-to-many relationships, and the query set methods `update`,
`bulk_update`, `bulk_create` and `delete`; raw SQL is not. The records are written when the transaction is
committed (`transaction.on_commit`), never after a rollback, including that of a savepoint. An `update` of
more than 1,000 rows writes one record, with the number of rows.
"""

import weakref
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial, wraps
from typing import Any, Final

from django.db import transaction
from django.db.models import Model, QuerySet, signals

from audit_lib._context import copy_context
from audit_lib._exceptions import CaptureError
from audit_lib._logger import AuditLogger
from audit_lib._record.changes import same

from ._models import MOST_ROWS, AuditedModel, model_of, write_all, written

__all__ = ["audit_models", "release_models"]

# The states before a save or a deletion, by the id of the instance: not in the instance, which may be
# shown after a save that failed, and which has its unmasked values.
_BEFORE: Final[dict[int, tuple[weakref.ref[Any], Any]]] = {}

_models: Final[dict[type, AuditedModel]] = {}


def audit_models(
    *models: type,
    logger: AuditLogger,
    record_type: str | None = None,
    exclude: Collection[str] = (),
) -> None:
    """Audit changes of these models and their subclasses, until `release_models`.

    A further call for a model replaces its configuration.

    Args:
        models: concrete model classes.
        logger: the audit logger that writes the records; the user is that of the context.
        record_type: the record type, also of subclasses. Default: the model's name in lower case.
        exclude: fields that are not audited, such as `updated_at`: they are not written, and an
            update of only these fields writes no record. A foreign key may be named by its field
            (`owner`) or its column attribute (`owner_id`).

    Raises:
        CaptureError: a class is not a concrete model.
    """
    model: Any
    for model in models:
        if not issubclass(model, Model) or model._meta.abstract:
            raise CaptureError(f"found {model!r}, which has no table; pass concrete model classes")
        _models[model] = AuditedModel(
            logger, record_type or model._meta.model_name, frozenset(exclude)
        )
    for signal, receiver in _receivers():
        signal.connect(receiver, weak=False, dispatch_uid="audit_lib")
    for name, audited in _methods():
        original = getattr(QuerySet, name)
        if not hasattr(original, "_audit_lib"):
            setattr(QuerySet, name, _around(original, audited))


def release_models(*models: type) -> None:
    """Stop auditing these models and their subclasses: the reverse of `audit_models`.

    Changes made before this call in an open transaction are written when that is committed.

    Args:
        models: the classes; without any, all audited ones. A class that is not audited is ignored.
    """
    for model in models or tuple(_models):
        _models.pop(model, None)
    if _models:
        return
    for signal, _ in _receivers():
        signal.disconnect(dispatch_uid="audit_lib")
    for name, _ in _methods():
        method: Any = getattr(QuerySet, name)
        if hasattr(method, "_audit_lib"):
            setattr(QuerySet, name, method.__wrapped__)


def _receivers() -> tuple[tuple[Any, Callable[..., None]], ...]:
    return (
        (signals.pre_save, _before_save),
        (signals.post_save, _after_save),
        (signals.pre_delete, _before_delete),
        (signals.post_delete, _after_delete),
        (signals.m2m_changed, _links_changed),
    )


def _methods() -> tuple[tuple[str, Callable[..., Any]], ...]:
    return ("update", _update), ("bulk_create", _bulk_create)


def _model_of(cls: type) -> AuditedModel | None:
    return model_of(_models, cls)


def _state(instance: Any, model: AuditedModel) -> dict[str, Any]:
    """Return the loaded fields, with values as the database stores them: `"5"` in a number field is 5."""
    cls = type(instance)
    state = {}
    for field in cls._meta.concrete_fields:
        name = field.attname
        if name in instance.__dict__ and model.excluded.isdisjoint((name, field.name)):
            value = instance.__dict__[name]
            if not hasattr(value, "resolve_expression"):
                state[name] = _prepared(field, value, cls)
    return state


def _prepared(field: Any, value: Any, cls: type) -> Any:
    with suppress(Exception):  # the database will refuse the value, or accept it unchanged
        value = field.get_prep_value(value)
    return written(cls, field.attname, value)


def _rows(query: Any, cls: Any, model: AuditedModel) -> dict[Any, dict[str, Any]]:
    """Read the rows of a query, by primary key; at most `MOST_ROWS` + 1."""
    fields = {field.attname: field for field in cls._meta.concrete_fields}
    key = cls._meta.pk.attname
    return {
        row[key]: {
            name: _prepared(fields[name], value, cls)
            for name, value in row.items()
            if model.excluded.isdisjoint((name, fields[name].name))
        }
        for row in query.order_by().values(*fields)[: MOST_ROWS + 1]
    }


class _PendingRecord:
    """An audit record that is written after the commit, with the context in which it was created."""

    __slots__ = ("_write",)

    def __init__(self, write: Callable[..., None], *what: Any) -> None:
        self._write = partial(copy_context(write), *what)

    def __call__(self) -> None:
        self._write()

    def wait(self, using: str | None) -> None:
        connection = transaction.get_connection(using)
        if "run_and_clear_commit_hooks" not in connection.__dict__:
            others = connection.run_and_clear_commit_hooks
            connection.run_and_clear_commit_hooks = partial(
                _run_audit_hooks_first, connection, others
            )
        transaction.on_commit(self, using=using)


def _run_audit_hooks_first(connection: Any, others: Callable[[], None]) -> None:
    """Write all audit records before Django's other commit hooks, which stop at the first that raises."""
    connection.validate_no_atomic_block()
    hooks = connection.run_on_commit
    connection.run_on_commit = [hook for hook in hooks if not isinstance(hook[1], _PendingRecord)]
    try:
        write_all(hook[1] for hook in hooks if isinstance(hook[1], _PendingRecord))
    finally:
        others()


def _write_on_commit(  # noqa: PLR0913, PLR0917 - the parts of a record, and its database
    using: str | None, model: AuditedModel, verb: str, known: Any, before: Any, after: Any
) -> None:
    """Write an audit record for one object when the transaction is committed."""
    _PendingRecord(model.write, verb, str(known), before, after).wait(using)


def _write_bulk_on_commit(
    using: str | None, model: AuditedModel, verb: str, count: int, unsure: str | None = None
) -> None:
    _PendingRecord(model.write_bulk, verb, count, unsure).wait(using)


def _set(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a created object that are not None."""
    return {name: value for name, value in state.items() if value is not None}


def _changed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in after if name not in before or not same(before[name], after[name])]
    return {name: before[name] for name in names if name in before}, {
        name: after[name] for name in names
    }


# ── one object ─────────────────────────────────────────────────────────────────────────────────


def _stored(instance: Any, model: AuditedModel, using: str) -> dict[str, Any] | None:
    if instance.pk is None:
        return None
    cls = type(instance)
    query = cls._base_manager.using(using).filter(pk=instance.pk)
    return next(iter(_rows(query, cls, model).values()), None)


def _before_save(sender: Any, instance: Any, using: str, **_: Any) -> None:
    if model := _model_of(sender):
        _remember(instance, _stored(instance, model, using))


def _remember(instance: Any, state: Any) -> None:
    key = id(instance)
    _BEFORE[key] = weakref.ref(instance, lambda _: _BEFORE.pop(key, None)), state


def _recall(instance: Any) -> Any:
    """Return what was remembered for an instance, and forget it; None without it."""
    reference, state = _BEFORE.pop(id(instance), (None, None))
    return state if reference is not None and reference() is instance else None


def _after_save(
    sender: Any, instance: Any, *, using: str, created: bool, update_fields: Any, **_: Any
) -> None:
    model = _model_of(sender)
    if model is None:
        return
    before = _recall(instance)
    after = _state(instance, model)
    if any(hasattr(value, "resolve_expression") for value in instance.__dict__.values()):
        after = _stored(instance, model, using) or after  # values that the database computed
    if created or before is None:
        _write_on_commit(using, model, "created", instance.pk, {}, _set(after))
        return
    if update_fields is not None:
        attnames = {sender._meta.get_field(name).attname for name in update_fields}
        after = {name: value for name, value in after.items() if name in attnames}
    old, new = _changed(before, after)
    if new:
        _write_on_commit(using, model, "updated", instance.pk, old, new)


def _before_delete(sender: Any, instance: Any, **_: Any) -> None:
    if model := _model_of(sender):
        _remember(instance, (instance.pk, _state(instance, model)))


def _after_delete(sender: Any, instance: Any, using: str, **_: Any) -> None:
    if (model := _model_of(sender)) and (remembered := _recall(instance)) is not None:
        known, state = remembered
        _write_on_commit(using, model, "deleted", known, state, {})


# ── links ──────────────────────────────────────────────────────────────────────────────────────


def _links_changed(  # noqa: PLR0913, PLR0917 - Django's signature
    sender: Any,
    instance: Any,
    action: str,
    reverse: bool,
    model: Any,
    pk_set: Any,
    using: str,
    **_: Any,
) -> None:
    """Write the objects added to or removed from a many-to-many field, as a change of the field's model."""
    if action not in {"post_add", "post_remove", "pre_clear"}:
        return
    owner_class = model if reverse else type(instance)
    audited = _model_of(owner_class)
    field = next(
        (f for f in owner_class._meta.many_to_many if f.remote_field.through is sender), None
    )
    if audited is None or field is None or field.name in audited.excluded:
        return
    if action == "pre_clear":
        related = getattr(
            instance, field.remote_field.get_accessor_name() if reverse else field.name
        )
        pk_set = set(related.using(using).values_list("pk", flat=True))
    pairs = [(pk, [instance.pk]) for pk in pk_set] if reverse else [(instance.pk, sorted(pk_set))]
    for known, members in pairs:
        if members:
            linked = {field.name: {str(member): str(member) for member in members}}
            none: dict[str, Any] = {field.name: {}}
            states = (none, linked) if action == "post_add" else (linked, none)
            _write_on_commit(using, audited, "updated", known, *states)


# ── query sets ─────────────────────────────────────────────────────────────────────────────────


def _around(original: Any, audited: Any) -> Any:
    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        model = _model_of(self.model)
        if model is None:
            return original(self, *args, **kwargs)
        return audited(model, original, self, *args, **kwargs)

    method._audit_lib = True  # type: ignore[attr-defined] # marks a replaced method
    method.alters_data = True  # type: ignore[attr-defined] # Django's mark: templates cannot call it
    return method


def _update(model: AuditedModel, original: Any, query: Any, **values: Any) -> int:
    """Update; write a record for each changed row, or one record for more than `MOST_ROWS` rows."""
    cls = query.model
    before = _rows(query, cls, model)
    count: int = original(query, **values)
    if len(before) > MOST_ROWS:
        _write_bulk_on_commit(query.db, model, "updated", count)
        return count
    after = _rows(cls._base_manager.using(query.db).filter(pk__in=list(before)), cls, model)
    for known, state in before.items():
        old, new = _changed(state, after.get(known, {}))
        if new:
            _write_on_commit(query.db, model, "updated", known, old, new)
    return count


def _bulk_create(
    model: AuditedModel, original: Any, query: Any, objs: Any, *args: Any, **kwargs: Any
) -> Any:
    names = ("batch_size", "ignore_conflicts", "update_conflicts")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    made = original(query, objs, *args, **kwargs)
    if given.get("ignore_conflicts") or given.get("update_conflicts"):
        _write_bulk_on_commit(
            query.db,
            model,
            "created",
            len(made),
            "conflicts: which rows were created is not certain",
        )
        return made
    for each in made:
        known = each.pk if each.pk is not None else ""
        _write_on_commit(query.db, model, "created", known, {}, _set(_state(each, model)))
    return made
