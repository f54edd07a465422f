"""What has changed leaves a record, whatever class it has: E1 of the faults that were found by trying."""

import collections
import dataclasses
import functools
import io
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NoReturn
from unittest import mock
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PrivateAttr,
    SecretStr,
    computed_field,
    field_serializer,
)

import audit_lib
from audit_lib._record.changes import changes_between
from audit_lib._record.masking import Masking, Redactions

Lines = Callable[[], list[dict[str, Any]]]


class Money:
    """Without `__eq__`; its `repr` could contain anything, so it is not written."""

    def __init__(self, amount: Any) -> None:
        self._amount = amount

    def __repr__(self) -> str:
        return f"Money({self._amount})"


class Slotted:
    __slots__ = ("_amount",)

    def __init__(self, amount: Any) -> None:
        self._amount = amount


class EqualByKey(Money):
    """Equal to each other object with the key, as entities are."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EqualByKey)

    __hash__ = None  # type: ignore[assignment]


class NeverEqual(Money):
    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


class Raising(Money):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison today")

    __hash__ = None  # type: ignore[assignment]


class Unseen(Money):
    """A class whose pickled state is the same for all its objects."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot be pickled")


class Account:
    """Read by its public attributes; what the setter changes is private."""

    def __init__(self, name: str, password: str) -> None:
        self.name = name
        self._password = password


class Broken(Mapping[str, Any]):
    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, name: str) -> Any:
        return self.value

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        raise OSError("no connection")


class Cart(BaseModel):
    price: int = 0
    secret: SecretStr = SecretStr("")
    page: HttpUrl = HttpUrl("https://example.com/")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        return 10 // self.price


class Odd(BaseModel):
    note: str = ""
    hidden: str = ""

    @field_serializer("note")
    def _note(self, note: str) -> str:
        raise ValueError("no note today")

    @field_serializer("hidden")
    def _hidden(self, hidden: str) -> str:
        return "…"


AN_OBJECT = Slotted(1)


def nested(levels: int, leaf: Any) -> Any:
    return functools.reduce(lambda inner, _: {"a": inner}, range(levels), leaf)


def local(number: int) -> Callable[[], int]:
    return lambda: number


def changed(before: Any, after: Any) -> dict[str, Any]:
    """Return `changes` with its `notes`, masked as in a record."""
    masking, redactions = Masking(), Redactions()
    found = changes_between(before, after, masking)
    masking.mask_changes(found, redactions)
    return {**found, "notes": redactions.notes}


class Ledger:
    """Read by its public attributes; what changes is beyond the limit of its private state."""

    def __init__(self, last: int) -> None:
        self.name = "x"
        self._entries = [*[0] * 6_000, last]


class Ordered:
    def __init__(self, last: int) -> None:
        self._members = collections.OrderedDict((str(n), n) for n in range(6_000))
        self._members["5999"] = last

    def __repr__(self) -> str:
        return "Ordered"


class Entity(EqualByKey):
    """Equal by its key, and with more state than is read."""


class Upload(io.BytesIO):
    """A file with a name, as a request has it: its content is not an attribute."""


def upload(content: bytes) -> Upload:
    found = Upload(content)
    found.name = "x.pdf"  # type: ignore[attr-defined]
    return found


class StatusError(Exception):
    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Excluded(BaseModel):
    password: str = Field("", exclude=True)
    name: str = "x"


class Private(BaseModel):
    _seen: int = PrivateAttr(0)


class Constant(BaseModel):
    pin: str

    @field_serializer("pin")
    def _pin(self, pin: str) -> str:
        return "***"


@dataclasses.dataclass
class Whole:
    a: int


class Part(Whole):
    """A subclass of a dataclass that is not one itself."""

    def __init__(self, extra: int) -> None:
        super().__init__(1)
        self.extra = extra


def private(number: int) -> Private:
    found = Private()
    found._seen = number
    return found


def decorated(number: int) -> Callable[[], int]:
    @functools.wraps(nested)
    def wrapper() -> int:
        return number

    return wrapper


