"""What a metric filter counts for a message."""

from typing import Any

import pytest

from audit_rules import FilterPattern, FilterPatternError
from audit_rules.patterns import MetricFilter

JSON = FilterPattern('{ $.action = "refund" }')
FIELDS = FilterPattern("[ip, ..., status = 4*, bytes]")
TERMS = FilterPattern("ERROR")


@pytest.mark.parametrize(
    ("value", "amount", "counted"),
    [
        ("1", "7", 1.0), ("2.5", "7", 2.5), ("$.amount", "7", 7.0), ("$.amount", '"12"', 12.0),
        ("$.amount", "1e3", 1000.0), ("$.amount", "-0.5", -0.5), ("$.amount", "null", None),
        ("$.amount", "true", None), ("$.amount", "{}", None), ("$.amount", '"much"', None),
        ("$.amount", "1e99999", None), ("$.missing", "7", None), ("$.list[1]", "7", 5.0),
    ],
)  # fmt: skip
def test_the_value_is_a_number_or_read_from_a_field(
    value: str, amount: str, counted: float | None
) -> None:
    message = f'{{"action": "refund", "amount": {amount}, "list": [4, 5]}}'
    point = MetricFilter(JSON, value).point(message)
    assert point == (None if counted is None else (counted, {}))
    assert MetricFilter(JSON, value).point("{}") is None


def test_space_delimited_fields_have_names_or_positions() -> None:
    line = '127.0.0.1 ana [now] "GET /" 404 1534'
    found = MetricFilter(FIELDS, "$bytes", {"Status": "$status", "User": "$2"}).point(line)
    assert found == (1534.0, {"Status": "404", "User": "ana"})
    assert MetricFilter(FIELDS, "$9").point(line) is None
    assert MetricFilter(TERMS, "3").point("an ERROR") == (3.0, {})


def test_a_message_without_a_dimension_adds_nothing() -> None:
    metric = MetricFilter(JSON, "1", {"Who": "$.user.id"})
    assert metric.point('{"action": "refund", "user": {"id": "7"}}') == (1.0, {"Who": "7"})
    assert metric.point('{"action": "refund"}') is None


@pytest.mark.parametrize(
    ("pattern", "arguments", "reason"),
    [
        (JSON, ("amount",), "write a number or a field: $.amount"),
        (JSON, ("$.amount[*]",), "without"),
        (JSON, ("$.a = 1 && $.b",), "a value must refer to one field"),
        (JSON, ("$.a b",), "a selector is followed by"),
        (FIELDS, ("bytes",), "write a number or a field: $bytes"),
        (JSON, ("$amount",), "write a number or a field: $.amount"),
        (FIELDS, ("$.a b",), "write a number or a field: $latency"),
        (TERMS, ("$.amount",), "a pattern of terms has no fields"),
        (TERMS, ("1", {"A": "$.a"}), "a pattern of terms has no fields"),
        (JSON, ("1", {"A": "$.a"}, 0.0), "remove the default value or the dimensions"),
        (
            JSON,
            ("1", dict.fromkeys("ABCD", "$.a")),
            "found 4 dimensions; a metric can have at most 3",
        ),
    ],
)
def test_what_cloudwatch_refuses_is_refused(
    pattern: FilterPattern, arguments: tuple[Any, ...], reason: str
) -> None:
    with pytest.raises(FilterPatternError) as caught:
        MetricFilter(pattern, *arguments)
    assert reason in str(caught.value)
