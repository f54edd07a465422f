"""Limits of `audit.toml`: below, at and above."""

import pytest

from audit_rules._reading import checks

ADDRESS = "@" + ".".join(["a" * 60] * 3) + ".example"


@pytest.mark.parametrize(("length", "fine"), [(253, True), (254, True), (255, False)])
def test_the_length_of_an_address(length: int, fine: bool) -> None:
    """RFC 5321: 254 characters."""
    assert (checks.email("x" * (length - len(ADDRESS)) + ADDRESS) is None) is fine


@pytest.mark.parametrize(("length", "fine"), [(199, True), (200, True), (201, False)])
def test_the_length_of_a_sentence(length: int, fine: bool) -> None:
    assert (checks.sentence("{actor}" + "x" * (length - 7)) is None) is fine


@pytest.mark.parametrize(("length", "fine"), [(999, True), (1000, True), (1001, False)])
def test_the_length_of_an_address_of_a_page(length: int, fine: bool) -> None:
    start = "https://example.com/"
    assert (checks.https_url(start + "x" * (length - len(start))) is None) is fine
