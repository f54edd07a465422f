"""How a sensitive value is written: `Mask`, `Hash`, `Drop`, also as the annotation of a field."""

from collections.abc import Mapping
from typing import Any, Final

from .encoding import HIDDEN, encode

__all__ = [
    "DROPPED",
    "MOST_NAMES",
    "Drop",
    "Guarded",
    "Hash",
    "Mask",
    "MaskingRule",
    "annotated_rules",
]

DROPPED: Final = object()
"""What `Drop` returns for a value."""

# The last n of a text show at most a third of it: `7` must not become `7`.
_SHARE: Final = 3
MOST_NAMES: Final = 4096


class MaskingRule:
    """How a sensitive value is written; the note of it in `changes.notes`."""

    __slots__ = ()
    note = "masked"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Return what is written in the place of a plain value; `None` stays what it is."""
        raise NotImplementedError


class Mask(MaskingRule):
    """Write `***`, and of a long text its last characters: `Mask(keep=4)` gives `***9010`."""

    __slots__ = ("keep",)

    def __init__(self, keep: int = 0) -> None:
        self.keep = keep

    def __repr__(self) -> str:
        return f"Mask(keep={self.keep})"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Return `***` and what is kept, which is at most a third of the value."""
        if value is None:
            return None
        if not self.keep:
            return HIDDEN
        text = value if isinstance(value, str) else ""
        if not 0 < self.keep * _SHARE <= len(text):
            return HIDDEN
        return f"{HIDDEN}{text[-self.keep :]}"


class Hash(MaskingRule):
    """Write a keyed hash: equal values can be matched, and nobody without the key can guess one.

    Numbers and booleans are hashed as well. Whoever has the key can try all values of a field that
    has few, such as a birthday or a yes: use `Mask` or `Drop` for those.
    """

    __slots__ = ()
    note = "hashed"

    def __repr__(self) -> str:
        return "Hash()"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Return the first 128 bits of HMAC-SHA-256 over the value's JSON; `***` without a key."""
        if value is None:
            return None
        if key is None:
            return HIDDEN
        from hmac import digest  # noqa: PLC0415 - most applications hash nothing

        return f"hmac:{digest(key, encode(value), 'sha256').hex()[:32]}"


class Drop(MaskingRule):
    """Write nothing of the value: `changes.fields` alone says that it changed."""

    __slots__ = ()
    note = "dropped"

    def __repr__(self) -> str:
        return "Drop()"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Return the mark of what is left out."""
        return DROPPED if value is not None else None


class Guarded:
    """A plain value whose type annotation says that it is sensitive, on its way to the record."""

    __slots__ = ("rule", "value")

    def __init__(self, value: Any, rule: MaskingRule) -> None:
        self.value = value
        self.rule = rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Guarded) and self.value == other.value

    __hash__ = None  # type: ignore[assignment] # as a list or a dict has it


def annotated_rules(cls: type) -> Mapping[str, MaskingRule]:
    """Return the fields of a class that are annotated with a rule: `Annotated[str, Mask(keep=4)]`."""
    found = _ANNOTATED.get(cls)
    if found is None:
        found = {}
        for base in reversed(cls.__mro__):
            for name, annotation in _annotations(base).items():
                if rule := _rule_in(annotation):
                    found[name] = rule
        if len(_ANNOTATED) >= MOST_NAMES:  # classes made without end
            _ANNOTATED.clear()
        _ANNOTATED[cls] = found
    return found


_ANNOTATED: Final[dict[type, dict[str, MaskingRule]]] = {}


def _rule_in(annotation: Any) -> MaskingRule | None:
    """Find the rule in `Annotated[…]`, also inside `Mapped[…]`, `… | None` or `list[…]`."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, MaskingRule):
            return extra
    for inner in getattr(annotation, "__args__", ()):
        if rule := _rule_in(inner):
            return rule
    return None


def _annotations(cls: type) -> Mapping[str, Any]:
    own = cls.__dict__.get("__annotations__")  # noqa: RUF063 - `inspect` takes 5 ms to import
    if cls.__module__ == "builtins" or (own and not any(isinstance(a, str) for a in own.values())):
        return own or {}
    try:  # `from __future__ import annotations`; those of Python 3.14, which are made when asked for
        from typing import get_type_hints  # noqa: PLC0415 - only for those

        return get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that exists for type checkers alone
        return own or {}


# A name is sensitive when one of these is anywhere in it, its separators left out …
