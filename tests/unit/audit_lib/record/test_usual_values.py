"""Values of the classes that applications usually have in their states: readable, and compared.

Each entry makes a value of one of two variants; two values of one variant are equal and not identical.
To add a class, add an entry.
"""

import argparse
import array
import collections
import dataclasses
import decimal
import enum
import fractions
import ipaddress
import pathlib
import re
import types
import typing
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
import httpx
import msgspec
import numpy as np
import pandas as pd
import pydantic
import pytest
from django.utils.functional import lazystr
from pydantic import BaseModel, RootModel
from sqlalchemy import create_engine, literal, select
from starlette.datastructures import URL, Headers, Secret

from audit_lib._record.changes import changes_between
from audit_lib._record.encoding import encode
from audit_lib._record.masking import Masking, Redactions

MADRID: Final = ZoneInfo("Europe/Madrid")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2
    GRANT = 4


class Point(typing.NamedTuple):
    x: int


@dataclasses.dataclass
class Address:
    city: str


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    city: str


@attrs.define
class Attrs:
    city: str


@attrs.frozen
class FrozenAttrs:
    inner: Attrs


class Struct(msgspec.Struct):
    city: str


class Model(BaseModel):
    city: str
    tags: dict[str, list[int]] = {}


class Nested(BaseModel):
    inner: Model
    by_name: dict[str, Model]


class Listed(RootModel[list[int]]):
    pass


class Mapped(RootModel[dict[str, int]]):
    pass


class Plain:
    def __init__(self, city: str) -> None:
        self.city = city


class Text(str):
    __slots__ = ()


def row(number: int) -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        found = connection.execute(
            select(literal(number).label("n"), literal("x").label("t"))
        ).one()
    engine.dispose()
    return found


