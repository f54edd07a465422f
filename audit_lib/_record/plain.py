"""Converts any Python value to JSON values: `None`, `bool`, `int`, `float`, `str`, `list`, `dict`.

No value raises an exception: a part that cannot be converted is replaced by a text with its class and
the error.
"""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice
from typing import Any

from .encoding import hidden
from .leaves import LEAVES, MAX_SAFE_INTEGER, class_name, error_text, finite, integer, well_formed
from .masking_rules import SensitiveValue, annotated_rules
from .notes import UnreadableText

__all__ = ["is_plain_object", "plain", "plain_fields", "register_type", "text_of"]

# A structure that is deeper or larger is a mistake (the whole graph of an ORM) or an attack.
_MAX_DEPTH = 32
_MAX_NODES = 20_000
_MAX_COPIED = 256
_MAX_CLASSES = 4096
_UNCHANGED = frozenset({type(None), bool, UnreadableText, SensitiveValue})
_NO_REPR: Any = object.__repr__

_dumps = partial(json.dumps, separators=(",", ":"), default=hidden)


def plain(value: Any) -> Any:
    """Return `value` as JSON values that share nothing mutable with it.

    - An integer beyond 2**53 - 1 becomes decimal text; NaN and infinities the texts `NaN`,
      `Infinity` and `-Infinity`.
    - A `Decimal` becomes a number if that number is exactly the same value, else its text.
    - An aware `datetime` becomes UTC with a `Z`; a naive one has no zone, because it is unknown.
      Durations are ISO 8601 (`P1DT2H`).
    - `bytes` become `base64:…`, an `Enum` its value, a set a list in a fixed order.
    - Mappings, dataclasses, named tuples, attrs and pydantic objects become objects; so does an
      object of any other class without its own `__repr__`, by its public attributes.
    - Any other value becomes the name of its class, with its `id` if it has one: a `repr` can
      contain a secret. `register_type` defines another text.

    Containers nested over 32 levels deep, values beyond the first 20,000 and cycles are replaced by a
    text. Fields that are annotated with a masking rule become `SensitiveValue`s.
    """
    if type(value) is dict and is_plain_object(value):
        return value.copy()
    return _Walk().visit(value, 0)


def register_type(kind: type, convert: Callable[[Any], Any]) -> None:
    """Define how objects of a class, and of its subclasses, are written.

    `register_type(Money, lambda money: str(money))`. A later call for the same class replaces the
    conversion. Mappings, named tuples, and dataclass, attrs, pydantic and ORM objects are written by
    their fields even if their class is registered.

    Args:
        kind: the class.
        convert: receives an object of the class and returns any value that a record can contain. If it
            raises, a text with the class and the error is written.
    """
    _REGISTERED[kind] = lambda value: plain(convert(value))
    _LEAVES.clear()


def plain_fields(value: Any) -> dict[str, Any]:
    """Return the fields of an object as JSON values, such as the states that `record_updated` compares.

    The fields are those of a mapping, or of a pydantic, SQLAlchemy, dataclass, attrs, named tuple or
    Django object (the first of these that applies), else the public attributes of the object. `None`
    has no fields. A value without fields, such as a text or a list, becomes `{"value": …}`, and so does
    the error text of an object that cannot be read.
    """
    if value is None:
        return {}
    if type(value) is dict and is_plain_object(value):
        return value.copy()
    fields = _Walk().fields(value)
    return fields if fields is not None else {"value": plain(value)}


def text_of(value: Any) -> str:
    """Return a text in well-formed Unicode, or the text or compact JSON that `plain` makes of a value."""
    if type(value) is str and value.isascii():
        return value
    if type(value) is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return str(value)
    as_plain = plain(value)
    return as_plain if isinstance(as_plain, str) else _dumps(as_plain)


def is_plain_object(value: dict[Any, Any]) -> bool:
    """Return whether `plain` can copy a dict without converting a member.

    That is so if it has at most 256 members, ASCII names, and as values only `None`, booleans, safe
    integers and ASCII texts.
    """
    if len(value) > _MAX_COPIED:
        return False
    for name, item in value.items():
        if type(name) is not str or not name.isascii():
            return False
        kind = type(item)  # plain: `None`, a bool, a safe integer, ASCII text
        if kind is str:
            if not item.isascii():
                return False
        elif kind is int:
            if not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                return False
        elif item is not None and kind is not bool:
            return False
    return True


