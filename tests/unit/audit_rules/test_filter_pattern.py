"""What a filter pattern matches. The facts are those of the AWS page FilterAndPatternSyntax."""

import copy
import json
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_rules import AUDIT_PATTERN, FilterPattern

TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "ThatFlag": False,
    }
)
PEOPLE = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [
            {"id": 2, "email": "John.Doe@example.com"},
            {"id": 3, "email": "Jane.Doe@example.com"},
        ],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)
NUMBERS = '{"latency": 500, "numbers": [100, 1.5], "small": 0.005, "minus": -3, "text": "500"}'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ("{ $.eventType = UpdateTrail }", TRAIL, True),
        ("{$.eventType=UpdateTrail}", TRAIL, True),
        ('{ $.eventType = "updatetrail" }', TRAIL, False),
        ('{ $.EventType = "UpdateTrail" }', TRAIL, False),
        ('{ $.eventType != "UpdateTrail" }', TRAIL, False),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ("{ $.sourceIPAddress = 111.* }", TRAIL, True),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ('{ $.arrayKey[1] = "value" }', TRAIL, False),
        ('{ $.arrayKey[2] = "*" }', TRAIL, False),
        ('{ $.arrayKey[*] = "another value" }', TRAIL, True),
        ('{ $.eventType[0] = "U" }', TRAIL, False),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ("{ $.objectList[*].id = 2 }", TRAIL, True),
        ("{ $.objectList[*].id = 3 }", TRAIL, False),
        ("{ $.objectList[*].missing NOT EXISTS }", TRAIL, True),
        ("{ $.objectList[*].id NOT EXISTS }", TRAIL, False),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.SomeOtherObject IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.ThisFlag IS FALSE }", TRAIL, False),
        ("{ $.ThatFlag IS FALSE }", TRAIL, True),
        ("{ $.SomeOtherObject IS FALSE }", TRAIL, False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', PEOPLE, True),
        (
            '{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }',
            PEOPLE,
            False,
        ),
        (
            "{ $.user.email = John* || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }",
            PEOPLE,
            True,
        ),
        (
            "{ ($.user.email = John* || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }",
            PEOPLE,
            False,
        ),
        ("{ $.users = 1 }", '{"users": [1, 2, 3]}', False),
        ("{ $.users != 1 }", '{"users": [1, 2, 3]}', False),
        ('{ $.user != "1" }', PEOPLE, False),
        ("{ $.latency >= 500 }", NUMBERS, True),
        ("{ $.latency > 500 }", NUMBERS, False),
        ("{ $.latency <= 500.0 }", NUMBERS, True),
        ("{ $.latency < 500 }", NUMBERS, False),
        ("{ $.latency = 5e2 }", NUMBERS, True),
        ("{ $.latency != 400 }", NUMBERS, True),
        ("{ $.latency > +1000 }", NUMBERS, False),
        ("{ $.numbers[0] < 10e3 }", NUMBERS, True),
        ("{ $.small < 10e-3 }", NUMBERS, True),
        ("{ $.minus = -3 }", NUMBERS, True),
        ("{ $.minus < -2.5 }", NUMBERS, True),
        ("{ $.numbers[*] = 1.5 }", NUMBERS, True),
        ("{ $.latency = * }", NUMBERS, True),
        ("{ $.latency = 5* }", NUMBERS, True),
        ("{ $.eventType = %^Up.*il$% }", TRAIL, True),
        ("{ $.eventType = %Delete|Trail% }", TRAIL, True),
        ("{ $.eventType != %Delete% }", TRAIL, True),
        ("{ $.sourceIPAddress = %^1{3}% }", TRAIL, True),
        ("{ $.missing != %Delete% }", TRAIL, False),
    ],
)
def test_a_documented_pattern_matches_what_the_page_says(
    pattern: str, message: str, expected: bool
) -> None:
    assert FilterPattern(pattern).matches(message) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        # a value that is not there, or no string and no number, satisfies no comparison
        ('{ $.a != "x" }', "{}", False),
        ('{ $.a != "x" }', '{"a": null}', False),
        ('{ $.a != "x" }', '{"a": true}', False),
        ("{ $.a = true }", '{"a": true}', False),
        ("{ $.a != 1 }", '{"a": "x"}', False),
        # an unquoted number compares with numbers, a quoted one with texts
        ("{ $.a = 1 }", '{"a": "1"}', False),
        ('{ $.a = "1" }', '{"a": "1"}', True),
        ('{ $.a = "1" }', '{"a": 1}', True),
        ("{ $.a = 1 }", '{"a": 1.0}', True),
        # exact where binary fractions are not
        ("{ $.a = 0.1 }", '{"a": 0.1000000000000000055}', False),
        ("{ $.a > 9007199254740992 }", '{"a": 9007199254740993}', True),
        # a star inside a text stands for itself
        ('{ $.a = "Ev*ent" }', '{"a": "Ev*ent"}', True),
        ('{ $.a = "Ev*ent" }', '{"a": "Event"}', False),
        # quoting
        (r'{ $.a = "say \"hi\" \\ }" }', r'{"a": "say \"hi\" \\ }"}', True),
        ('{ $.a = "%a%" }', '{"a": "%a%"}', True),
        ('{ $.a = "" }', '{"a": ""}', True),
        ('{ $.a = "ñ" }', '{"a": "\\u00f1"}', True),
        # keys
        ("{ $.['log.level'] = info }", '{"log.level": "info"}', True),
        ("{ $.['log.level'] = info }", '{"log": {"level": "info"}}', False),
        ("{ $.log.level = info }", '{"log.level": "info"}', False),
        ("{ $.['a b'].c-d_e[0] = 1 }", '{"a b": {"c-d_e": [1]}}', True),
        # the last of equal keys counts
        ("{ $.a = 2 }", '{"a": 1, "a": 2}', True),
        # one element is enough, also for !=
        ("{ $.a[*] != x }", '{"a": ["x", "y"]}', True),
        ("{ $.a[*] != x }", '{"a": ["x", "x"]}', False),
        ("{ $.a[*] = x }", '{"a": {"0": "x"}}', False),
    ],
)
def test_a_case_the_page_leaves_open_is_decided_one_way(
    pattern: str, message: str, expected: bool
) -> None:
    assert FilterPattern(pattern).matches(message) is expected