DIFFERENT = {
    "beyond the limit of private state": (Ledger(1), Ledger(2)),
    "beyond the limit of unknown state": (Ordered(1), Ordered(2)),
    "beyond the limit, equal by a key": (Entity([0] * 6_000 + [1]), Entity([0] * 6_000 + [2])),
    "the content of a named file": (upload(b"1"), upload(b"2")),
    "random generators": (random.Random(1), random.Random(2)),
    "functions of one name": (decorated(1), decorated(2)),
    "methods of two objects": ([1].append, [2].append),
    "attributes of an exception": (StatusError("x", 500), StatusError("x", 503)),
    "zones of one name": (
        timezone(timedelta(hours=1), "X"),
        timezone(timedelta(hours=2), "X"),
    ),
    "an excluded field": (Excluded(password="a-1234"), Excluded(password="b-1234")),
    "a private attribute of a model": (private(1), private(2)),
    "what a serializer hides": (Constant(pin="1"), Constant(pin="2")),
    "an attribute beside the fields": (Part(1), Part(2)),
    "a class without ==": (Money(1), Money(2)),
    "slots": (Slotted(1), Slotted(2)),
    "deep in its state": (Money([{"a": Money(1)}]), Money([{"a": Money(2)}])),
    "== by a key": (EqualByKey(1), EqualByKey(2)),
    "== is false": (NeverEqual(1), NeverEqual(1)),
    "== that raises": (Raising(1), Raising(2)),
    "no pickle": (Unseen(1), Unseen(2)),
    "locks": (threading.Lock(), threading.Lock()),
    "generators": ((_ for _ in ()), (_ for _ in ())),
    "functions": (local(1), local(2)),
    "in a list": ([Money(1)], [Money(2)]),
    "in a set": ({Slotted(1), Slotted(2)}, {Slotted(1), Slotted(3)}),
    "in a tuple": ((1, Money(1)), (1, Money(2))),
    "a mapping that raises": (Broken(1), Broken(2)),
    "below 32 levels": (nested(40, 1), nested(40, 2)),
    "beyond 20,000 values": (list(range(20_001)), [*range(20_000), 7]),
    "fields beyond 20,000 values": (
        {str(n): n for n in range(20_001)},
        {str(n): n % 20_000 for n in range(20_001)},
    ),
    "patterns with flags": (re.compile("a"), re.compile("a", re.IGNORECASE)),
    "times of zones": (
        time(9, tzinfo=ZoneInfo("Europe/Madrid")),
        time(9, tzinfo=ZoneInfo("Asia/Tokyo")),
    ),
    "secrets": (SecretStr("a-1234"), SecretStr("b-1234")),
    "urls": (HttpUrl("https://a.example"), HttpUrl("https://b.example")),
    "arrays": (np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]])),
    "a partial": (functools.partial(int, base=2), functools.partial(int, base=8)),
    "exceptions": (ValueError("a"), ValueError("b")),
    "1 and true": (1, True),
    "a number and its text": (1, "1"),
    "mocks": (mock.ANY, 1),
}


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    n: int


class WithSet(BaseModel):
    members: set[Frozen]