VALUES: Final[dict[str, Callable[[int], Any]]] = {
    # Python
    "str": lambda n: f"text {n}",
    "str subclass": lambda n: Text(f"text {n}"),
    "int": lambda n: n,
    "large int": lambda n: 2**64 + n,
    "bool": lambda n: n == 1,
    "float": lambda n: n / 3,
    "infinity": lambda n: float("inf") * (1 if n == 1 else -1),
    "complex": lambda n: complex(n, 1),
    "bytes": lambda n: bytes([n, 255]),
    "bytearray": lambda n: bytearray([n]),
    "memoryview": lambda n: memoryview(bytes([n])),
    "list": lambda n: [n, [n]],
    "tuple": lambda n: (n, "a"),
    "set": lambda n: {n, 7, 8},
    "frozenset": lambda n: frozenset({n, "a"}),
    "dict": lambda n: {"a": {"b": n}},
    "dict with other keys": lambda n: {n: "a", (1, 2): "b", None: "c"},
    "range": range,
    "dict values": lambda n: {"a": n}.values(),
    "dict keys": lambda n: {str(n): 1}.keys(),
    "namedtuple": Point,
    "dataclass": lambda n: Address(str(n)),
    "frozen dataclass": lambda n: Frozen(str(n)),
    "plain object": lambda n: Plain(str(n)),
    "enum": lambda n: Colour.RED if n == 1 else Colour.BLUE,
    "int enum": Level,
    "flag": lambda n: Right(n) | Right.GRANT,
    "class": lambda n: int if n == 1 else str,
    "exception": lambda n: ValueError(f"no {n}"),
    "namespace": lambda n: types.SimpleNamespace(a=n),
    "arguments": lambda n: argparse.Namespace(a=n),
    "mapping proxy": lambda n: types.MappingProxyType({"a": n}),
    "pattern": lambda n: re.compile(f"a{{{n}}}"),
    "pattern with flags": lambda n: re.compile("a", re.IGNORECASE if n == 1 else re.MULTILINE),
    # collections, numbers, identifiers
    "deque": lambda n: collections.deque([n]),
    "ordered dict": lambda n: collections.OrderedDict(a=n),
    "default dict": lambda n: collections.defaultdict(int, a=n),
    "counter": lambda n: collections.Counter(a=n),
    "chain map": lambda n: collections.ChainMap({"a": n}, {"b": 1}),
    "user dict": lambda n: collections.UserDict(a=n),
    "user list": lambda n: collections.UserList([n]),
    "user string": lambda n: collections.UserString(f"text {n}"),
    "array": lambda n: array.array("d", [n, 1]),
    "decimal": lambda n: decimal.Decimal(f"{n}.00"),
    "exact decimal": lambda n: decimal.Decimal(f"0.100000000000000000000{n}"),
    "decimal NaN": lambda n: decimal.Decimal("NaN" if n == 1 else "Infinity"),
    "fraction": lambda n: fractions.Fraction(n, 3),
    "uuid": lambda n: uuid.UUID(int=n),
    "path": lambda n: pathlib.Path(f"/etc/{n}"),
    "windows path": lambda n: pathlib.PureWindowsPath(f"c:/{n}"),
    "IPv4 address": lambda n: ipaddress.ip_address(f"203.0.113.{n}"),
    "IPv6 address": lambda n: ipaddress.ip_address(f"2001:db8::{n}"),
    "IPv4 network": lambda n: ipaddress.ip_network(f"203.0.{n}.0/24"),
    "IPv6 network": lambda n: ipaddress.ip_network(f"2001:db8:{n}::/48"),
    "IPv4 interface": lambda n: ipaddress.ip_interface(f"203.0.113.{n}/24"),
    # dates
    "date": lambda n: date(2026, 1, n),
    "naive datetime": lambda n: datetime(2026, 1, n),  # noqa: DTZ001
    "UTC datetime": lambda n: datetime(2026, 1, n, tzinfo=UTC),
    "datetime in a zone": lambda n: datetime(2026, 1, n, tzinfo=MADRID),
    "folded datetime": lambda n: datetime(2026, 10, 25, 2, 30, fold=n - 1, tzinfo=MADRID),
    "datetime with an offset": lambda n: datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=n))),
    "time": time,
    "time with an offset": lambda n: time(9, tzinfo=timezone(timedelta(hours=n))),
    "time in a zone": lambda n: time(9, tzinfo=MADRID if n == 1 else ZoneInfo("Asia/Tokyo")),
    "timedelta": lambda n: timedelta(hours=n),
    "timezone": lambda n: timezone(timedelta(hours=n)),
    "zone": lambda n: MADRID if n == 1 else ZoneInfo("Asia/Tokyo"),
    # attrs, msgspec, pydantic
    "attrs": lambda n: Attrs(str(n)),
    "nested attrs": lambda n: FrozenAttrs(Attrs(str(n))),
    "struct": lambda n: Struct(str(n)),
    "model": lambda n: Model(city=str(n), tags={"a": [n]}),
    "nested model": lambda n: Nested(inner=Model(city="x"), by_name={"a": Model(city=str(n))}),
    "root model of a list": lambda n: Listed([n]),
    "root model of a dict": lambda n: Mapped({"a": n}),
    "secret text": lambda n: pydantic.SecretStr(f"secret-{n}"),
    "secret bytes": lambda n: pydantic.SecretBytes(f"secret-{n}".encode()),
    "secret date": lambda n: pydantic.Secret[date](date(2026, 1, n)),
    "http url": lambda n: pydantic.HttpUrl(f"https://example.com/{n}"),
    "postgres url": lambda n: pydantic.PostgresDsn(f"postgres://u:secret@h/{n}"),
    "old url": lambda n: pydantic.AnyUrl(f"ftp://example.com/{n}")._url,
    "name and email": lambda n: pydantic.NameEmail(f"Ana {n}", "ana@example.com"),
    "byte size": pydantic.ByteSize,
    # NumPy and pandas
    "numpy float64": lambda n: np.float64(n / 3),
    "numpy float32": lambda n: np.float32(n / 3),
    "numpy int64": np.int64,
    "numpy bool": lambda n: np.bool_(n == 1),
    "numpy str": lambda n: np.str_(f"text {n}"),
    "numpy datetime64": lambda n: np.datetime64(f"2026-01-0{n}"),
    "numpy timedelta64": lambda n: np.timedelta64(n, "h"),
    "numpy complex": np.complex128,
    "numpy array": lambda n: np.array([[n, 1.5]]),
    "numpy array of texts": lambda n: np.array(["a", str(n)]),
    "numpy array of objects": lambda n: np.array([Address(str(n))], dtype=object),
    "numpy array of times": lambda n: np.array([f"2026-01-0{n}"], dtype="datetime64[ns]"),
    "numpy array without dimensions": np.array,
    "numpy record array": lambda n: np.array([(n, "a")], dtype=[("x", "i4"), ("y", "U1")]),
    "masked array": lambda n: np.ma.masked_array([n, 2], mask=[False, True]),
    "timestamp": lambda n: pd.Timestamp(2026, 1, n, tz="Europe/Madrid"),
    "nanoseconds": pd.Timestamp,
    "pandas timedelta": lambda n: pd.Timedelta(n, "ns"),
    "NaT": lambda n: pd.NaT if n == 1 else pd.Timestamp(2026, 1, 1),
    "NA": lambda n: pd.NA if n == 1 else 1,
    "period": lambda n: pd.Period(f"2026-0{n}"),
    "interval": lambda n: pd.Interval(0, n),
    "series": lambda n: pd.Series([n, None], index=["a", "b"]),
    "frame": lambda n: pd.DataFrame({"a": [n], "b": [date(2026, 1, 1)]}),
    "index": lambda n: pd.Index([n]),
    "dates index": lambda n: pd.date_range("2026-01-01", periods=n),
    "categories": lambda n: pd.Categorical(["a", str(n)]),
    "integer array": lambda n: pd.array([n, None], dtype="Int64"),
    # the web, databases
    "starlette url": lambda n: URL(f"https://example.com/{n}"),
    "starlette secret": lambda n: Secret(f"secret-{n}"),
    "headers": lambda n: Headers({"x-n": str(n)}),
    "httpx url": lambda n: httpx.URL(f"https://example.com/{n}"),
    "httpx parameters": lambda n: httpx.QueryParams({"n": str(n)}),
    "lazy text": lambda n: lazystr(f"text {n}"),
    "row": row,
}
SECRETS: Final = frozenset(name for name in VALUES if "secret" in name)


