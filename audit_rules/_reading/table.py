"""Reads the keys of one table of `audit.toml` by type, checks the values, and reports unknown keys."""

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
    """Return the name of a value's TOML type with its article, such as `an integer`."""
    return _TOML_NAMES.get(type(value), "a date or time")


class TableReader:
    """Reads the values of a TOML table, one method for each type.

    For an invalid or missing value, a problem is added and an empty value or the default is returned. It
    is never used, because reading the file ends with a `ConfigError` if there is a problem.
    """

    def __init__(self, problems: Problems, place: str, values: Mapping[str, object]) -> None:
        self.place = place
        self._problems = problems
        self._values = values
        self._known: set[str] = set()

    def text(self, key: str, check: Check, *, default: str | None = None) -> str:
        """Read a string that passes the check or is the default; without a default, the key is required."""
        value = self._read(key, str, default)
        if value is None:
            return ""
        if value != default and (problem := check(value)):
            self.add_problem(key, problem)
            return ""
        return value

    def texts(self, key: str, check: Check, *, max_items: int | None = None) -> tuple[str, ...]:
        """Read a required array of 1 to `max_items` different strings that all pass the check."""
        values = self._read(key, list, None)
        if values is None:
            return ()
        if not values:
            self.add_problem(key, "is empty; name at least one")
        if max_items is not None and len(values) > max_items:
            self.add_problem(key, f"found {len(values)} items; name at most {max_items}")
        read: list[str] = []
        for number, value in enumerate(values, start=1):
            if not isinstance(value, str):
                self.add_problem(
                    key, f"found {type_name(value)} as item {number}; write strings only"
                )
            elif value in read:
                self.add_problem(key, f"found {shown(value)} twice; name it once")
            elif problem := check(value):
                self.add_problem(key, problem)
            else:
                read.append(value)
        return tuple(read)

    def integer(self, key: str, low: int, high: int, *, default: int) -> int:
        """Read an optional integer from `low` to `high`, both included."""
        value = self._read(key, int, default)
        if value is None:
            return default
        if not low <= value <= high:
            self.add_problem(key, f"found {value}; write an integer from {low} to {high}")
            return default
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Read a boolean; without a default, the key is required."""
        return bool(self._read(key, bool, default))

    def positive(self, key: str) -> Decimal | None:
        """Read an optional finite number above 0; None if the key is missing."""
        value = self._values.get(key)
        self._known.add(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add_problem(key, f"found {type_name(value)}; write a number")
            return None
        if not 0 < value < float("inf"):
            self.add_problem(key, f"found {value}; write a finite number above 0")
            return None
        return Decimal(str(value))

    def record(self, key: str) -> Mapping[str, object]:
        """Read a required table whose content is not checked."""
        return self._read(key, dict, None) or {}

    def table(self, key: str, *, required: bool = False) -> "TableReader":
        """Return a reader of the table at a key; an optional table that is missing is read as empty."""
        value = self._read(key, dict, None if required else {})
        place = f"{self.place}.{key}" if self.place else key
        if value is None:
            return _MissingTable(self._problems, place, {})
        return TableReader(self._problems, place, value)

    def tables(self, key: str, label: str) -> "list[TableReader]":
        """Return readers of an optional array of tables; messages name each by number and `label` key."""
        above = (
            f"{self.place.partition('[')[0]}." if self.place else ""
        )  # "rules." of `rules[1] "id"`
        advice = f"write [[{above}{key}]] tables"
        read = []
        for number, value in enumerate(self._read(key, list, [], advice) or [], start=1):
            place = f"{key}[{number}]"
            if not isinstance(value, dict):
                self._problems.add(self.place, place, f"found {type_name(value)}; {advice}")
                continue
            if isinstance(value.get(label), str):
                place += f" {shown(value[label])}"
            place = f"{self.place}.{place}" if self.place else place
            read.append(TableReader(self._problems, place, value))
        return read

    def names(self) -> tuple[str, ...]:
        """Return all keys of the table, in the order of the file."""
        return tuple(self._values)

    def variants(self, key: str, presets: "Iterable[Mapping[str, str]]") -> "Iterator[TableReader]":  # noqa: ARG002 - used by SchemaTable
        """Yield a reader of the table at a key; `SchemaTable` yields one for each form in `presets`."""
        yield self.table(key)

    def allow(self, keys: Collection[str]) -> None:
        """Mark keys as known, so that `finish` does not report them although they were not read."""
        self._known.update(keys)

    def finish(self) -> None:
        """Add a problem for each key neither read nor allowed, without its value (it may be secret)."""
        for key in self._values:
            if key not in self._known:
                self.add_problem(
                    key, f"is not a key of this table; {did_you_mean(key, self._known)}"
                )

    def add_problem(self, key: str, sentence: str) -> None:
        """Add a problem with a key of the table; the empty key stands for the whole table."""
        self._problems.add(self.place, key, sentence)

    def _read(
        self, key: str, wanted: type[_Value], default: _Value | None, advice: str | None = None
    ) -> _Value | None:
        """Return the value of a key if it has the wanted type; else add a problem and return None."""
        advice = advice or f"write {_TOML_NAMES[wanted]}"
        self._known.add(key)
        value = self._values.get(key, default)
        if value is None:
            self.add_problem(key, f"is required but missing; {advice}")
            return None
        # In Python a boolean is an int, in TOML it is not.
        if isinstance(value, wanted) and (wanted is not int or not isinstance(value, bool)):
            return value
        self.add_problem(key, f"found {type_name(value)}; {advice}")
        return None


class _MissingTable(TableReader):
    """The reader of a table that is required but missing, or not a table: it adds no further problems."""

    def add_problem(self, key: str, sentence: str) -> None:
        """Ignore the problem."""
