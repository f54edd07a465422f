"""Defines the masking rules `Mask`, `Hash` and `Drop`, for `configure` and for annotations of fields."""

from collections.abc import Mapping
from typing import Any, Final

from .encoding import HIDDEN, encode
from .interrupts import from_signal_handler

__all__ = [
    "DROPPED",
    "MAX_NAMES",
    "Drop",
    "Hash",
    "Mask",
    "MaskingRule",
    "SensitiveValue",
    "TypedDictRules",
    "annotated_rules",
]

DROPPED: Final = object()
"""The marker that `Drop.shown` returns for a value; the member is then removed."""

# What `Mask` keeps is at most a third of the text: `7` must not become `7`.
_SHARE: Final = 3
MAX_NAMES: Final = 4096


class MaskingRule:
    """The base class of masking rules: how a sensitive value is written, and its note in `changes.notes`."""

    __slots__ = ()
    note = "masked"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Return the value that is written instead of a plain value, or `DROPPED`; None for None.

        Args:
            value: the sensitive value.
            key: the `hash_key` of `configure`, which only `Hash` uses.
        """
        raise NotImplementedError


class Mask(MaskingRule):
    """Write `***`, followed by the last `keep` characters of a long text: `Mask(keep=4)` → `***9010`.

    A text with fewer than three times `keep` characters, or a value that is not a text, is written as
    `***` alone, the default.
    """

    __slots__ = ("keep",)

    def __init__(self, keep: int = 0) -> None:
        self.keep = keep

    def __repr__(self) -> str:
        return f"Mask(keep={self.keep})"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Return `***`, and the last `keep` characters of a long text; None for None."""
        if value is None:
            return None
        if not self.keep:
            return HIDDEN
        text = value if isinstance(value, str) else ""
        if not 0 < self.keep * _SHARE <= len(text):
            return HIDDEN
        return f"{HIDDEN}{text[-self.keep :]}"


class Hash(MaskingRule):
    """Write a keyed hash (HMAC-SHA-256): equal values can be matched, but not guessed without the key.

    Any value but `None` is hashed; `configure` needs a `hash_key`, without which `***` is written. With
    the key, a field that has few possible values, such as a date of birth or a boolean, can be guessed:
    use `Mask` or `Drop` for it.
    """

    __slots__ = ()
    note = "hashed"

    def __repr__(self) -> str:
        return "Hash()"

    def shown(self, value: Any, key: bytes | None) -> Any:
        """Return `hmac:` and the first 128 bits of HMAC-SHA-256 of the value's JSON, in hexadecimal.

        `***` without a key; None for None.
        """
        if value is None:
            return None
        if key is None:
            return HIDDEN
        from hmac import digest  # noqa: PLC0415 - most applications hash nothing

        return f"hmac:{digest(key, encode(value), 'sha256').hex()[:32]}"


class Drop(MaskingRule):
    """Leave the field out; `changes.fields` shows that it changed, `changes.notes` that it was dropped."""

    __slots__ = ()
    note = "dropped"

    def __repr__(self) -> str:
        return "Drop()"

    def shown(self, value: Any, key: bytes | None) -> Any:  # noqa: ARG002 - a rule's signature
        """Return `DROPPED`, the marker for a value that is left out; None for None."""
        return DROPPED if value is not None else None


class SensitiveValue:
    """A plain value, not masked yet, and the masking rule that its type annotation has."""

    __slots__ = ("rule", "value")

    def __init__(self, value: Any, rule: MaskingRule) -> None:
        self.value = value
        self.rule = rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SensitiveValue) and self.value == other.value

    __hash__ = None  # type: ignore[assignment] # as a list or a dict has it


def annotated_rules(cls: type) -> "Mapping[str, MaskingRule | TypedDictRules]":
    """Return the masking rules in the annotations of a class and its bases, by the name of the field.

    For example `phone: Annotated[str, Mask(keep=4)]`. For a field with a `TypedDict` that has rules,
    in any containers, the result has those. The result is cached by class.
    """
    found = _ANNOTATED.get(cls)
    if found is None:
        found = {}
        for base in reversed(cls.__mro__):
            for name, annotation in _annotations(base).items():
                rule = _rule_in(annotation) or _typed_dict_rules(annotation)
                if rule is not None:
                    found[name] = rule
        if len(_ANNOTATED) >= MAX_NAMES:  # an application that keeps generating classes
            _ANNOTATED.clear()
        _ANNOTATED[cls] = found
    return found