SAME = {
    "a set of models": (WithSet(members={Frozen(n=1)}), WithSet(members={Frozen(n=1)})),
    "an excluded field": (Excluded(password="a-1234"), Excluded(password="a-1234")),
    "a set of fields that were given": (Excluded(name="x"), Excluded()),
    "what a serializer hides": (Constant(pin="1"), Constant(pin="1")),
    "a large decimal": (Decimal("1E+30"), Decimal(10**30)),
    "other keys in another order": (Money({1: 1, 2: 2}), Money({2: 2, 1: 1})),
    "a shared part": (Money([AN_OBJECT, AN_OBJECT]), Money([Slotted(1), Slotted(1)])),
    "NaN": (float("nan"), float("nan")),
    "1 and 1.0": (1, 1.0),
    "a decimal": (Decimal("1.00"), 1),
    "an instant": (
        datetime(2026, 1, 1, 9, tzinfo=UTC),
        datetime(2026, 1, 1, 10, tzinfo=ZoneInfo("Europe/Madrid")),
    ),
    "a class without ==": (Money(1), Money(1)),
    "its attributes in another order": (Money({"a": 1, "b": 2}), Money({"b": 2, "a": 1})),
    "slots": (Slotted([1]), Slotted([1])),
    "a set of such objects": ({Slotted(n) for n in range(9)}, {Slotted(n) for n in range(9)}),
    "== that raises": (Raising(1), Raising(1)),
    "secrets": (SecretStr("a-1234"), SecretStr("a-1234")),
    "arrays": (np.array([1, float("nan")]), np.array([1, float("nan")])),
    "a partial": (functools.partial(int, base=2), functools.partial(int, base=2)),
    "a function": (nested, nested),
    "NaN in a class": (Money(float("nan")), Money(float("nan"))),
    "a dataclass": (dataclasses.make_dataclass("P", ["x"])(1), {"x": 1}),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_written_as_updated(name: str) -> None:
    before, after = DIFFERENT[name]
    found = changed({"v": before, "w": 1}, {"v": after, "w": 2})
    assert "v" in found["fields"]
    if repr(found["before"]["v"]) == repr(found["after"]["v"]):
        assert found["notes"]  # the record says that it does not show the difference


@pytest.mark.parametrize("name", SAME)
def test_what_is_the_same_is_not_written(name: str) -> None:
    before, after = SAME[name]
    assert changed({"v": before, "w": 1}, {"v": after, "w": 2})["fields"] == {"w": "updated"}


def test_the_same_object_is_the_same_even_if_nothing_of_it_can_be_seen() -> None:
    for value in (threading.Lock(), nested(40, 1), list(range(30_000)), (_ for _ in ())):
        assert changed({"v": value, "w": 1}, {"v": value, "w": 2})["fields"] == {"w": "updated"}


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (Money(1), Money(2), {"v": "unreadable"}),
        (threading.Lock(), threading.Lock(), {"v": "unreadable"}),
        (Broken(1), Broken(2), {"v": "unreadable"}),
        (list(range(20_001)), [*range(20_000), 7], {"v.19999": "beyond limit"}),
        (dict.fromkeys(range(20_001), 1), dict.fromkeys(range(20_001), 2), {"v.…": "beyond limit"}),
    ],
)
def test_the_notes_say_why_a_value_is_not_shown(
    logger: audit_lib.AppLogger, before: Any, after: Any, note: dict[str, str]
) -> None:
    assert changed({"v": before}, {"v": after})["notes"].items() >= note.items()


