"""Represents values that a record cannot show, and compares them by their state and by `==`.

A text such as `<shop.Money>` is the same for every `Money`. So that a change is not overlooked, the value
itself is kept until both states were compared; it is never written.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple, Self

from .interrupts import from_signal_handler

__all__ = ["BEYOND_LIMIT", "UNREADABLE", "UnreadableText", "private_attributes"]

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
_NAMED: Final = (type, FunctionType, BuiltinFunctionType, ModuleType)
_ATOMS: Final = frozenset({type(None), bool, int, str, bytes})
_HEAP_TYPE: Final = 1 << 9  # Py_TPFLAGS_HEAPTYPE: https://docs.python.org/3/c-api/typeobj.html


class _State(NamedTuple):
    """What can be seen of a value: a structure that `==` compares, and whether nothing is missing in it."""

    seen: Any
    whole: bool


class UnreadableText(str):
    """The text that is written instead of a value, or of the rest of a container.

    Attributes:
        note: the note in `changes.notes`: `unreadable` or `beyond limit`.
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

        They do if they stand for the same object, or if all that can be seen of their states is equal,
        and `==` says so or there is no `==` of their class and nothing is hidden. What is
        beyond a limit is never equal to another object.
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
        if not _equal_states(state.seen, other_state.seen) or self.private:
            return _equal_states(state.seen, other_state.seen)
        equal = _equal(source, other_source)
        return state.whole and other_state.whole if equal is None else equal

    def state_text(self) -> str:
        """Return what can be seen of the state as text, which is the same for equal states."""
        return repr(self._read().seen)

    def _read(self) -> _State:
        if self._state is not None:
            return self._state
        if self._source is None:
            return _State(None, whole=False)
        reading = _StateReading()
        value = private_attributes(self._source) if self.private else self._source
        seen = reading.read(value, 0)
        return _State(seen, reading.whole)


def private_attributes(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, in `__dict__` and `__slots__`, that begin with `_`."""
    state = object.__getstate__(value)
    parts = state if isinstance(state, tuple) else (state,)
    return {
        name: item
        for part in parts
        if isinstance(part, dict)
        for name, item in part.items()
        if type(name) is str and name.startswith("_")
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


class _StateReading:
    """Reads the state of one value as a structure of builtin values, without running code of its class."""

    def __init__(self) -> None:
        self.whole = True
        self._positions: dict[int, int] = {}
        self._kept: list[Any] = []  # keeps their ids unique

    def read(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return kind, value
        if kind is float:
            return kind, repr(value)  # NaN is equal to NaN
        if (position := self._positions.get(id(value))) is not None:
            return "repeated", position
        if depth >= _MAX_DEPTH or len(self._kept) >= _MAX_NODES:
            return self._hidden(kind)
        self._positions[id(value)] = len(self._kept)
        self._kept.append(value)
        try:
            return kind, self._parts(value, kind, depth + 1)
        except Exception as error:
            if from_signal_handler(error):
                raise
            return self._hidden(kind)  # a class may raise anything

    def _hidden(self, kind: type) -> Any:
        self.whole = False
        return kind, "hidden"

    def _parts(  # noqa: PLR0911 - one for each kind of value
        self, value: Any, kind: type, depth: int
    ) -> Any:
        if kind is dict:
            return self._members(value, depth)
        if kind in {list, tuple}:
            return self._each(value, depth)
        if kind in {set, frozenset}:
            return sorted(self._each(value, depth), key=repr)
        if isinstance(value, _NAMED):
            name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value.__name__)}"
            self.whole = self.whole and "<" not in name  # functions with such names are not unique
            return name
        if kind is MethodType:
            return self.read(value.__func__, depth), self.read(value.__self__, depth)
        if any(isinstance(getattr(kind, name, None), FunctionType) for name in _HOOKS):
            first = next(base for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE)
            self.whole = self.whole and first is object
            return self.read(object.__getstate__(value), depth)
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
            None if members is None else self._members(dict(islice(members, _MAX_NODES)), depth),
        )

    def _members(self, value: Mapping[Any, Any], depth: int) -> Any:
        if all(type(name) is str for name in value):  # in any order
            return {name: self.read(item, depth) for name, item in self._bounded(value.items())}
        return [(self.read(name, depth), self.read(item, depth)) for name, item in value.items()]

    def _each(self, values: Iterable[Any], depth: int) -> list[Any]:
        return [self.read(each, depth) for each in self._bounded(values)]

    def _bounded(self, values: Iterable[Any]) -> Iterable[Any]:
        for number, each in enumerate(values):
            if number >= _MAX_NODES:
                self.whole = False
                return
            yield each