class TypedDictRules:
    """The rules for objects that are plain dicts: those of a `TypedDict`, by the name of the member."""

    __slots__ = ("rules",)

    def __init__(self, rules: Mapping[str, "MaskingRule | TypedDictRules"]) -> None:
        self.rules = rules

    def applied(self, value: Any) -> Any:
        """Return a plain value with the members that have rules, at any depth, as `SensitiveValue`s."""
        if isinstance(value, list):
            return [self.applied(each) for each in value]
        if not isinstance(value, dict):
            return value
        result = {}
        for name, item in value.items():
            rule = self.rules.get(name)
            if isinstance(rule, MaskingRule):
                result[name] = SensitiveValue(item, rule)
            else:
                inner = self.applied(item)
                result[name] = inner if rule is None else rule.applied(inner)
        return result


def _typed_dict_rules(annotation: Any) -> TypedDictRules | None:
    """Return the rules of the `TypedDict`s in an annotation, such as `list[Card]` or `dict[str, Card]`."""
    if isinstance(annotation, type) and hasattr(annotation, "__total__"):
        rules: dict[str, Any] = {}
        for name, inner in _annotations(annotation).items():
            rule = _rule_in(inner) or _typed_dict_rules(inner)
            if rule is not None:
                rules[name] = rule
        return TypedDictRules(rules) if rules else None
    found: dict[str, Any] = {}
    for inner in getattr(annotation, "__args__", ()):
        if (typed := _typed_dict_rules(inner)) is not None:
            found.update(typed.rules)
    return TypedDictRules(found) if found else None


_ANNOTATED: Final[dict[type, dict[str, "MaskingRule | TypedDictRules"]]] = {}


def _rule_in(annotation: Any) -> MaskingRule | None:
    """Return the rule in `Annotated[…]`, also inside `Mapped[…]`, `… | None` or `list[…]`; else None."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, MaskingRule):
            return extra
    for inner in getattr(annotation, "__args__", ()):
        if rule := _rule_in(inner):
            return rule
    return None


def _annotations(cls: type) -> Mapping[str, Any]:
    own = cls.__dict__.get("__annotations__")  # noqa: RUF063 - `inspect` takes 5 ms to import
    if cls.__module__ == "builtins" or (own and not any(map(_text_of, own.values()))):
        return own or {}
    try:  # `from __future__ import annotations`, and Python 3.14, which evaluates them on access
        from typing import get_type_hints  # noqa: PLC0415 - needed for these only

        return get_type_hints(cls, include_extras=True)
    except Exception as error:
        if from_signal_handler(error):
            raise
        # A name that only type checkers import.
        return {name: _resolved(annotation, cls) for name, annotation in (own or {}).items()}


def _text_of(annotation: Any) -> str:
    """Return the text of an annotation that was not evaluated; an empty text for another one."""
    text = getattr(annotation, "__forward_arg__", annotation)
    return text if isinstance(text, str) else ""


class _Names(dict[str, Any]):
    """The names of a module; one that only type checkers import stands for any type."""

    def __missing__(self, name: str) -> Any:
        return Any


def _resolved(annotation: Any, cls: type) -> Any:
    """Return one annotation evaluated; if that is not possible but it names a rule, a mask."""
    text = _text_of(annotation)
    if not text:
        return annotation
    import builtins  # noqa: PLC0415 - needed for these only
    import sys  # noqa: PLC0415
    from typing import Annotated  # noqa: PLC0415

    module = sys.modules.get(cls.__module__)
    names = _Names({**vars(builtins), **vars(module)} if module else vars(builtins))
    try:
        return eval(text, {"__builtins__": {}}, names)  # noqa: S307 - as `get_type_hints` does it
    except Exception as error:
        if from_signal_handler(error):
            raise
        # Such as a name of a function.
        declared = any(f"{name}(" in text for name in ("Mask", "Hash", "Drop"))
        return Annotated[Any, Mask()] if declared else Any