def test_a_changed_password_of_a_pydantic_model_leaves_its_trace(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    before = Cart(price=1, secret=SecretStr("hunter22"))
    after = Cart(price=1, secret=SecretStr("hunter33"))
    logger.audit.record_updated("Signed in with hunter22", "cart", before, after)
    [line] = lines()
    assert line["changes"]["fields"] == {"secret": "updated"}
    assert line["changes"]["after"] == {"secret": "***"}
    assert line["changes"]["notes"]["secret"] == "masked"
    assert "hunter" not in str(line)


def test_a_computed_field_that_raises_does_not_hide_the_others() -> None:
    found = changed(Cart(price=0), Cart(price=2))
    assert found["fields"] == {"price": "updated", "total": "updated"}
    assert found["before"]["total"].startswith("<unread: ZeroDivisionError")
    # In both states: it cannot be compared, so it is never taken for equal.
    twice = changed(Cart(price=0), Cart(price=0, secret=SecretStr("x-9999")))
    assert twice["fields"] == {"secret": "updated", "total": "updated"}
    assert twice["notes"]["total"] == "unreadable"


def test_a_serializer_is_used_for_the_other_fields_when_one_raises() -> None:
    found = changed(Odd(hidden="a"), Odd(hidden="b"))
    assert "a" not in found["before"].values()
    assert found["fields"] == {"…": "updated"}  # what the serializer hides; the note did not change


def test_private_attributes_are_compared_and_not_shown(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_created("x", "account", Account("Ana", "hunter22"))
    logger.audit.record_updated("x", "account", Account("Ana", "old-1"), Account("Ana", "new-1"))
    logger.audit.record_updated("x", "account", Account("Ana", "old-1"), Account("Ana", "old-1"))
    created, updated = lines()
    assert created["changes"]["after"] == {"name": "Ana"}
    assert updated["changes"]["fields"] == {"…": "updated"}
    assert updated["changes"]["notes"] == {"…": "unreadable"}
    assert "old-1" not in str(updated)


def test_track_sees_what_changes_inside_an_object(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    state = {"price": Money(1), "owner": Account("Ana", "old-1"), "kept": Money(5)}
    with logger.audit.track("x", "order", state):
        state["price"]._amount = 2
        state["owner"]._password = "new-1"
    [line] = lines()
    assert line["changes"]["fields"] == {"price": "updated", "owner": {"…": "updated"}}
    with logger.audit.track("x", "order", state):
        pass
    assert not lines()[1:]


def test_track_sees_a_change_in_a_large_array(logger: audit_lib.AppLogger, lines: Lines) -> None:
    state = {"v": np.zeros(100_001)}
    with logger.audit.track("x", "measurement", state):
        state["v"][0] = 5
    assert lines()[0]["changes"]["notes"] == {"v": "beyond limit"}


def test_a_key_whose_equality_raises_and_a_dict_that_changes_do_not_raise(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    class Key(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no comparison today")

    logger.audit.record_updated("x", "user", {Key("a"): 1}, {Key("a"): 2})
    changing = {str(number): number for number in range(200)}
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            changing["more"] = 1
            changing.pop("more", None)

    thread = threading.Thread(target=change)
    thread.start()
    for _ in range(500):
        logger.audit.record_created("x", "user", changing)
    stop.set()
    thread.join()
    assert len(lines()) == 501


def test_a_member_beyond_the_limit_is_not_taken_for_removed() -> None:
    before = {str(number): number for number in range(20_001)}
    # Members that need no conversion are compared without a limit.
    assert changed(before, {"new": 0, **before})["fields"] == {"new": "added"}
    nested = changed({"v": before}, {"v": {"new": 0, **before}})
    assert nested["fields"] == {"v": {"…": "updated"}}
    # What is beyond the limit is unknown, so it is never taken for equal.
    assert changed({"v": before}, {"v": dict(before)})["fields"] == {"v": {"…": "updated"}}


def test_exactly_the_limit_is_read_in_full() -> None:
    before = {str(number): 0 for number in range(20_000)}
    assert changed(before, {**before, "19999": 1})["fields"] == {"19999": "updated"}


KEYS = st.sampled_from(["a", "b", "_c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.floats() | st.text("xy", max_size=2)
    | st.sampled_from([date(2026, 1, 1), Decimal("1.0"), SecretStr("x"), np.array([1, 2])]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@dataclasses.dataclass
class Fields:
    a: Any
    b: Any = None


def made(kind: int, value: Any) -> Any:
    """Return an object of one of the generated classes, with the value somewhere in it."""
    if kind == 4:
        found = Slotted.__new__(Slotted)
        found._amount = value
        return found
    return [Money(value), Account("Ana", value), Fields(value), {"v": [value]}][kind]


def described(value: Any) -> str:
    """Return a text that is equal for equal values, written without the code under test."""
    if isinstance(value, dict):
        return f"{{{sorted((name, described(item)) for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(described, value))}]"
    if isinstance(value, SecretStr):
        return f"secret {value.get_secret_value()}"
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return repr(float(value))
    return repr(value)


@given(kind=st.integers(0, 4), before=VALUES, after=VALUES)
def test_what_differs_leaves_a_record(kind: int, before: Any, after: Any) -> None:
    found = changed({"v": made(kind, before)}, {"v": made(kind, after)})
    if described(before) != described(after):
        assert found["fields"]
    elif kind in {2, 3}:
        assert not found["fields"]