@pytest.mark.parametrize(
    "message",
    [
        "",
        "plain text with x.audit in it",
        '"a string"',
        "[1]",
        "null",
        "{",
        '{"a": NaN}',
        '{"a": 1} trailing',
        "\ud800",
    ],
)
def test_a_message_that_is_no_json_object_matches_nothing(message: str) -> None:
    assert not FilterPattern("{ $.zz NOT EXISTS }").matches(message)


@pytest.mark.parametrize("message", ["", "plain", "{}", '{"a": 1}', "\x00"])
def test_the_empty_pattern_matches_everything(message: str) -> None:
    assert FilterPattern("").matches(message)
    assert FilterPattern(" ").matches(message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('{"a": ' + "9" * 1_000_000 + "}", True),
        ('{"a": 1e999999999999999999999999}', False),
        ('{"a": -1e999999999}', False),
        ('{"a": 1e999999999}', True),
        ('{"a": ' + "[" * 500_000, False),
        ('{"b": ' + "[" * 100_000 + "]" * 100_000 + ', "a": 9}', False),
        ('{"a": "' + "x" * 1_000_000 + '"}', False),
        ('{"a": "\\ud800"}', False),
    ],
)
def test_a_hostile_message_is_answered(message: str, expected: bool) -> None:
    assert FilterPattern("{ $.a > 5 }").matches(message) is expected


