"""`record_updated`: the change, the call site and the caller's extra fields in the line."""

import dataclasses
import enum
import logging
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import RFC_4122, UUID

import deepdiff
import pytest
from hypothesis import given
from hypothesis import strategies as st

import audit_lib
from audit_lib._record.changes import changes_between
from audit_lib._record.masking import Masking
from audit_lib._record.plain import plain

Lines = Callable[[], list[dict[str, Any]]]


def test_only_what_differs_is_written(logger: audit_lib.AppLogger, lines: Lines) -> None:
    before, after = {"id": 1, "phone": "+1234567890"}, {"id": 1, "phone": "+19876543210"}
    logger.audit.record_updated("Edit made", record_type="user", before=before, after=after)
    logger.audit.record_updated("Edit made", "user", before, after)
    by_name, by_position = lines()
    assert (
        by_name["changes"]
        == by_position["changes"]
        == {
            "record_type": "user",
            "before": {"phone": "+1234567890"},
            "after": {"phone": "+19876543210"},
            "fields": {"phone": "updated"},
        }
    )
    assert by_name["event"] == {
        "id": by_name["event"]["id"],
        "kind": "event",
        "action": "user-updated",
        "category": ["iam"],
        "type": ["user", "change"],
        "outcome": "success",
    }
    ids = [UUID(line["event"]["id"]) for line in (by_name, by_position)]
    assert ids[0] != ids[1]
    assert [(id_.version, id_.variant) for id_ in ids] == [(8, RFC_4122)] * 2


def test_origin_is_the_callers_file_and_function(logger: audit_lib.AppLogger, lines: Lines) -> None:
    def wrapper() -> None:
        logger.audit.record_updated("x", "user", {}, {"a": 1}, stacklevel=2)

    logger.audit.record_updated("x", "user", {}, {"a": 1})
    wrapper()
    origins = [line["log"]["origin"] for line in lines()]
    name = "test_origin_is_the_callers_file_and_function"
    assert [(o["file"]["name"], o["function"]) for o in origins] == [
        ("test_record_updated.py", name)
    ] * 2


def test_all_that_can_be_said_is_in_its_ecs_field(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_updated(
        "Refund of %s",
        "order",
        {"refunded": 0},
        {"refunded": 5},
        "5 EUR",
        record_id=3318,
        action="order-refunded",
        outcome="failure",
        reason="over the limit",
        extra={
            "event.reference": "T-1",
            "event": {"severity": 3},
            "labels": {"team": "shop"},
            "ticket": "OPS-7",
        },
    )
    [line] = lines()
    assert line["message"] == "Refund of 5 EUR"
    assert line["changes"]["record_id"] == "3318"
    assert line["event"] | {"id": ""} == {
        "id": "",
        "kind": "event",
        "action": "order-refunded",
        "category": ["database"],
        "type": ["change"],
        "outcome": "failure",
        "reason": "over the limit",
        "reference": "T-1",
        "severity": 3,
    }
    assert line["labels"] == {"team": "shop"}
    assert line["ticket"] == "OPS-7"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"a": None}, ({}, {"a": None}, {"a": "added"})),
        ({"a": None}, {}, ({"a": None}, {}, {"a": "removed"})),
        ({"a": None}, {"a": 1}, ({"a": None}, {"a": 1}, {"a": "updated"})),
        (None, {"a": 1}, ({}, {"a": 1}, {"a": "added"})),
        ({"a": 1}, None, ({"a": 1}, {}, {"a": "removed"})),
        ({"a": False}, {"a": "False"}, ({"a": False}, {"a": "False"}, {"a": "updated"})),
        ({"a": 0}, {"a": "0"}, ({"a": 0}, {"a": "0"}, {"a": "updated"})),
        ({"a": None}, {"a": ""}, ({"a": None}, {"a": ""}, {"a": "updated"})),
        ({"a": 1}, {"a": True}, ({"a": 1}, {"a": True}, {"a": "updated"})),
        ({"a": [1]}, {"a": [True]}, ({"a": [1]}, {"a": [True]}, {"a": "updated"})),
        ({"a": 1}, {"a": 1.0}, ({}, {}, {})),
        ({"a": 1.0}, {"a": float("nan")}, ({"a": 1.0}, {"a": "NaN"}, {"a": "updated"})),
        (
            {"a": {"b": [1, 2, 3], "c": 9}},
            {"a": {"b": [1, 3], "c": 9}},
            ({"a": {"b": [1, 2, 3]}}, {"a": {"b": [1, 3]}}, {"a": {"b": "updated"}}),
        ),
        ({"a": {}}, {"a": {"b": 1}}, ({"a": {}}, {"a": {"b": 1}}, {"a": {"b": "added"}})),
        ({"a": {"b": 1}}, {"a": 2}, ({"a": {"b": 1}}, {"a": 2}, {"a": "updated"})),
        ({"a.b": 1, "a": 1}, {"a.b": 2, "a": 1}, ({"a.b": 1}, {"a.b": 2}, {"a.b": "updated"})),
    ],
)
def test_a_difference_is_what_json_sees(before: Any, after: Any, expected: Any) -> None:
    found = changes_between(before, after, Masking())
    assert repr((found["before"], found["after"], found["fields"])) == repr(expected)


