"""One table of the file: its fields, read by type, checked, and the unknown ones told."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from .checks import Check
from .problems import Problems, did_you_mean, shown

_Value = TypeVar("_Value")

_TOML_NAMES: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "a table",
}


def type_name(value: object) -> str:
    """Name a value's type in TOML's words; dates and times are the only others."""
    return _TOML_NAMES.get(type(value), "a date or time")


class TableReader:
    """A table while it is read.

    A field that is wrong is told to `problems` and read as an empty value; nobody sees that
    value, because the reading ends in a `ConfigError` once there is a problem.
    """

    def __init__(self, problems: Problems, place: str, values: Mapping[str, object]) -> None:
        self.place = place
        self._problems = problems
        self._values = values
        self._asked: set[str] = set()

    def text(self, key: str, check: Check, *, default: str | None = None) -> str:
        """Read a string that passes the check; without a default the key has to be there."""
        value = self._read(key, str, default)
        if value is None:
            return ""
        if value != default and (complaint := check(value)):
            self.add_problem(key, complaint)
            return ""
        return value

    def texts(self, key: str, check: Check, *, most: int | None = None) -> tuple[str, ...]:
        """Read an array of one or more different strings that all pass the check."""
        values = self._read(key, list, None)
        if values is None:
            return ()
        if not values:
            self.add_problem(key, "is empty; name at least one")
        if most is not None and len(values) > most:
            self.add_problem(key, f"found {len(values)}; name at most {most}")
        read: list[str] = []
        for value in values:
            if not isinstance(value, str):
                self.add_problem(key, f"found {type_name(value)} in it; write strings only")
            elif value in read:
                self.add_problem(key, f"found {shown(value)} twice; name it once")
            elif complaint := check(value):
                self.add_problem(key, complaint)
            else:
                read.append(value)
        return tuple(read)

    def integer(self, key: str, low: int, high: int, *, default: int) -> int:
        """Read an integer from low to high, both included."""
        value = self._read(key, int, default)
        if value is None:
            return default
        if not low <= value <= high:
            self.add_problem(key, f"found {value}; write an integer from {low} to {high}")
            return default
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Read a boolean."""
        return bool(self._read(key, bool, default))

    def positive(self, key: str) -> Decimal | None:
        """Read a number above 0 that may be left out."""
        value = self._values.get(key)
        self._asked.add(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add_problem(key, f"found {type_name(value)}; write a number")
            return None
        if not 0 < value < float("inf"):
            self.add_problem(key, f"found {value}; write a number above 0")
            return None
        return Decimal(str(value))

    def record(self, key: str) -> Mapping[str, object]:
        """Read a table as it is, whatever is in it."""
        return self._read(key, dict, None) or {}

    def table(self, key: str, *, required: bool = False) -> "TableReader":
        """Read a table inside this one; one that may be left out is then an empty one."""
        value = self._read(key, dict, None if required else {})
        place = f"{self.place}.{key}" if self.place else key
        if value is None:
            return _MissingTable(self._problems, place, {})
        return TableReader(self._problems, place, value)

    def tables(self, key: str, label: str) -> "list[TableReader]":
        """Read an array of tables; each is called after its place and its label's value."""
        read = []
        for number, value in enumerate(self._read(key, list, []) or [], start=1):
            place = f"{key}[{number}]"
            if not isinstance(value, dict):
                self._problems.add(
                    self.place, place, f"found {type_name(value)}; write [[{key}]] tables"
                )
                continue
            if isinstance(value.get(label), str):
                place += f" {shown(value[label])}"
            place = f"{self.place}.{place}" if self.place else place
            read.append(TableReader(self._problems, place, value))
        return read

    def names(self) -> tuple[str, ...]:
        """Give the keys of a table whose keys are names, in the order of the file."""
        return tuple(self._values)

    def variants(self, key: str, presets: "Iterable[Mapping[str, str]]") -> "Iterator[TableReader]":  # noqa: ARG002 - for who writes down all of them
        """Give the table of a name, of whichever form it is."""
        yield self.table(key)

    def allow(self, keys: Collection[str]) -> None:
        """Say which keys there may be, when they are read as they come."""
        self._asked.update(keys)

    def finish(self) -> None:
        """Tell the keys that nobody asked for. Their values are not shown: they may be secret."""
        for key in self._values:
            if key not in self._asked:
                self.add_problem(key, f"is no key of this table; {did_you_mean(key, self._asked)}")

    def add_problem(self, key: str, sentence: str) -> None:
        """Add a problem with one field."""
        self._problems.add(self.place, key, sentence)

    def _read(self, key: str, wanted: type[_Value], default: _Value | None) -> _Value | None:
        """Give the value of a key if it has the wanted type; else tell, and give None."""
        self._asked.add(key)
        value = self._values.get(key, default)
        if value is None:
            self.add_problem(key, "is missing; it has no default")
            return None
        # A boolean is an int to Python, not to who writes TOML.
        if isinstance(value, wanted) and (wanted is not int or not isinstance(value, bool)):
            return value
        self.add_problem(key, f"found {type_name(value)}; write {_TOML_NAMES[wanted]}")
        return None


class _MissingTable(TableReader):
    """A table that is missing or none: told once, its fields are not asked for again."""

    def add_problem(self, key: str, sentence: str) -> None:
        """Keep silent."""