PATTERNS = [
    FilterPattern(text)
    for text in (
        "{ $.a = 1 || $.a != x || $.a > 3 }",
        "{ $.a[*].b = %x+% }",
        "{ $.a.b[0] IS NULL && $.['a'] NOT EXISTS }",
        '{ $.a = "*x*" }',
        "{ $.a != %^[^x]*$% }",
    )
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab") | st.text(), inner),
    max_leaves=8,
)


@given(message=st.text() | VALUES.map(json.dumps))
def test_matching_never_raises(message: str) -> None:
    event = FilterPattern.read(message)
    for pattern in PATTERNS:
        assert pattern.matches(message) is pattern.matches(event)


def like(text: str, wildcard: str) -> bool:
    """Match by trying every cut: slow, and plainly right."""
    if wildcard == "*":
        return True
    if wildcard.startswith("*"):
        return any(like(text[cut:], wildcard[1:]) for cut in range(len(text) + 1))
    if wildcard.endswith("*"):
        return any(text[:cut] == wildcard[:-1] for cut in range(len(text) + 1))
    return text == wildcard


@given(
    text=st.text("ab", max_size=6),
    core=st.text("ab", max_size=3),
    start=st.sampled_from(["", "*"]),
    end=st.sampled_from(["", "*"]),
)
def test_stars_at_the_ends_stand_for_any_text(text: str, core: str, start: str, end: str) -> None:
    wildcard = f"{start}{core}{end}"
    pattern = FilterPattern(f'{{ $.a = "{wildcard}" }}')
    assert pattern.matches(json.dumps({"a": text})) is like(text, wildcard)


def test_a_pattern_of_a_thousand_parentheses_is_read() -> None:
    pattern = FilterPattern("{" + "(" * 500 + "$.a = 1" + ")" * 500 + "}")
    assert pattern.matches('{"a": 1}')


def test_the_longest_chain_of_conditions_is_evaluated() -> None:
    pattern = FilterPattern("{" + "||".join(["$.a=1"] * 145) + "}")
    assert len(pattern.text) > 1000
    assert not pattern.matches('{"a": 2}')


def test_one_reading_serves_many_patterns() -> None:
    event = FilterPattern.read('{"a": 7}')
    matched = [FilterPattern(f"{{ $.a = {n} }}").matches(event) for n in range(10)]
    assert matched.index(True) == 7
    assert matched.count(True) == 1


def test_a_message_without_json_matches_the_empty_pattern_only() -> None:
    event = FilterPattern.read("not json")
    assert event.json is None
    assert FilterPattern("").matches(event)
    assert not FilterPattern("{ $.a NOT EXISTS }").matches(event)


def test_patterns_are_equal_by_their_text() -> None:
    pattern = FilterPattern("{ $.a = 1 }")
    assert pattern == FilterPattern("{ $.a = 1 }")
    assert hash(pattern) == hash(FilterPattern("{ $.a = 1 }"))
    assert pattern != FilterPattern("{$.a = 1}")
    assert repr(pattern) == "FilterPattern(text='{ $.a = 1 }')"


def test_a_pattern_can_be_copied_and_pickled() -> None:
    pattern = FilterPattern("{ $.a = 1 }")
    for twin in (copy.deepcopy(pattern), pickle.loads(pickle.dumps(pattern))):
        assert twin == pattern
        assert twin.matches('{"a": 1}')


@pytest.mark.parametrize(("logger", "expected"), [("shop.audit", True), ("shop.audited", False)])
def test_the_audit_pattern_knows_audit_records(logger: str, expected: bool) -> None:
    line = json.dumps({"log": {"logger": logger}, "message": "x.audit"})
    assert AUDIT_PATTERN.matches(line) is expected


def test_a_megabyte_is_matched_in_seconds() -> None:
    message = json.dumps({"a": "x" * 1_000_000})
    started = time.monotonic()
    assert not FilterPattern("{ $.a = %x*x*x*x*x*x*y% }").matches(message)
    assert time.monotonic() - started < 20  # backtracking would take years