def changes(before: Any, after: Any) -> tuple[dict[str, Any], dict[str, str]]:
    masking, redactions = Masking(), Redactions()
    found = changes_between({"v": before}, {"v": after}, masking)
    masking.mask_changes(found, redactions)
    encode(found)
    return found, redactions.notes


@pytest.mark.parametrize("name", VALUES)
def test_a_change_is_written_with_both_values(name: str) -> None:
    before, after = VALUES[name](1), VALUES[name](2)
    found, notes = changes(before, after)
    assert found["fields"]
    if name in SECRETS:
        assert set(notes.values()) == {"masked"}
        assert "secret-" not in str(found)
    else:
        assert found["before"] != found["after"]


@pytest.mark.parametrize("name", VALUES)
def test_equal_values_are_the_same(name: str) -> None:
    assert changes(VALUES[name](1), VALUES[name](1))[0]["fields"] == {}


def test_of_the_usual_values_at_most_one_in_a_hundred_is_unreadable() -> None:
    unreadable = [
        name
        for name, value in VALUES.items()
        if "unreadable" in changes(None, value(1))[1].values()
    ]
    assert len(VALUES) > 100
    assert len(unreadable) <= len(VALUES) // 100, unreadable


def test_a_large_array_is_not_converted_and_never_taken_for_equal() -> None:
    large = np.zeros(200_000)
    found, notes = changes(large, large.copy())
    assert found["before"] == {"v": "<left out: ndarray of 200000 values, over 100000>"}
    assert notes == {"v": "beyond limit"}
    assert changes(large, large)[0]["fields"] == {}
