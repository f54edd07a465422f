"""What changed between two states of a record, as the `changes` object of the audit record."""

from collections.abc import Mapping
from typing import Any, Final

from .masking import Masking
from .masking_rules import Guarded
from .plain import is_plain_object, plain_fields, text_of

__all__ = ["changes_between", "same"]

_MISSING: Final = object()
_ATOMS: Final = frozenset({str, int, float, bool})


def changes_between(
    before: Any, after: Any, masking: Masking, by_key: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """Compare two states and keep what differs: `{"before": …, "after": …, "fields": …}`.

    The states are mappings, dataclasses, pydantic or attrs objects, or `None` for "there was
    nothing". All three members have the same nesting; a leaf of `fields` is `added`, `removed` or
    `updated`. Objects are compared member by member, lists as a whole, save those that `by_key`
    names: path → the member by which their elements are told apart, or None for their position.
    Values are compared as JSON has them: `1` and `True` differ, so do `0` and `"0"`; `1` and `1.0`
    are one number. An object that `masking` calls sensitive is compared as a whole.
    """
    if by_key:
        states = plain_fields(before), plain_fields(after)
        for state in states:
            for path, key in by_key.items():
                _take_apart(state, path.split("."), key)
        return _compare(*states, (), masking)
    if type(before) is dict and type(after) is dict:
        try:
            before, after, fields = _differing(before, after)
        except KeyError:
            pass
        else:
            if is_plain_object(before) and is_plain_object(after):  # as nearly all are
                return {"before": before, "after": after, "fields": fields}
    return _compare(plain_fields(before), plain_fields(after), (), masking)


def _differing(
    before: dict[Any, Any], after: dict[Any, Any]
) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, str]]:
    """Leave out what is plainly equal, most of a record: it need not be converted to be compared.

    Returns what is left of both, and what became of each name if all of it is plain.

    Raises:
        KeyError: a name is gone, which hardly ever happens.
    """
    old_part: dict[Any, Any] = {}
    new_part: dict[Any, Any] = {}
    fields: dict[Any, str] = {}
    for name, old in before.items():
        new = after[name]
        # The types first: an `==` of somebody's class may do anything.
        if old is new or (type(old) in _ATOMS and type(old) is type(new) and old == new):
            continue
        old_part[name], new_part[name], fields[name] = old, new, "updated"
    for name in after if len(before) < len(after) else ():
        if name not in before:
            new_part[name], fields[name] = after[name], "added"
    return old_part, new_part, fields


def _take_apart(state: dict[str, Any], path: list[str], key: str | None) -> None:
    """Make an object of the list at a path: each element by its key, or by its position."""
    holder: Any = state
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    elements = holder.get(path[-1]) if isinstance(holder, dict) else None
    if not isinstance(elements, list):
        return
    apart: dict[str, Any] = {}
    for position, element in enumerate(elements):
        known = key is not None and isinstance(element, dict) and key in element
        name = text_of(element[key]) if known else str(position)
        while name in apart:  # two with one key: both stay
            name += f" ({position})"
        apart[name] = element
    holder[path[-1]] = apart


def _compare(
    before: dict[str, Any], after: dict[str, Any], path: tuple[str, ...], masking: Masking
) -> dict[str, Any]:
    changes: dict[str, Any] = {"before": {}, "after": {}, "fields": {}}
    for name in {**before, **after}:  # in the order of the fields, not of a set
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        here = (*path, name)
        # A sensitive object is one value: a part of it is not the thing that is masked or hashed.
        if isinstance(old, dict) and isinstance(new, dict) and masking.rule(here) is None:
            inner = _compare(old, new, here, masking)
            if inner["fields"]:
                for part, members in changes.items():
                    members[name] = inner[part]
        elif old is _MISSING:
            changes["after"][name] = new
            changes["fields"][name] = "added"
        elif new is _MISSING:
            changes["before"][name] = old
            changes["fields"][name] = "removed"
        elif not same(old, new):
            changes["before"][name] = old
            changes["after"][name] = new
            changes["fields"][name] = "updated"
    return changes


def same(old: Any, new: Any) -> bool:
    """Whether two plain values are one. Python holds True == 1, also inside lists: JSON does not."""
    if isinstance(old, bool) is not isinstance(new, bool) or old != new:
        return False
    if isinstance(old, Guarded):
        return isinstance(new, Guarded) and same(old.value, new.value)
    if isinstance(old, list):
        return all(map(same, old, new))
    if isinstance(old, dict):
        return all(same(old[name], new[name]) for name in old)
    return True