def _describe(value: Any, error: BaseException) -> str:
    """Return an `UnreadableText` with the class of a value and the error of its conversion."""
    return UnreadableText(f"<unserialisable {class_name(type(value))}: {error_text(error)}>")


class _Walk:
    """One call of `plain`: counts the converted values, and detects cycles by the open containers."""

    __slots__ = ("_inside", "_nodes")

    def __init__(self) -> None:
        self._nodes = 0
        self._inside: set[int] = set()

    def visit(self, value: Any, depth: int) -> Any:
        # Exact types first: most values have one, and their methods are not overridden.
        exact = type(value)
        if exact is str:
            return well_formed(value)
        if exact is int:
            return integer(value)
        if exact is float:
            return finite(value)
        try:
            return value if exact in _UNCHANGED else self._container(value, depth)
        except Exception as error:  # noqa: BLE001 - a class may raise anything
            return _describe(value, error)

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the converted fields of a mapping, model or other object; None if it has no fields."""
        try:
            named = _named_fields(value)
            if named is None and not isinstance(value, (str, bytes, Collection, type)):
                named = _attributes(value)
        except Exception as error:  # noqa: BLE001 - a class may raise anything
            return {"value": _describe(value, error)}
        if named is None:
            return None
        visited = self._within(value, 0, lambda: self._model(value, named, 1))
        return visited if isinstance(visited, dict) else {"value": visited}

    def _container(self, value: Any, depth: int) -> Any:
        if (named := _named_fields(value)) is not None:
            return self._within(value, depth, lambda: self._model(value, named, depth + 1))
        convert = _leaf_of(type(value))
        if convert is not _opaque:
            return convert(value)
        if isinstance(value, AbstractSet):
            return self._within(value, depth, lambda: sorted(self._array(value, depth), key=_dumps))
        if isinstance(value, Sequence) or type(value) is type({}.values()):
            return self._within(value, depth, lambda: self._array(value, depth))
        if type(value).__repr__ is _NO_REPR and (attributes := _attributes(value)):
            return self._within(value, depth, lambda: self._object(attributes, depth + 1))
        return _opaque(value)

    def _within(self, value: Any, depth: int, enter: Callable[[], Any]) -> Any:
        if id(value) in self._inside:
            return UnreadableText(f"<cycle: this {class_name(type(value))} contains itself>")
        if depth >= _MAX_DEPTH:
            name = class_name(type(value))
            return UnreadableText(f"<left out: {name} nested over {_MAX_DEPTH} levels deep>")
        self._inside.add(id(value))
        try:
            return enter()
        except Exception as error:  # noqa: BLE001 - a mapping may raise while it is iterated
            return _describe(value, error)
        finally:
            self._inside.discard(id(value))

    def _model(self, value: Any, named: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        """Convert the fields of a value; wrap fields with an annotated masking rule in `SensitiveValue`."""
        visited = self._object(named, depth)
        if type(value) is not dict and (rules := annotated_rules(type(value))):
            for name, rule in rules.items():
                if name in visited:
                    visited[name] = SensitiveValue(visited[name], rule)
        return visited

    def _object(self, named: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        visited: dict[str, Any] = {}
        for key, value in self._counted(named.items()):
            name = well_formed(key) if type(key) is str else text_of(key)
            if name in visited:  # 1 and "1" are two keys in Python and one in JSON
                name = f"{name} ({class_name(type(key))})"
            visited[name] = self.visit(value, depth)
        if self._nodes >= _MAX_NODES:
            visited["…"] = UnreadableText(f"<left out: over {_MAX_NODES} values>")
        return visited

    def _array(self, values: Iterable[Any], depth: int) -> list[Any]:
        visited = [self.visit(value, depth + 1) for value in self._counted(values)]
        if self._nodes >= _MAX_NODES:
            visited.append(UnreadableText(f"<left out: over {_MAX_NODES} values>"))
        return visited

    def _counted(self, values: Iterable[Any]) -> Iterable[Any]:
        for value in islice(values, _MAX_NODES):
            if self._nodes >= _MAX_NODES:
                return
            self._nodes += 1
            yield value


def _named_fields(value: Any) -> Mapping[Any, Any] | None:
    """Return the unconverted fields of a mapping or a model (as in `plain_fields`); None for others."""
    cls = type(value)
    if cls is dict or isinstance(value, Mapping):
        return value  # type: ignore[no-any-return] # isinstance narrows Any to Mapping[Any, Any] only in part
    if callable(getattr(cls, "model_dump", None)):
        return _pydantic_fields(value)
    if hasattr(cls, "__mapper__"):
        return _sqlalchemy_fields(value)
    if hasattr(cls, "__dataclass_fields__"):
        from dataclasses import fields  # noqa: PLC0415 - imported already: it made the class

        names: Iterable[str] = (field.name for field in fields(cls))
    elif hasattr(cls, "__attrs_attrs__"):
        names = (attribute.name for attribute in cls.__attrs_attrs__)
    elif isinstance(value, tuple) and hasattr(cls, "_fields"):
        names = cls._fields
    elif hasattr(getattr(cls, "_meta", None), "concrete_fields"):  # a Django model
        loaded = value.__dict__  # without deferred fields: reading one would query the database
        attributes = (field.attname for field in cls._meta.concrete_fields)
        return {name: loaded[name] for name in attributes if name in loaded}
    else:
        return None
    # A field may be unset, by `init=False` or `del`.
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _pydantic_fields(value: Any) -> Mapping[Any, Any] | None:
    """Return `model_dump()` of a pydantic object, with nested models unchanged, to keep their rules.

    Return None if the result of `model_dump` is not a mapping.
    """
    dumped = value.model_dump()
    if not isinstance(dumped, Mapping):
        return None
    named = dict(dumped)
    for name in named:
        own = getattr(value, str(name), None)
        inner = own if isinstance(own, list | tuple) else (own,)
        if any(callable(getattr(type(each), "model_dump", None)) for each in inner):
            named[name] = own
    return named


def _sqlalchemy_fields(value: Any) -> dict[str, Any]:
    """Return the columns of an SQLAlchemy object; expired ones are loaded from the database.

    Columns that were never loaded are left out, as are relationships: their foreign keys are columns.
    A column that cannot be loaded becomes a text with the error.
    """
    state = value._sa_instance_state  # noqa: SLF001 - the result of `sqlalchemy.inspect`, without importing it
    named: dict[str, Any] = {}
    for column in type(value).__mapper__.column_attrs:
        if column.key in state.dict or column.key in state.expired_attributes:
            try:
                named[column.key] = getattr(value, column.key)
            except Exception as error:  # noqa: BLE001 - detached, or in a coroutine: keep the others
                named[column.key] = UnreadableText(f"<unread: {error_text(error)}>")
    return named


def _attributes(value: Any) -> dict[str, Any] | None:
    """Return the public attributes of an object, of `__dict__` and `__slots__`; None without any."""
    attributes = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                attributes.setdefault(name, getattr(value, name))
    return {name: item for name, item in attributes.items() if not name.startswith("_")} or None


def _opaque(value: Any) -> Any:
    """Return the name of an unknown class, with `id` or `pk`; a `repr` could contain a password."""
    name = class_name(type(value))
    for key in ("id", "pk"):
        identity = getattr(value, key, None)
        if class_name(type(identity)) in {"int", "str", "uuid.UUID"}:
            return f"<{name} {key}={well_formed(str(identity))}>"
    return f"<{name}>"


def _leaf_of(cls: type) -> Callable[[Any], Any]:
    """Return the conversion for a class: from `register_type`, else `LEAVES`, else `_opaque`; cached."""
    found = _LEAVES.get(cls)
    if found is None:
        found = _find_leaf(cls)
        if len(_LEAVES) >= _MAX_CLASSES:  # an application that keeps generating classes
            _LEAVES.clear()
        _LEAVES[cls] = found
    return found


def _find_leaf(cls: type) -> Callable[[Any], Any]:
    for base in cls.__mro__:
        if base in _REGISTERED:
            return _REGISTERED[base]
        if (leaf := LEAVES.get(class_name(base))) is not None:
            return leaf
        if class_name(base) == "enum.Enum":
            return lambda value: plain(value.value)
    for kind, convert in _REGISTERED.items():  # an abstract class has virtual subclasses
        if issubclass(cls, kind):
            return convert
    numbers = sys.modules.get("numbers")  # NumPy's numbers, for example
    if numbers is None or not issubclass(cls, numbers.Number):
        return _opaque
    return LEAVES["int"] if issubclass(cls, numbers.Integral) else str


_REGISTERED: dict[type, Callable[[Any], Any]] = {}
_LEAVES: dict[type, Callable[[Any], Any]] = {}
