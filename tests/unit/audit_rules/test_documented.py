"""Patterns of all forms: the documentation's examples, and what no message may do to them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules import FilterPattern

from .documented import EXAMPLES, EXTRACTIONS


@pytest.mark.parametrize(("pattern", "message", "expected"), EXAMPLES)
def test_an_example_of_the_documentation(pattern: str, message: str, expected: bool) -> None:
    assert FilterPattern(pattern).matches(message) is expected


@pytest.mark.parametrize(("pattern", "message", "expected"), EXTRACTIONS)
def test_the_values_that_it_extracts(pattern: str, message: str, expected: dict[str, str]) -> None:
    assert FilterPattern(pattern).extract(message) == expected


def test_a_json_pattern_extracts_what_its_selectors_find() -> None:
    pattern = FilterPattern("{ $.a.b = x && ($.n > 1 || $.gone NOT EXISTS) && $.flag IS TRUE }")
    message = '{"a": {"b": "x"}, "n": 1.50, "flag": true}'
    assert pattern.extract(message) == {"$.a.b": "x", "$.n": "1.50", "$.flag": "true"}
    assert pattern.extract("{}") is None


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("-a", "b", True),
        ("-a", "cat", False),
        ("? a", "cat", True),
        (r'"say \"hi\""', 'they say "hi" there', True),
        ("error", "ERROR", False),
        ("%^a% b", "a b", True),
        ("-%a%", "a", False),
        ("[a]", "", False),
        ("[...]", "", True),
        ("[a = x]", "x y", False),
        ("[a != 4]", "4.0", False),
        ("[a != 4]", "four", True),
        ("[a >= 4]", "four", False),
        ('[a = "x y", b]', "[x y] z", True),
        ('[a = "x y", b]', '"x y" z', True),
        ("[a, b]", '"open z', True),
        ("[a, b]", "[open z", True),
        ("[a=1, ..., b=2]", "1 2", True),
        ("[a=1, ..., b=2]", "1", False),
    ],
)
def test_what_the_documentation_leaves_open(pattern: str, message: str, expected: bool) -> None:
    assert FilterPattern(pattern).matches(message) is expected


PATTERNS = [FilterPattern(pattern) for pattern in dict.fromkeys(each[0] for each in EXAMPLES)]


@given(st.text() | st.text('[]" ab4') | st.dictionaries(st.text(), st.integers()).map(json.dumps))
def test_no_message_makes_it_raise(message: str) -> None:
    event = FilterPattern.read(message)
    for pattern in PATTERNS:
        extracted = pattern.extract(event)
        assert (extracted is not None) is pattern.matches(message)


@pytest.mark.parametrize("piece", ["[ ", '" "', "[", "a ", '"'])
def test_a_long_message_takes_no_longer_than_its_length(piece: str) -> None:
    # Were it quadratic, this would take hours rather than a second.
    event = FilterPattern.read(piece * 500_000)
    assert FilterPattern("[..., x = y]").matches(event) is False
