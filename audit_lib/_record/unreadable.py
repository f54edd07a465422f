"""Represents values that a record cannot show, and compares them by their state and by `==`.

A text such as `<shop.Money>` is the same for every `Money`. So that a change is not overlooked, the value
itself is kept until both states were compared; it is never written.
"""

from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple, Self

from .interrupts import from_signal_handler

__all__ = ["BEYOND_LIMIT", "UNREADABLE", "UnreadableText", "hidden_state", "serialized_fields"]

UNREADABLE: Final = "unreadable"
BEYOND_LIMIT: Final = "beyond limit"

_MAX_DEPTH: Final = 32
_MAX_NODES: Final = 5_000
_UNEQUAL: Final = object()
_NO_EQ: Final[Any] = object.__eq__
# The methods that `object.__reduce_ex__` calls. If they are written in Python, they may do anything:
# that of a Django QuerySet queries the database.
_HOOKS: Final = (
    "__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs__", "__getnewargs_ex__",
)  # fmt: skip
_BY_IDENTITY: Final = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
_ATOMS: Final = frozenset({type(None), bool, int, str, bytes})
# Py_TPFLAGS_IMMUTABLETYPE, which classes of Python code do not have:
# https://docs.python.org/3/c-api/typeobj.html
_IMMUTABLE_TYPE: Final = 1 << 8


class _State(NamedTuple):
    """What can be seen of a value: a structure that `==` compares, and whether nothing is missing in it."""

    seen: Any
    whole: bool


class UnreadableText(str):
    """The text that is written instead of a value, or of the rest of a container.

    Attributes:
        note: the note in `changes.notes`: `unreadable`, `beyond limit`, or empty for a text that
            names a value, such as a function, which may not be the only one of that name.
        private: whether the text stands for the private attributes of an object. It is written only if
            they differ.
    """

    __slots__ = ("_source", "_state", "note", "private")

    note: str
    private: bool
    _source: Any
    _state: _State | None

    def __new__(
        cls, text: str, source: Any = None, *, note: str = UNREADABLE, private: bool = False
    ) -> Self:
        """Create the text; `source` is the value, or None if it is not available."""
        self = super().__new__(cls, text)
        self.note = note
        self.private = private
        self._source = source
        self._state = None
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)  # a copy or a pickle does not have the value

    def freeze(self) -> None:
        """Read the state now, and forget the value, which may be changed before it is compared."""
        self._state = self._read()
        self._source = None

    def is_same(self, other: object) -> bool:
        """Return whether both texts stand for equal values, as far as that can be known.

        They do if they stand for the same object, or if their states are equal and `==`, if their class
        defines it, does not deny it. An object whose state cannot be seen, such as a lock, is equal
        to itself and to what its `==` says. What is beyond a limit is never equal to another object.
        """
        if not isinstance(other, UnreadableText) or str(self) != str(other):
            return False
        # Both are of this class.
        source, other_source = self._source, other._source  # noqa: SLF001
        if source is not None and source is other_source:
            return True
        if self.note == BEYOND_LIMIT:
            return False
        state, other_state = self._read(), other._read()  # noqa: SLF001
        if not (state.whole and other_state.whole):
            return False
        if not _equal_states(state.seen, other_state.seen):
            return False
        return self.private or _equal(source, other_source) is not False

    def state_text(self) -> str:
        """Return what can be seen of the state as text, which is the same for equal states."""
        return repr(self._read().seen)

    def _read(self) -> _State:
        if self._state is not None:
            return self._state
        if self._source is None:
            return _State(None, whole=False)
        reading = _StateReading()
        value = hidden_state(self._source) if self.private else self._source
        seen = reading.read(value, 0)
        return _State(seen, reading.whole)


def hidden_state(value: Any) -> Any:
    """Return what an object has besides its fields or public attributes; an empty value if nothing.

    These are its private attributes, what a class written in C keeps, and of a pydantic object its private
    attributes and the fields with a serializer of their own. Of a dataclass or attrs object, they are the
    attributes that are not fields.
    """
    kind = type(value)
    if hasattr(kind, "__pydantic_decorators__"):
        serialized = serialized_fields(kind)
        own = {name: value.__dict__[name] for name in serialized if name in value.__dict__}
        return {**(getattr(value, "__pydantic_private__", None) or {}), **own}
    attributes = _attributes_of(value)
    if (fields := getattr(kind, "__dataclass_fields__", None)) is None:
        fields = getattr(kind, "__attrs_attrs__", None) and {
            each.name for each in kind.__attrs_attrs__
        }
    if fields is not None:
        return {
            name: item
            for name, item in attributes.items()
            if name not in fields and type(getattr(kind, name, None)).__name__ != "cached_property"
        }
    hidden = {name: item for name, item in attributes.items() if name.startswith("_")}
    return hidden if _is_python_class(kind) else (hidden, value)