def test_before_is_the_state_at_the_call(logger: audit_lib.AppLogger, lines: Lines) -> None:
    before: dict[str, Any] = {"roles": ["support"]}
    after: dict[str, Any] = {"roles": ["support", "admin"]}
    kept: list[Any] = []
    logger.audit.addFilter(lambda record: not kept.append(after["roles"].clear()))  # type: ignore[func-returns-value]
    logger.audit.record_updated("x", "user", before, after)
    assert lines()[0]["changes"]["after"] == {"roles": ["support", "admin"]}


def test_the_callers_extra_stays_as_it_was(logger: audit_lib.AppLogger, lines: Lines) -> None:
    extra = {"event": {"severity": 1}}
    logger.audit.record_updated("x", "user", {}, {"a": 1}, extra=extra)
    assert extra == {"event": {"severity": 1}}
    assert lines()[0]["event"]["severity"] == 1


@dataclasses.dataclass
class Address:
    city: str


class Colour(enum.Enum):
    RED = "red"


class Broken:
    @property
    def id(self) -> int:
        raise RuntimeError("no id today")

    def __repr__(self) -> str:
        raise RuntimeError("no repr today")


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE

ODD = {
    "datetime": (
        datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=1))),
        "2026-03-01T08:00:00Z",
    ),
    "naive": (datetime(2026, 3, 1, 9), "2026-03-01T09:00:00"),  # noqa: DTZ001
    "date": (date(2026, 3, 1), "2026-03-01"),
    "timedelta": (timedelta(days=1, hours=2, microseconds=5), "P1DT2H0.000005S"),
    "decimal": (Decimal("30.40"), 30.4),
    "exact": (Decimal("0.1000000000000000000001"), "0.1000000000000000000001"),
    "uuid": (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    "set": ({3, 1, 2}, [1, 2, 3]),
    "bytes": (b"\xff\x00", "base64:/wA="),
    "enum": (Colour.RED, "red"),
    "dataclass": (Address("Vigo"), {"city": "Vigo"}),
    "path": (PurePosixPath("/etc"), "/etc"),
    "big": (2**64, "18446744073709551616"),
    "infinity": (float("-inf"), "-Infinity"),
    "surrogate": ("\ud800", "\\ud800"),
    "integer key": ({1: "a", "1": "b"}, {"1": "a", "1 (str)": "b"}),
    "cycle": (CYCLE, {"self": "<cycle: the dict at depth 1>"}),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_is_written_as_what_it_is(
    logger: audit_lib.AppLogger, lines: Lines, name: str
) -> None:
    value, expected = ODD[name]
    logger.audit.record_updated("x", "thing", {"v": None, "w": 1}, {"v": value, "w": 2})
    [line] = lines()
    assert line["changes"]["after"] == {"v": expected, "w": 2}


def test_a_broken_object_is_named_and_its_neighbours_stay(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_updated("x", "thing", {"v": 1}, {"v": Broken(), "w": 2})
    after = lines()[0]["changes"]["after"]
    assert after["w"] == 2
    assert re.fullmatch(r"<unserialisable .*Broken: RuntimeError: no id today>", after["v"])


RESERVED = [
    "name",
    "msg",
    "args",
    "filename",
    "process",
    "message",
    "asctime",
    "exc_info",
    "levelname",
]


@pytest.mark.parametrize(
    "key", [*RESERVED, "@timestamp", "log", "log.level", "ecs.version", "event"]
)
def test_an_extra_of_any_name_keeps_record_and_value(
    logger: audit_lib.AppLogger, lines: Lines, key: str
) -> None:
    logger.audit.info("mine", extra={key: "theirs"})
    [line] = lines()
    assert line["message"] == "mine"
    assert line["log"]["logger"] == f"{logger.name}.audit"
    assert line.get(key) == "theirs" or line["extra"] == {key: "theirs"}


def test_an_extra_never_replaces_what_tells_the_record_apart(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.info("x", extra={"event": {"id": "fixed", "action": "a"}, "log.logger": "root"})
    [line] = lines()
    assert line["event"]["id"] != "fixed"
    assert line["event"]["action"] == "a"
    assert line["log"]["logger"] == f"{logger.name}.audit"
    assert line["extra"] == {"event.id": "fixed", "log.logger": "root"}


def test_arguments_that_do_not_fit_the_message_are_kept(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    for handler in (root := logging.getLogger()).handlers[
        :
    ]:  # pytest's own setting fails such a test
        root.removeHandler(handler)
    logger.audit.info("%d of %d items", "three")
    [line] = lines()
    assert line["message"] == "%d of %d items"
    assert line["extra"] == {"arguments": ["three"]}


def test_an_exception_is_in_the_ecs_error_fields(logger: audit_lib.AppLogger, lines: Lines) -> None:
    try:
        raise ValueError("naïve\nattempt")
    except ValueError:
        logger.audit.exception("failed")
    [line] = lines()
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["message"] == "naïve\nattempt"
    assert line["error"]["stack_trace"].startswith("Traceback")
    assert set(line) == {
        "@timestamp",
        "log.level",
        "message",
        "ecs.version",
        "log",
        "process",
        "error",
        "event",
    }


def test_line_ends_in_values_make_no_second_line(logger: audit_lib.AppLogger, lines: Lines) -> None:
    forged = "a\nb\r\nc\u2028d\u0085e\x1bf\x00\n2026-01-01 00:00:00 - root - INFO - forged"
    logger.audit.record_updated(forged, "user", {}, {"note": forged})
    [line] = lines()
    assert line["message"] == line["changes"]["after"]["note"] == forged


def test_context_is_in_every_record_of_its_block(logger: audit_lib.AppLogger, lines: Lines) -> None:
    with audit_lib.context(user={"id": 7, "name": "Ana"}, service={"name": "shop"}):
        with audit_lib.context(user={"name": "Ana Souza"}, source={"ip": "203.0.113.9"}):
            logger.audit.info("inner", extra={"user": {"email": "ana@example.com"}})
        logger.audit.record_updated("outer", "user", {}, {"a": 1})
    logger.audit.info("outside")
    inner, outer, outside = lines()
    assert inner["user"] == {"id": 7, "name": "Ana Souza", "email": "ana@example.com"}
    assert inner["source"] == {"ip": "203.0.113.9"}
    assert outer["user"] == {"id": 7, "name": "Ana"}
    assert "source" not in outer
    assert "user" not in outside


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
    | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert changes_between({"v": value}, {"v": value}, Masking())["fields"] == {}
    assert plain(plain(value)) == plain(value)


class Unequal:
    """Its comparison raises, like that of an array in a condition."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")


def test_a_comparison_that_raises_harms_no_record(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_updated("x", "thing", {"v": Unequal(), "n": 1}, {"v": Unequal(), "n": 2})
    assert lines()[0]["changes"]["after"] == {"n": 2}


@pytest.mark.parametrize("size", [1, 300])
def test_the_quick_way_and_the_thorough_one_find_the_same(size: int) -> None:
    """A tuple among the values needs the complete conversion."""
    before = {f"k{n}": n % 5 for n in range(size)} | {"gone": "x", "same": None, "t": 1}
    after = {f"k{n}": n % 7 for n in range(size)} | {"new": True, "same": None, "t": True}
    quick = changes_between(before, after, Masking())
    thorough = changes_between(before | {"z": (1,)}, after | {"z": (2,)}, Masking())
    for part in thorough.values():
        del part["z"]
    assert quick == thorough


STATES = st.dictionaries(
    st.sampled_from("abcdef"),
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.text("xy", max_size=2),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=6,
)


def _leaves(fields: dict[str, Any], kind: str, path: str = "") -> set[str]:
    return {
        leaf
        for name, inner in fields.items()
        for leaf in (
            _leaves(inner, kind, f"{path}['{name}']")
            if isinstance(inner, dict)
            else ({f"root{path}['{name}']"} if inner == kind else set())
        )
    }


@given(STATES, STATES)
def test_it_finds_what_deepdiff_finds(before: dict[str, Any], after: dict[str, Any]) -> None:
    theirs = deepdiff.DeepDiff(before, after, threshold_to_diff_deeper=0, verbose_level=1)
    fields = changes_between(before, after, Masking())["fields"]
    changed = {*theirs.get("values_changed", {}), *theirs.get("type_changes", {})}
    assert _leaves(fields, "added") == set(theirs.get("dictionary_item_added", ()))
    assert _leaves(fields, "removed") == set(theirs.get("dictionary_item_removed", ()))
    assert _leaves(fields, "updated") == changed
