"""Defines what the Elastic Common Schema allows: event categories, types, outcomes and `related`.

https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

__all__ = ["OUTCOMES", "category_and_type", "ecs_violations", "related"]

OUTCOMES: Final = frozenset({"success", "failure", "unknown"})
_TYPES: Final[dict[str, frozenset[str]]] = {
    category: frozenset(types.split())
    for category, types in {
        "api": "access admin allowed change creation deletion denied end info start user",
        "authentication": "start end info",
        "configuration": "access change creation deletion info",
        "database": "access change info error",
        "driver": "change end info start",
        "email": "info",
        "file": "access change creation deletion info",
        "host": "access change end info start",
        "iam": "admin change creation deletion group info user",
        "intrusion_detection": "allowed denied info",
        "library": "start",
        "malware": "info",
        "network": "access allowed connection denied end info protocol start",
        "package": "access change deletion info installation start",
        "process": "access change end info start",
        "registry": "access change creation deletion",
        "session": "start end info",
        "threat": "indicator",
        "vulnerability": "info",
        "web": "access error info",
    }.items()
}
# `iam` has no `access`, `database` no `creation` and no `deletion`: the action distinguishes them.
_IAM: Final = {
    "created": "creation",
    "updated": "change",
    "deleted": "deletion",
    "accessed": "info",
}
_DATABASE: Final = {
    "created": "change", "updated": "change", "deleted": "change", "accessed": "access",
}  # fmt: skip
_USER_KEYS: Final = ("id", "name", "email")
_ADDRESSED: Final = ("source", "client", "destination", "server")
_ADDRESS_KEYS: Final = ("ip",)


def category_and_type(record_type: str, verb: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return `event.category` and `event.type` for an operation on a record.

    Args:
        record_type: `user` and `group` have the category `iam`; any other type has `database`.
        verb: `created`, `updated`, `deleted` or `accessed`.
    """
    if record_type in {"user", "group"}:
        return ("iam",), (record_type, _IAM[verb])
    return ("database",), (_DATABASE[verb],)


@lru_cache(maxsize=256)
def ecs_violations(
    category: tuple[str, ...], types: tuple[str, ...], outcome: str
) -> tuple[str, ...]:
    """Return a text for each value that ECS does not allow: the field, the value, and the allowed values.

    Types are checked only if ECS defines a category of the event.
    """
    found = []
    if outcome not in OUTCOMES:
        found.append(f"event.outcome: found {outcome!r}; ECS has {_listed(OUTCOMES)}")
    found += [
        f"event.category: found {each!r}; ECS has {_listed(_TYPES)}"
        for each in category
        if each not in _TYPES
    ]
    allowed = frozenset[str]().union(*(_TYPES.get(each, ()) for each in category))
    found += [
        f"event.type: found {each!r}; for {_listed(category)} ECS has {_listed(allowed)}"
        for each in types
        if allowed and each not in allowed
    ]
    return tuple(found)


def related(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return ECS `related` of a document: all users and IP addresses in it, for search.

    `user` has the id, name and email of `user`, `user.target`, `user.effective` and its `via`; `ip` the
    `ip` of `source`, `client`, `destination` and `server`. A key without values is left out.
    """
    found: dict[str, list[str]] = {}
    user = document.get("user")
    if type(user) is dict:
        effective = user.get("effective")
        people = [user, user.get("target"), effective]
        if type(effective) is dict and type(via := effective.get("via")) is list:
            people += via
        if names := _texts(people, _USER_KEYS):
            found["user"] = names
    if addresses := _texts(map(document.get, _ADDRESSED), _ADDRESS_KEYS):
        found["ip"] = addresses
    return found


def _texts(holders: Iterable[Any], keys: tuple[str, ...]) -> list[str]:
    """Return the texts and integers of some objects under the given keys, as texts without duplicates."""
    found: list[str] = []
    for holder in holders:
        if type(holder) is dict:
            for key in keys:
                value = holder.get(key)
                text = str(value) if type(value) is int else value
                if type(text) is str and text not in found:
                    found.append(text)
    return found


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
