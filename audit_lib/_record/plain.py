"""Converts any Python value to JSON values: `None`, `bool`, `int`, `float`, `str`, `list`, `dict`.

No value raises an exception: a part that cannot be converted is replaced by a text with its class and
the error.
"""

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, cast

from .encoding import json_text
from .interrupts import from_signal_handler
from .leaves import LEAVES, MAX_SAFE_INTEGER, class_name, error_text, finite, integer, well_formed
from .library_classes import CONVERSIONS
from .masking_rules import Mask, SensitiveValue, TypedDictRules, annotated_rules
from .names import DistinctNames
from .unreadable import BEYOND_LIMIT, UNREADABLE, UnreadableText, hidden_state, serialized_fields

__all__ = ["REST", "is_plain_object", "plain", "plain_fields", "register_type", "text_of"]

REST = "…"
"""The name of the member that stands for what is not in an object: beyond a limit, or private."""

# A structure that is deeper or larger is a mistake (the whole graph of an ORM) or an attack.
_MAX_DEPTH = 32
_MAX_NODES = 20_000
_MAX_COPIED = 256
_MAX_CLASSES = 4096
_UNCHANGED = frozenset({type(None), bool, UnreadableText, SensitiveValue})
_NO_REPR: Any = object.__repr__


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
    - Objects of the libraries in `CONVERSIONS` become JSON values; secrets `SensitiveValue`s.
    - Any other value becomes the name of its class, with its `id` if it has one: a `repr` can
      contain a secret. `register_type` defines another text.

    Containers nested over 32 levels deep, values beyond the first 20,000 and cycles are replaced by a
    text. Fields that are annotated with a masking rule become `SensitiveValue`s. A text that does not
    show the whole value is an `UnreadableText`.
    """
    if type(value) is dict:
        copied = _copied(value)
        if copied is None:
            copied = _copied_deep(value)
        if copied is not None:
            return copied
    return _Walk().visit(value, 0)


def _copied(value: dict[Any, Any]) -> dict[str, Any] | None:
    """Return a copy of a plain object, None for another one, or if another thread is changing it."""
    try:
        return value.copy() if is_plain_object(value) else None
    except RuntimeError as error:
        if from_signal_handler(error):
            raise
        return None


# 27 to the power of 3 is fewer than 20,000 values.
_MAX_SMALL = 27
_SMALL_LEVELS = 2


def _copied_deep(value: dict[Any, Any], levels: int = _SMALL_LEVELS) -> dict[str, Any] | None:
    """Return a copy of a small object of plain objects, such as the fields of ECS; None for another one."""
    if len(value) > _MAX_SMALL:
        return None
    result: dict[str, Any] = value.copy()
    nested = {name: item for name, item in result.items() if type(item) is dict}
    if not is_plain_object({**result, **dict.fromkeys(nested)}) or (nested and not levels):
        return None
    for name, item in nested.items():
        inner = _copied_deep(item, levels - 1)
        if inner is None:
            return None
        result[name] = inner
    return result


def register_type(kind: type, convert: Callable[[Any], Any]) -> None:
    """Define how objects of a class, and of its subclasses, are written.

    `register_type(Money, lambda money: str(money))`. A later call for the same class replaces the
    conversion. It also applies to objects that are otherwise written by their fields, such as those of
    a dataclass; masking rules in their annotations are then not used.

    Args:
        kind: the class.
        convert: receives an object of the class and returns any value that a record can contain. If it
            raises, a text with the class and the error is written.
    """
    _REGISTERED[kind] = convert
    _CONVERSIONS.clear()


def plain_fields(value: Any, *, frozen: bool = False) -> dict[str, Any]:
    """Return the fields of an object as JSON values, such as the states that `record_updated` compares.

    The fields are those of a mapping, or of a pydantic, SQLAlchemy, dataclass, attrs, named tuple or
    Django object (the first of these that applies), else the public attributes of the object. `None`
    has no fields. A value without fields, such as a text or a list, becomes `{"value": …}`, and so does
    the error text of an object that cannot be read. The private attributes of an object that is read by
    its attributes are represented by one `UnreadableText`.

    Args:
        value: the object.
        frozen: whether the result must not change with the object, which an `UnreadableText` refers to.
    """
    if value is None:
        return {}
    if type(value) is dict and (copied := _copied(value)) is not None:
        return copied
    walk = _Walk(state=True, frozen=frozen)
    fields = walk.fields(value)
    return fields if fields is not None else {"value": walk.visit(value, 0)}


def text_of(value: Any) -> str:
    """Return a text in well-formed Unicode, or the text or compact JSON that `plain` makes of a value."""
    if type(value) is str and value.isascii():
        return value
    if type(value) is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return str(value)
    as_plain = plain(value)
    return as_plain if isinstance(as_plain, str) else json_text(as_plain)


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


class _Walk:
    """One call of `plain`: counts the converted values, and detects cycles by the open containers."""

    __slots__ = ("_frozen", "_inside", "_nodes", "_state")

    def __init__(self, *, state: bool = False, frozen: bool = False) -> None:
        """Begin a walk; `state` includes private attributes, `frozen` is that of `plain_fields`."""
        self._nodes = 0
        self._inside: dict[int, int] = {}
        self._state = state
        self._frozen = frozen

    def visit(self, value: Any, depth: int) -> Any:
        # Exact types first: most values have one, and their methods are not overridden.
        exact = type(value)
        if exact is str:
            return well_formed(value)
        if exact is int:
            return integer(value)
        if exact is float:
            return finite(value)
        if exact is dict and self._nodes < _MAX_NODES - _MAX_COPIED and depth < _MAX_DEPTH:
            # The fields of ECS, such as `user`, mostly are small objects of texts.
            copied = _copied(value)
            if copied is not None:
                self._nodes += len(copied)
                return copied
        try:
            return value if exact in _UNCHANGED else self._container(value, depth)
        except Exception as error:  # noqa: BLE001 - a class may raise anything
            return self._failed(value, error)

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the converted fields of a mapping, model or other object; None if it has no fields."""
        try:
            if type(value) is not dict and _conversion_of(type(value)) is not None:
                return _as_fields(self.visit(value, 0))
            named = _named_fields(value)
            if named is None and not isinstance(value, (str, bytes, Collection, type)):
                return self._fields_of_attributes(value)
        except Exception as error:  # noqa: BLE001 - a class may raise anything
            return {"value": self._failed(value, error)}
        if named is None:
            return None
        return _as_fields(self._within(value, 0, lambda: self._model(value, named, 1)))

    def _fields_of_attributes(self, value: Any) -> dict[str, Any] | None:
        attributes = _attributes(value)
        if attributes is None:
            return None
        visited = self._within(value, 0, lambda: self._with_private(value, attributes, 1))
        return _as_fields(visited)

    def _container(self, value: Any, depth: int) -> Any:  # noqa: PLR0911 - one for each kind of value
        kind = type(value)
        if kind is not dict and (convert := _conversion_of(kind)) is not None:
            return self._within(value, depth, lambda: self._converted(convert(value), depth + 1))
        if (named := _named_fields(value)) is not None:
            return self._within(value, depth, lambda: self._model(value, named, depth + 1))
        if (leaf := _leaf_of(kind)) is not None:
            text = leaf(value)
            if isinstance(value, _AMBIGUOUS):
                return self._unreadable(text, value, note="")
            return text
        if isinstance(value, AbstractSet):
            return self._within(value, depth, lambda: self._set(value, depth))
        if isinstance(value, Sequence) or kind is type({}.values()):
            return self._within(value, depth, lambda: self._array(value, depth))
        if kind.__repr__ is _NO_REPR and (attributes := _attributes(value)):
            return self._within(
                value, depth, lambda: self._with_private(value, attributes, depth + 1)
            )
        return self._unreadable(_opaque(value), value)

    def _converted(self, value: Any, depth: int) -> Any:
        if type(value) is SensitiveValue:
            return SensitiveValue(self.visit(value.value, depth), value.rule)
        if type(value) is UnreadableText and self._frozen:
            value.freeze()
        return self.visit(value, depth)

    def _unreadable(
        self, text: str, value: Any, *, private: bool = False, note: str = UNREADABLE
    ) -> UnreadableText:
        unreadable = UnreadableText(text, value, private=private, note=note)
        if self._frozen:
            unreadable.freeze()
        return unreadable

    def _failed(self, value: Any, error: BaseException) -> UnreadableText:
        """Return the text with the class of a value and the error of its conversion.

        Raises:
            BaseException: the error itself, if a signal handler raised it.
        """
        if from_signal_handler(error):
            raise error
        text = f"<unserialisable {class_name(type(value))}: {error_text(error)}>"
        return self._unreadable(text, value)

    def _beyond(self, text: str, value: Any) -> UnreadableText:
        return UnreadableText(text, None if self._frozen else value, note=BEYOND_LIMIT)

    def _within(self, value: Any, depth: int, enter: Callable[[], Any]) -> Any:
        name = class_name(type(value))
        if (above := self._inside.get(id(value))) is not None:
            return f"<cycle: the {name} at depth {above}>"
        if depth >= _MAX_DEPTH:
            return self._beyond(f"<left out: {name} nested over {_MAX_DEPTH} levels deep>", value)
        self._inside[id(value)] = depth
        try:
            return enter()
        except Exception as error:  # noqa: BLE001 - a mapping may raise while it is iterated
            return self._failed(value, error)
        finally:
            del self._inside[id(value)]

    def _model(self, value: Any, named: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        """Convert the fields of a value; wrap fields with an annotated masking rule in `SensitiveValue`."""
        visited = self._object(value, named, depth)
        if type(value) is not dict and (rules := annotated_rules(type(value))):
            for name, rule in rules.items():
                if name in visited:
                    visited[name] = (
                        rule.applied(visited[name])
                        if isinstance(rule, TypedDictRules)
                        else SensitiveValue(visited[name], rule)
                    )
        if hasattr(type(value), "__pydantic_decorators__"):
            self._add_excluded(visited, value, depth)
            self._add_hidden(visited, value)
        elif _has_declared_fields(type(value)):
            self._add_hidden(visited, value)
        return visited

    def _add_excluded(self, visited: dict[str, Any], value: Any, depth: int) -> None:
        """Add the fields that a pydantic object does not dump, such as a password, as sensitive values."""
        for name, field in type(value).model_fields.items():
            if field.exclude and name not in visited and name in value.__dict__:
                visited[name] = SensitiveValue(self.visit(value.__dict__[name], depth), Mask())

    def _with_private(
        self, value: Any, attributes: Mapping[Any, Any], depth: int
    ) -> dict[str, Any]:
        visited = self._model(value, attributes, depth)
        self._add_hidden(visited, value)
        return visited

    def _add_hidden(self, visited: dict[str, Any], value: Any) -> None:
        if self._state and hidden_state(value):
            text = f"<not shown: other state of {class_name(type(value))}>"
            visited.setdefault(REST, self._unreadable(text, value, private=True))

    def _object(self, value: Any, named: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        visited: dict[str, Any] = {}
        distinct: DistinctNames | None = None
        try:
            # The members of a dict are listed at once: another thread may change it meanwhile.
            for key, item in list(named.items()) if type(named) is dict else named.items():
                if self._nodes >= _MAX_NODES:
                    rest = self._beyond(f"<left out: over {_MAX_NODES} values>", value)
                    visited[DistinctNames(visited)(REST)] = rest
                    break
                self._nodes += 1
                name = well_formed(key) if type(key) is str else text_of(key)
                if name in visited:  # 1 and "1" are two keys in Python and one in JSON
                    distinct = distinct or DistinctNames(visited)
                    name = distinct(f"{name} ({class_name(type(key))})")
                visited[name] = self.visit(item, depth)
        except Exception as error:
            if not visited:
                raise
            place = DistinctNames(visited)(REST)
            visited[place] = self._failed(value, error)  # the members before it are kept
        return visited

    def _array(self, values: Iterable[Any], depth: int) -> list[Any]:
        visited: list[Any] = []
        try:
            for value in values:
                if self._nodes >= _MAX_NODES:
                    visited.append(self._beyond(f"<left out: over {_MAX_NODES} values>", values))
                    break
                self._nodes += 1
                visited.append(self.visit(value, depth + 1))
        except Exception as error:
            if not visited:
                raise
            visited.append(self._failed(values, error))
        return visited

    def _set(self, values: AbstractSet[Any], depth: int) -> list[Any]:
        return sorted(
            self._array(values, depth), key=lambda each: (json_text(each), _state_key(each))
        )


def _has_declared_fields(cls: type) -> bool:
    """Return whether objects of a class may have attributes besides its fields: dataclasses, attrs."""
    declared = hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__attrs_attrs__")
    return declared and not hasattr(cls, "__mapper__")


def _as_fields(visited: Any) -> dict[str, Any]:
    return visited if isinstance(visited, dict) else {"value": visited}


def _state_key(value: Any) -> str:
    """Return a text that puts elements with the same text in the same order."""
    return value.state_text() if type(value) is UnreadableText else ""


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
    elif hasattr(cls, "__struct_fields__"):  # msgspec
        names = cls.__struct_fields__
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

    Fields have their own names, not their aliases. If the dump raises, each field is dumped by itself,
    and one that raises becomes a text. Return None if the result of `model_dump` is not a mapping.
    """
    try:
        dumped = _dumped(value)
    except Exception as error:
        if from_signal_handler(error):
            raise
        dumped = _each_field(value)  # such as a computed field that raises
    if hasattr(value, "root") and not isinstance(value.root, Mapping):  # a RootModel of a list
        dumped = {"root": dumped}
    if not isinstance(dumped, Mapping):
        return None
    if isinstance(getattr(value, "root", None), Mapping):
        return cast("Mapping[Any, Any]", _with_models(value.root, dumped))
    return {name: _with_models(_own(value, name), item) for name, item in dumped.items()}


def _own(value: Any, name: Any) -> Any:
    try:
        return getattr(value, str(name), None)
    except Exception as error:
        if from_signal_handler(error):
            raise
        return None  # such as a computed field that raises


def _dumped(value: Any, **arguments: Any) -> Any:
    if hasattr(type(value), "__pydantic_serializer__"):
        return value.model_dump(by_alias=False, **arguments)
    return value.model_dump(**arguments)  # another class with such a method


def _each_field(value: Any) -> dict[str, Any]:
    cls = type(value)
    extra = getattr(value, "__pydantic_extra__", None) or {}
    dumped: dict[str, Any] = {}
    for name in (*cls.model_fields, *extra, *getattr(cls, "model_computed_fields", ())):
        try:
            dumped.update(_dumped(value, include={name}))
        except Exception as error:
            if from_signal_handler(error):
                raise
            own = value.__dict__.get(name)
            text = UnreadableText(f"<unread: {error_text(error)}>", own)
            serialized = own is None or name in serialized_fields(cls)
            dumped[name] = text if serialized else own  # such as a set of models
    return dumped


def _with_models(own: Any, dumped: Any) -> Any:
    """Return a dumped value with the models, in any containers, that it was made of."""
    kind = type(own)
    if own is dumped or (isinstance(own, tuple) and hasattr(kind, "_fields")):
        return own
    if isinstance(dumped, Mapping):
        if hasattr(kind, "model_dump") or hasattr(kind, "__dataclass_fields__"):
            return own
        if isinstance(own, Mapping) and own.keys() == dumped.keys():
            return {name: _with_models(own[name], item) for name, item in dumped.items()}
    elif isinstance(own, AbstractSet | deque):
        return own  # whatever it was dumped as
    elif isinstance(dumped, list | tuple):
        own = getattr(own, "root", own)
        if isinstance(own, list | tuple) and len(own) == len(dumped):
            return [_with_models(each, item) for each, item in zip(own, dumped, strict=True)]
    return dumped


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
            except Exception as error:
                if from_signal_handler(error):
                    raise
                # Detached, or in a coroutine: keep the others.
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


def _leaf_of(cls: type) -> Callable[[Any], Any] | None:
    """Return the conversion of `LEAVES` for a class, or None; cached."""
    found: Callable[[Any], Any] | None = _cached(_LEAVES, cls, _find_leaf)
    return found


def _conversion_of(cls: type) -> Callable[[Any], Any] | None:
    """Return the conversion of `register_type`, else of `CONVERSIONS`, for a class, or None; cached."""
    found: Callable[[Any], Any] | None = _cached(_CONVERSIONS, cls, _find_conversion)
    return found


def _cached(found: dict[type, Any], cls: type, find: Callable[[type], Any]) -> Any:
    try:
        return found[cls]
    except KeyError:
        if len(found) >= _MAX_CLASSES:  # an application that keeps generating classes
            found.clear()
        result = found[cls] = find(cls)
        return result


def _find_leaf(cls: type) -> Callable[[Any], Any] | None:
    for base in cls.__mro__:
        if (leaf := LEAVES.get(class_name(base))) is not None:
            return leaf
        if class_name(base) == "enum.Enum":
            return lambda value: plain(value.value)
    numbers = sys.modules.get("numbers")
    if numbers is None or not issubclass(cls, numbers.Number):
        return None
    return LEAVES["int"] if issubclass(cls, numbers.Integral) else str


def _find_conversion(cls: type) -> Callable[[Any], Any] | None:
    for base in cls.__mro__:
        if base in _REGISTERED:
            return _REGISTERED[base]
        if (name := class_name(base)) in CONVERSIONS:
            return CONVERSIONS[name]
        if name in LEAVES:
            return None
    for kind, convert in _REGISTERED.items():  # an abstract class has virtual subclasses
        if issubclass(cls, kind):
            return convert
    return None


# The texts of these do not identify the value: two functions may have the same name.
_AMBIGUOUS = (
    type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, BaseException,
)  # fmt: skip
_REGISTERED: dict[type, Callable[[Any], Any]] = {}
_LEAVES: dict[type, Callable[[Any], Any] | None] = {}
_CONVERSIONS: dict[type, Callable[[Any], Any] | None] = {}
