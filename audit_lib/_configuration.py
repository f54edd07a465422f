"""What is said once for a process: the catalogue of actions."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, Final, NamedTuple

from ._exceptions import CatalogueError

__all__ = ["CatalogueAction", "configure", "known_action", "unknown_action"]


class CatalogueAction(NamedTuple):
    """What the catalogue says of an action: ECS `event.category` and `event.type`."""

    category: tuple[str, ...]
    types: tuple[str, ...]


_ACTIONS: Final[dict[str, CatalogueAction]] = {}


def configure(*, catalogue: str | PathLike[str] | Mapping[str, Any] | None = None) -> None:
    """Say which actions there are. Without a catalogue, any action will do.

    The catalogue is the `[actions]` of `audit.toml`, as a path or as what was read from it: by
    `event.action`, a table with `category` and `type` (arrays) and what others read of it. A record
    takes its category and type from there; one whose action is not in it is written with
    `labels.audit_problem`, and warned of (`AuditUsageWarning`).

    Args:
        catalogue: a TOML file, or a mapping like the one in it; None forgets the one before.

    Raises:
        CatalogueError: it cannot be read, or a part of it is not as it should be.
    """
    actions = {} if catalogue is None else _read(catalogue)
    _ACTIONS.clear()
    _ACTIONS.update(actions)


def known_action(name: str) -> CatalogueAction | None:
    """Give what the catalogue says of an action."""
    return _ACTIONS.get(name)


def unknown_action(name: str) -> str | None:
    """Say what is wrong with an action, where there is a catalogue and it is not in it."""
    if not _ACTIONS or name in _ACTIONS:
        return None
    from difflib import get_close_matches  # noqa: PLC0415 - a mistake may cost, an import may not

    close = get_close_matches(name, _ACTIONS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "add it to [actions]"
    return f"event.action: found {name!r}, which the catalogue has not; {hint}"


def _read(catalogue: str | PathLike[str] | Mapping[str, Any]) -> dict[str, CatalogueAction]:
    if isinstance(catalogue, Mapping):
        place, document = "the catalogue", catalogue
    else:
        import tomllib  # noqa: PLC0415 - most applications have no catalogue

        place = str(catalogue)
        try:
            with open(catalogue, "rb") as file:  # noqa: PTH123 - any path-like will do
                document = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise CatalogueError(f"{place}: {error}") from error
    actions = document.get("actions")
    if not isinstance(actions, Mapping) or not actions:
        raise CatalogueError(f"{place}: actions: has no table [actions.NAME]; add one an action")
    return {str(name): _action(f"{place}: actions.{name}", body) for name, body in actions.items()}


def _action(place: str, body: Any) -> CatalogueAction:
    if not isinstance(body, Mapping):
        raise CatalogueError(f"{place}: found {type(body).__name__}; write a table")
    return CatalogueAction(_names(place, body, "category"), _names(place, body, "type"))


def _names(place: str, body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = body.get(key, [])
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise CatalogueError(f"{place}: {key}: found {names!r}; write an array of texts")
    return tuple(names)
