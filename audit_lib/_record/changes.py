"""Computes the differences between two states of a record: `changes` of an audit record."""

from collections.abc import Mapping
from typing import Any, Final

from .interrupts import from_signal_handler
from .masking import Masking
from .masking_rules import SensitiveValue
from .plain import REST, is_plain_object, plain_fields, text_of
from .unreadable import BEYOND_LIMIT, UnreadableText

__all__ = ["bounded", "changes_between", "same"]

# An index stops at 1,000 names of fields, and CloudWatch Logs Insights reads 200 of a record.
MAX_NAMES: Final = 100

_MISSING: Final = object()
_ATOMS: Final = frozenset({str, int, float, bool})


def changes_between(
    before: Any, after: Any, masking: Masking, by_key: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """Return the differences between two states: `{"before": …, "after": …, "fields": …}`.

    All three members have the same nesting and contain only what differs; a leaf of `fields` is
    `added`, `removed` or `updated`. Values are not masked yet. Objects are compared member by member;
    lists and sensitive objects as a whole. Values are compared as JSON values: `1` and `True` differ,
    `0` and `"0"` differ, `1` and `1.0` do not. Values that JSON cannot show are compared as in
    `UnreadableText.is_same`; what cannot be compared differs.

    Args:
        before: the state before, any value that `plain_fields` accepts; None if there was no record.
        after: the state after; None if the record was deleted.
        masking: determines which fields are sensitive.
        by_key: lists to compare element by element: path → the member that identifies an element,
            or None to compare by position.

    Raises:
        Exception: `by_key` is not a mapping of texts.
    """
    if by_key:
        states = plain_fields(before), plain_fields(after)
        for state in states:
            for path, key in by_key.items():
                names = path.split(".")
                # The names of the elements are written: not those of a sensitive member.
                shown = key is not None and masking.rule((*names, key)) is None
                _key_elements(state, names, key if shown else None)
        return _compare(*states, (), masking)
    if type(before) is dict and type(after) is dict:
        try:
            old, new, fields = _differing(before, after)
            if is_plain_object(old) and is_plain_object(new):  # the common case
                return {"before": old, "after": new, "fields": fields}
        except KeyError:
            pass
        except Exception as error:
            if from_signal_handler(error):
                raise
            # A name whose `==` raises, or another thread changes a state.
        else:
            before, after = old, new
    return _compare(plain_fields(before), plain_fields(after), (), masking)


def _differing(
    before: dict[Any, Any], after: dict[Any, Any]
) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, str]]:
    """Return both states without the members that are equal and need no conversion.

    Returns:
        The rest of both states, and their `fields`, which are valid if the rest is plain.

    Raises:
        KeyError: `after` does not have a name of `before`, which is rare.
    """
    old_part: dict[Any, Any] = {}
    new_part: dict[Any, Any] = {}
    fields: dict[Any, str] = {}
    for name, old in before.items():
        new = after[name]
        # Types are compared first: the `==` of another class may do anything.
        if old is new or (type(old) in _ATOMS and type(old) is type(new) and old == new):
            continue
        old_part[name], new_part[name], fields[name] = old, new, "updated"
    for name in after if len(before) < len(after) else ():
        if name not in before:
            new_part[name], fields[name] = after[name], "added"
    return old_part, new_part, fields


def _key_elements(state: dict[str, Any], path: list[str], key: str | None) -> None:
    """Replace the list at a path by an object, in place: each element under its key, or its position."""
    holder: Any = state
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    elements = holder.get(path[-1]) if isinstance(holder, dict) else None
    if not isinstance(elements, list):
        return
    keyed: dict[str, Any] = {}
    for position, element in enumerate(elements):
        has_key = key is not None and isinstance(element, dict) and key in element
        name = text_of(element[key]) if has_key else str(position)
        while name in keyed:  # two elements with the same key: keep both
            name += f" ({position})"
        keyed[name] = element
    holder[path[-1]] = keyed


def _compare(
    before: dict[str, Any], after: dict[str, Any], path: tuple[str, ...], masking: Masking
) -> dict[str, Any]:
    changes: dict[str, Any] = {"before": {}, "after": {}, "fields": {}}
    cut = _is_cut(before) or _is_cut(after)
    for name in {**before, **after}:  # in the order of the fields, not of a set
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        inner_path = (*path, name)
        # A sensitive object is one value: it is masked or hashed as a whole.
        if isinstance(old, dict) and isinstance(new, dict) and masking.rule(inner_path) is None:
            inner = _compare(old, new, inner_path, masking)
            if inner["fields"]:
                for part, members in changes.items():
                    members[name] = inner[part]
        elif (old is _MISSING or new is _MISSING) and (cut or _is_private(old, new)):
            pass  # it may be beyond the limit of the other state: `REST` is written as updated
        elif old is _MISSING:
            changes["after"][name] = new
            changes["fields"][name] = "added"
        elif new is _MISSING:
            changes["before"][name] = old
            changes["fields"][name] = "removed"
        elif not same(old, new):
            changes["before"][name] = _shown(old, new)
            changes["after"][name] = _shown(new, old)
            changes["fields"][name] = "updated"
    return changes


def bounded(changes: dict[str, Any]) -> list[str]:
    """Write an object in which very many members differ as a list, in place.

    Its names are data, such as the ids of elements: `{"a": 1, …}` becomes `[{"name": "a", "value": 1}, …]`
    in `before` and `after`, and a single `updated`, `added` or `removed` in `fields`.

    Args:
        changes: a result of `changes_between`.

    Returns:
        The paths of these objects.
    """
    found: list[str] = []
    _bound(changes, changes["fields"], (), found)
    return found


def _bound(
    changes: dict[str, Any], fields: dict[str, Any], path: tuple[str, ...], found: list[str]
) -> None:
    for name, inner in fields.items():
        if type(inner) is not dict:
            continue
        if len(inner) > MAX_NAMES:
            fields[name] = "updated"
            found.append(".".join((*path, name)))
            for part in ("before", "after"):
                holder = changes[part]
                for each in path:
                    holder = holder.get(each, {})
                if isinstance(state := holder.get(name), dict):
                    holder[name] = [{"name": each, "value": item} for each, item in state.items()]
        else:
            _bound(changes, inner, (*path, name), found)


def _is_cut(state: dict[str, Any]) -> bool:
    rest = state.get(REST)
    return type(rest) is UnreadableText and rest.note == BEYOND_LIMIT


def _is_private(*values: Any) -> bool:
    return any(type(value) is UnreadableText and value.private for value in values)


def _shown(value: Any, other: Any) -> Any:
    """Return a value as it is written: noted as `unreadable` if its text is that of the other state."""
    if type(value) is UnreadableText and str(value) == str(other) and value.note != BEYOND_LIMIT:
        return UnreadableText(str(value))
    return value


def same(old: Any, new: Any) -> bool:
    """Return whether two plain values are equal in JSON: `true` and `1` differ, `1` and `1.0` do not."""
    if type(old) is UnreadableText or type(new) is UnreadableText:
        return type(old) is UnreadableText and old.is_same(new)
    if isinstance(old, bool) is not isinstance(new, bool) or old != new:
        return False
    if isinstance(old, SensitiveValue):
        return isinstance(new, SensitiveValue) and same(old.value, new.value)
    if isinstance(old, list):
        return all(map(same, old, new))
    if isinstance(old, dict):
        return all(same(old[name], new[name]) for name in old)
    return True