def _is_python_class(kind: type) -> bool:
    """Return whether all bases of a class but `object` are written in Python, so that no state is hidden."""
    return all(
        base is object
        or (
            not (base.__flags__ & _IMMUTABLE_TYPE)
            and not isinstance(base.__dict__.get("__new__"), BuiltinFunctionType)
        )
        for base in kind.__mro__
    )


def serialized_fields(kind: type) -> list[str]:
    """Return the names of the fields of a pydantic class that have a serializer of their own."""
    decorators: Any = kind.__pydantic_decorators__  # type: ignore[attr-defined] # a pydantic class
    if decorators.model_serializers:
        return list(kind.model_fields)  # type: ignore[attr-defined]
    return [name for each in decorators.field_serializers.values() for name in each.info.fields]


def _attributes_of(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, in `__dict__` and `__slots__`."""
    state = object.__getstate__(value)
    parts = state if isinstance(state, tuple) else (state,)
    return {
        name: item
        for part in parts
        if isinstance(part, dict)
        for name, item in part.items()
        if type(name) is str
    }


def _equal(old: Any, new: Any) -> bool | None:
    """Return what `==` says of two values; None if their class does not define it or it is not reliable."""
    if old is None or new is None or type(old).__eq__ is _NO_EQ:
        return None
    try:
        equal = old == new
        # An array answers with an array, and some classes, such as `mock.ANY`, are equal to anything.
        if type(equal) is not bool or (equal and (old == _UNEQUAL) is not False):
            return None
    except Exception as error:
        if from_signal_handler(error):
            raise
        return None  # a class may raise anything
    return equal


def _equal_states(old: Any, new: Any) -> bool:
    try:
        return bool(old == new)
    except RecursionError:
        return False


class _Hidden:
    """An object whose state cannot be seen: equal to itself, and to what its `==` says."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Hidden):
            return False
        return self._value is other._value or _equal(self._value, other._value) is True

    __hash__ = None  # type: ignore[assignment] # it may be of any class

    def __repr__(self) -> str:
        return f"<hidden {id(self._value)}>"


class _StateReading:
    """Reads the state of one value as a structure of builtin values, without running code of its class."""

    def __init__(self) -> None:
        self.whole = True
        self._open: list[int] = []
        self._nodes = 0

    def read(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return kind, value
        if kind is float:
            return kind, repr(value)  # NaN is equal to NaN
        if id(value) in self._open:
            return "cycle", self._open.index(id(value))
        self._nodes += 1
        if depth >= _MAX_DEPTH or self._nodes > _MAX_NODES:
            self.whole = False
            return kind, "beyond limit"
        self._open.append(id(value))
        try:
            return kind, self._parts(value, kind, depth + 1)
        except Exception as error:
            if from_signal_handler(error):
                raise
            return kind, _Hidden(value)  # a class may raise anything
        finally:
            self._open.pop()

    def _parts(  # noqa: PLR0911 - one for each kind of value
        self, value: Any, kind: type, depth: int
    ) -> Any:
        if kind is dict:
            return self._members(value.items(), depth)
        if kind in {list, tuple}:
            return self._each(value, depth)
        if kind in {set, frozenset}:
            return sorted(self._each(value, depth), key=repr)
        if issubclass(kind, _BY_IDENTITY):
            return _Hidden(value)
        if any(isinstance(getattr(kind, name, None), FunctionType) for name in _HOOKS):
            state = self.read(object.__getstate__(value), depth)
            return state if _is_python_class(kind) else (state, _Hidden(value))
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):  # the name of a global object
            return reduced
        function, arguments, *rest = reduced
        state, elements, members = (*rest, None, None, None)[:3]
        return (
            self.read(function, depth),
            self.read(arguments, depth),
            self.read(state, depth),
            None if elements is None else self._each(elements, depth),
            None if members is None else self._members(members, depth),
        )

    def _members(self, members: Iterable[tuple[Any, Any]], depth: int) -> Any:
        pairs = list(self._bounded(members))
        if all(type(name) is str for name, _ in pairs):  # in any order
            return {name: self.read(item, depth) for name, item in pairs}
        read = [(self.read(name, depth), self.read(item, depth)) for name, item in pairs]
        return sorted(read, key=repr)

    def _each(self, values: Iterable[Any], depth: int) -> list[Any]:
        return [self.read(each, depth) for each in self._bounded(values)]

    def _bounded(self, values: Iterable[Any]) -> Iterable[Any]:
        for number, each in enumerate(values):
            if number >= _MAX_NODES:
                self.whole = False
                return
            yield each
