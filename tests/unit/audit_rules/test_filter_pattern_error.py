"""What CloudWatch would refuse is refused, at the right column and with advice."""

import pickle

import pytest

from audit_rules import AuditRulesError, FilterPattern, FilterPatternError


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("{", 2, "found the end of the pattern; a condition"),
        ("{ $.a", 6, "found the end of the pattern; a selector is followed by"),
        ("{ $.a =", 8, "found the end of the pattern; expected a number"),
        ("{ }", 3, "a condition starts with a selector such as $.name"),
        ("{ $.a = 1", 10, 'expected "&&", "||" or "}"'),
        ("{ $.a = 1 } x", 13, "found 'x' after the closing"),
        ("{ $.a = 1 $.b = 2 }", 11, 'expected "&&"'),
        ("{ $.a = 1 & $.b = 2 }", 11, "found '&'; expected"),
        ("{ $.a = 1 && }", 14, "a condition starts"),
        ("{ a = 1 }", 3, "a condition starts"),
        ("{ ($.a = 1 }", 3, "is not closed"),
        ("{ $.a = 1) }", 10, 'has no "("'),
        ("{ () }", 4, "a condition starts"),
        ("{ $.a == 1 }", 7, 'a single "="'),
        ("{ $.a EXISTS }", 7, "EXISTS is not supported"),
        ("{ $.a IS NOT NULL }", 10, "after IS"),
        ("{ $.a is null }", 7, "a selector is followed by"),
        ("{ $.a NOT NULL }", 7, "a selector is followed by"),
        ("{ $.a && $.b = 1 }", 7, "a selector is followed by"),
        ("{ $.a = }", 9, "expected a number"),
        ("{ $.a = $.b }", 9, "expected a number"),
        ("{ $.a > x }", 9, "compares only with a number"),
        ('{ $.a >= "5" }', 10, "compares only with a number"),
        ("{ $.a < %5% }", 9, "compares only with a number"),
        ("{ $.a = a@b }", 10, "double quotes"),
        ("{ $.a = é }", 9, "double quotes"),
        ('{ $.a = "x }', 9, "is not closed"),
        ("{ $.a = %x }", 9, "is not closed; add a closing %"),
        (
            "{ $['a = 1 }",
            4,
            "a key in brackets is not closed, or its name contains '; write .['name'] or [0]",
        ),
        ("{ $.a = [1] }", 9, "found '['; put a value"),
        ("{ $ = 1 }", 3, "starts with a property"),
        ("{ $[0] = 1 }", 3, "starts with a property"),
        ("{ $.é = 1 }", 4, "a selector continues with"),
        # terms
        ("ERROR: x", 1, 'double quotes: "ERROR:"'),
        ("a b-c", 3, 'double quotes: "b-c"'),
        ("a -b.c", 3, 'double quotes: -"b.c"'),
        ('a"b', 1, r'double quotes: "a\"b"'),
        ('"a b"c', 1, "found 'c' directly after"),
        ("$.a = 1", 1, "outside braces"),
        ("-\n", 1, "without a term"),
        ('"open', 1, "a quoted phrase is not closed"),
        ("a %open", 3, "a regular expression is not closed"),
        ("%a(b)%", 3, "a regular expression can contain only"),
        ("%a% %b% %c%", 9, "found a third regular expression; a pattern can contain at most 2"),
        ("-", 1, "without a term"),
        (".errorCode = 400", 1, "without a dollar sign"),
        # space-delimited fields
        ("[ip, user", 10, "found the end"),
        ("[ip] x", 6, "found 'x' after the closing"),
        ("[..., a, ...]", 10, "only one is allowed"),
        ("[a b]", 4, 'expected "," or "]"'),
        ("[a = 1 && b = 2]", 11, "repeat the name of the field in each condition: a"),
        ("[a > x]", 6, "compares only with a number"),
        ("[a = ]", 6, "expected a number"),
        ("[a = %x(y)%]", 8, "a regular expression can contain only"),
        (
            "[a = %x%, b = %y%, c = %z%]",
            24,
            "found a third regular expression; a pattern can contain at most 2",
        ),
        ("[a = b@c]", 7, "double quotes"),
        ('[a = "x]', 6, "a quoted value is not closed"),
        ("[a = %x]", 6, "a regular expression is not closed"),
        ("[4* = a]", 2, "a field is a name"),
        ("{ $.a.** = 1 }", 8, "a selector continues with"),
        ("{ $.a..b = 1 }", 6, "a selector continues with"),
        ("{ $.a[-1] = 1 }", 6, "a selector continues with"),
        ("{ $.@timestamp = 1 }", 4, "a selector continues with"),
        ("{ $['a'] = 1 }", 4, "a selector continues with"),
        ("{ $.a[*][*] = 1 }", 3, "at most one [*]"),
        (
            "{ $.a[*] = 1 && $.b[*] = 1 && $.c[*] = 1 && $.d[*] = 1 }",
            45,
            "found 4 [*] and .*",
        ),
        (
            "{ $.a = %a% || $.a = %b% || $.a = %c% }",
            35,
            "found a third regular expression; a pattern can contain at most 2",
        ),
        ("{ $.a = %a(b)% }", 11, "found '('"),
        (
            "{ $.a = " + "x" * 1100 + " }",
            1025,
            "found 1110 characters; a pattern can have at most 1024",
        ),
    ],
)
def test_a_pattern_that_cloudwatch_refuses_is_refused(text: str, column: int, reason: str) -> None:
    with pytest.raises(FilterPatternError) as caught:
        FilterPattern(text)
    assert reason in caught.value.reason
    assert caught.value.column == column
    assert caught.value.text == text


def test_the_longest_allowed_pattern_is_read() -> None:
    text = "{ $.a = " + "x" * 1014 + " }"
    assert len(text) == 1024
    assert FilterPattern(text).text == text


def test_the_message_points_at_the_place() -> None:
    with pytest.raises(FilterPatternError) as caught:
        FilterPattern("{ $.a ==\t1 }")
    assert str(caught.value).splitlines() == [
        'found "=="; write a single "=" (column 7)',
        "    { $.a == 1 }",
        "          ^",
    ]


def test_the_message_shows_a_part_of_a_long_pattern() -> None:
    with pytest.raises(FilterPatternError) as caught:
        FilterPattern("{ $.a = " + "x" * 200 + " ! " + "y" * 200)
    _, shown, caret = str(caught.value).splitlines()
    assert shown == f"    …{'x' * 59} ! {'y' * 58}…"
    assert shown[caret.index("^")] == "!"


def test_the_error_is_of_the_packages_tree_and_survives_pickling() -> None:
    error = FilterPatternError("{", 2, "found the end")
    assert isinstance(error, AuditRulesError)
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.text, twin.column, twin.reason) == ("{", 2, "found the end")
    assert str(twin) == str(error)
