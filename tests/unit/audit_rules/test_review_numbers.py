"""Which comparisons no number fulfils: below, at and above each bound, and between two."""

import pytest

from audit_rules._review import _contradiction
from audit_rules.patterns import FilterPattern, all_of


@pytest.mark.parametrize(
    ("pattern", "contradicts"),
    [
        ("{ $.a > 3 && $.a < 5 }", False),  # only between the two
        ("{ $.a > 3 && $.a < 4 }", False),  # 3.5 is a number, too
        ("{ $.a > 3 && $.a < 3 }", True),
        ("{ $.a >= 3 && $.a <= 3 }", False),  # only at the bound
        ("{ $.a > 3 && $.a <= 3 }", True),
        ("{ $.a > 5 && $.a < 3 }", True),
        ("{ $.a > 3 && $.a > 5 }", False),  # only above all
        ("{ $.a < 3 && $.a < 5 }", False),  # only below all
        ("{ $.a = 3 && $.a != 3 }", True),
        ("{ $.a = 3 && $.a > 2 }", False),
        ("{ $.a = 3 && $.a > 3 }", True),
        ("{ $.a != 3 && $.a >= 3 && $.a <= 3 }", True),
    ],
)
def test_what_no_number_fulfils(pattern: str, contradicts: bool) -> None:
    condition = FilterPattern(pattern).condition
    assert condition is not None
    assert bool(_contradiction(list(all_of(condition)))) is contradicts
