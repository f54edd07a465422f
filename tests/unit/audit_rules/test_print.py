"""Parse, print, parse: the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules import FilterPattern
from audit_rules.patterns import printed

from .documented import EXAMPLES

SELECTORS = st.sampled_from(
    ["$.a", "$.a.b-c", "$.a[0].b", "$.a[*]", "$.*", "$.['x.y']", "$.a.['b c'][2]"]
)
VALUES = st.sampled_from(
    ["x", "5*", "*x*", '"a \\"b\\" \\\\"', "%^a+$%", "7", "-1.50", "1e3", "+4", '"7"', "*"]
)
LEAVES = st.one_of(
    st.builds("{} {} {}".format, SELECTORS, st.sampled_from(["=", "!="]), VALUES),
    st.builds(
        "{} {} {}".format, SELECTORS, st.sampled_from(["<", ">", "<=", ">="]), st.just("7.5e-2")
    ),
    st.builds("{} {}".format, SELECTORS, st.sampled_from(["IS NULL", "IS TRUE", "NOT EXISTS"])),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(
            "{}{} {} {}{}".format,
            st.just("("),
            inner,
            st.sampled_from(["&&", "||"]),
            inner,
            st.just(")"),
        )
        | st.builds("{} {} {}".format, inner, st.sampled_from(["&&", "||"]), inner)
    ),
    max_leaves=6,
)


def same_again(text: str) -> None:
    condition = FilterPattern(text).condition
    assert condition is not None
    again = FilterPattern(printed(condition))
    assert again.condition == condition
    assert again.condition is not None
    assert printed(again.condition) == again.text


@given(EXPRESSIONS)
def test_a_printed_pattern_reads_as_the_same(expression: str) -> None:
    if expression.count("%") > 4 or expression.count("*]") + expression.count(".*") > 3:
        return  # more than CloudWatch takes
    same_again(f"{{ {expression} }}")


@pytest.mark.parametrize(
    "pattern", sorted({pattern for pattern, _, _ in EXAMPLES if pattern.startswith("{")})
)
def test_an_example_of_the_documentation_reads_as_the_same(pattern: str) -> None:
    same_again(pattern)


@pytest.mark.parametrize(
    ("pattern", "shortest"),
    [
        ("{(($.a=1)&&(($.b=x)))}", '{ $.a = 1 && $.b = "x" }'),
        ("{ ($.a=1 || $.b=2) && $.c=3 }", "{ ($.a = 1 || $.b = 2) && $.c = 3 }"),
        ("{ $.a=1 || ($.b=2 && $.c=3) }", "{ $.a = 1 || $.b = 2 && $.c = 3 }"),
    ],
)
def test_it_has_no_parentheses_that_say_nothing(pattern: str, shortest: str) -> None:
    condition = FilterPattern(pattern).condition
    assert condition is not None
    assert printed(condition) == shortest
