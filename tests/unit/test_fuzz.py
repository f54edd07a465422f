"""`make fuzz` prints what keeps a failing input."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import example_of


def test_a_failing_input_becomes_an_example_without_the_fixtures() -> None:
    @settings(derandomize=True, database=None)
    @given(record=st.dictionaries(st.text(), st.lists(st.integers())), limit=st.integers())
    def fails(folder: object, record: dict[str, Any], limit: int) -> None:
        assert not record or limit < 1000

    with pytest.raises(AssertionError) as failed:
        fails(folder=object())
    text = example_of(failed.value, {"folder"})
    assert text == "@example(record={'': []}, limit=1000)"


def test_what_hypothesis_did_not_find_is_no_example() -> None:
    assert example_of(ValueError("x"), set()) is None
