"""Regular expressions of patterns mean what they mean to Python's `re`, in linear time."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules.patterns._regex import RegexError, parse_regex

ATOMS = st.sampled_from(
    ["a", "b", "-", ".", r"\.", r"\d", r"\W", r"\s", "[ab]", "[^a]", "[a-c1]", r"[\d-]", r"[^\s]"]
)
REPETITIONS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "{0,}"])
CHAINS = st.tuples(
    st.sampled_from(["", "^"]),
    st.lists(st.tuples(ATOMS, REPETITIONS).map("".join), min_size=1, max_size=5).map("".join),
    st.sampled_from(["", "$"]),
).map("".join)
EXPRESSIONS = st.lists(CHAINS, min_size=1, max_size=3).map("|".join)


@given(source=EXPRESSIONS, text=st.text("abc1-. é\n", max_size=10))
def test_an_expression_finds_what_re_finds(source: str, text: str) -> None:
    # the end of a text is its very end: re's $ would also stand before a last newline
    reference = re.compile(re.sub(r"\$(?=\||$)", r"\\Z", source), re.ASCII)
    expected = reference.search(text.replace("\r", "\n")) is not None
    assert parse_regex(source).matches(text) is expected


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("[hc]at", "a cat", True),
        ("^[hc]at", "a cat", False),
        ("[hc]at$", "cats", False),
        ("colou?r", "color", True),
        ("colou?r", "colouur", False),
        ("^a{3,5}$", "aa", False),
        ("^a{3,5}$", "aaaaa", True),
        ("^a{3,5}$", "aaaaaa", False),
        ("gra|ey", "grey", True),
        (r"10\.10", "10x10", False),
        (r"\x41", "A", True),
        (r"^[\]\\-]+$", r"]\-", True),
        ("^[a-]$", "-", True),
        ("bind: address", "bind: address", True),
        ("^$", "", True),
        ("^$", "x", False),
        (".", "\n", False),
    ],
)
def test_a_documented_expression_matches(source: str, text: str, expected: bool) -> None:
    assert parse_regex(source).matches(text) is expected


@pytest.mark.parametrize(
    ("source", "offset", "reason"),
    [
        ("", 0, "is empty"),
        ("something!", 9, "found '!'"),
        ("(a)", 0, "found '('"),
        ("é", 0, "ASCII"),
        ("*a", 0, "no character before it"),
        ("a|+", 2, "no character before it"),
        ("a**", 2, "repeats a repetition"),
        ("a+?", 2, "repeats a repetition"),
        ("a^b", 1, "only at the beginning"),
        ("a$b", 2, '"$" is allowed only at the end'),
        ("a||b", 2, 'one side of "|"'),
        ("a|", 2, 'one side of "|"'),
        ("[ab", 0, 'has no "]"'),
        ("[]", 0, "is empty"),
        ("[a[b]", 2, "inside a class"),
        ("[z-a]", 1, "ascending order"),
        (r"[\d-z]", 1, "a range must go"),
        ("a]", 1, "has no opening bracket"),
        ("a{2", 1, 'has no "}"'),
        ("a{x}", 1, "write a repetition as"),
        ("a{3,1}", 1, "found {3,1}; the maximum must be at least 1 and not below the minimum"),
        ("a{0}", 1, "found {0}; the maximum must be at least 1"),
        ("a{99999}", 1, "the maximum of a repetition is 1000"),
        ("a{600}b{600}", 0, "more than 1000 characters"),
        (r"a\1", 1, "is not supported"),
        ("a\\", 1, "at the end"),
        (r"\xg1", 0, "hexadecimal"),
        (r"\xff", 0, "hexadecimal"),
    ],
)
def test_what_patterns_do_not_offer_is_refused(source: str, offset: int, reason: str) -> None:
    with pytest.raises(RegexError) as caught:
        parse_regex(source)
    assert reason in caught.value.reason
    assert caught.value.offset == offset


def test_an_expression_that_makes_backtracking_explode_does_not() -> None:
    regex = parse_regex("a*" * 30 + "b")
    started = time.monotonic()
    assert not regex.matches("a" * 100_000)
    assert time.monotonic() - started < 20  # backtracking would take years
