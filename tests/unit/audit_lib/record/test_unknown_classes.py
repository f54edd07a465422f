"""Objects of unknown classes are named, never shown, unless the application registers their class."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import audit_lib
from audit_lib._record.plain import plain

Lines = Callable[[], list[dict[str, Any]]]


class Credentials:
    __slots__ = ("password",)

    def __init__(self, password: str) -> None:
        self.password = password

    def __repr__(self) -> str:
        return f"Credentials(password={self.password})"


class Account(Credentials):
    id = 42


def test_a_repr_with_a_secret_in_it_is_not_written(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    secret = Credentials("hunter2")
    logger.audit.record_updated("x", "user", {"c": None}, {"c": secret}, extra={"e": [secret]})
    [line] = lines()
    assert "hunter2" not in str(line)
    assert line["changes"]["after"]["c"].endswith("test_unknown_classes.Credentials>")


def test_an_object_is_named_with_its_id() -> None:
    assert plain(Account("x")).endswith("test_unknown_classes.Account id=42>")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Fraction(1, 3), "1/3"),
        (complex(1, 2), "(1+2j)"),
        (ZoneInfo("Europe/Madrid"), "Europe/Madrid"),
        (re.compile("a+"), "a+"),
        (len, "len"),
        (re, "re"),
        (plain, "plain"),
    ],
)
def test_what_the_standard_library_has_is_written(value: Any, written: str) -> None:
    assert plain(value) == written


def test_the_application_says_how_its_own_classes_are_written() -> None:
    class Money:
        def __init__(self, cents: int) -> None:
            self.cents = cents

        def __repr__(self) -> str:
            return "money"

    class Euro(Money):
        pass

    assert plain(Euro(5)).endswith("Euro>")
    audit_lib.register_type(Money, lambda money: {"cents": money.cents})
    assert plain([Euro(5)]) == [{"cents": 5}]


def test_a_conversion_that_fails_is_named_and_its_neighbours_stay() -> None:
    class Broken:
        def __repr__(self) -> str:
            return "broken"

    audit_lib.register_type(Broken, lambda broken: broken.nothing)
    found = plain({"a": Broken(), "b": 1})
    assert found["b"] == 1
    assert "AttributeError" in found["a"]
