"""What `review` finds in rules that can be read, and what it leaves alone."""

import json

import pytest

from audit_rules import ConfigError, approve, in_words, parse_config, review, run_examples
from audit_rules.patterns import FilterPattern

HEAD = """
[audit]
name = "audit"
time_zone = "UTC"
examples = "optional"
[sources]
log_groups = ["/app/shop"]
[channels.a]
type = "slack"
webhook_secret = "audit/slack/a"
[actions.login]
sentence = "{actor} tried to sign in"
category = ["authentication"]
type = ["start"]
[actions.user-updated]
sentence = "{actor} changed {record}"
category = ["iam"]
type = ["user", "change"]
"""


def rule(condition: str, rule_id: str = "r", more: str = "") -> str:
    return f"""
[[rules]]
id = "{rule_id}"
title = "T"
owner = "O"
severity = "low"
channels = ["a"]
{condition}
{more}
"""


def found(text: str) -> list[tuple[str, int, str]]:
    return [(each.level, each.column, each.text) for each in review(parse_config(HEAD + text))]


@pytest.mark.parametrize(
    ("pattern", "level", "column", "text"),
    [
        ('{ $.event.category = "iam" }', "error", 3, "write $.event.category[*]"),
        ('{ $.user.id = "7" && $.event = "x" }', "error", 22, "is an object"),
        ('{ $.changes.fields != "x" }', "error", 3, "is an object"),
        ("{ $.changes.record_id = 1042 }", "error", 3, 'write "1042" in quotes'),
        ("{ $.changes.record_id > 1042 }", "error", 3, "compare it with = or != and a text in quotes"),
        ('{ $.event.outcome = "Failure" }', "error", 3, 'did you mean "failure"?'),
        ('{ $.event.outcome = "fail" }', "error", 3, "failure"),
        ('{ $.event.category[*] = "auth" }', "error", 3, '"authentication"'),
        ('{ $.changes.fields.phone = "changed" }', "error", 3, "added, removed, updated"),
        ('{ $.event.action = "user-update" }', "error", 3, '"user-updated"? Values are case-sensitive'),
        ('{ $.event.action = "refund" }', "error", 3, "login, user-updated, or declare it there"),
        ('{ $.event.action = "order-*" }', "error", 3, "write one of the actions in [actions]: login, user-updated"),
        ('{ $.event.actoin = "login" }', "error", 3, "did you mean $.event.action?"),
        ('{ $.change.record_type = "user" }', "warning", 3, "did you mean $.changes?"),
        ('{ $.event.zzz = "login" }', "error", 3, "use one of: action, category"),
        ('{ $.zzz = "x" }', "warning", 3, "check that your application adds it"),
        ("{ $.event.outcome = %^x% }", "error", 3, "never matches the expression; write one of failure"),
        ('{ $.log.level = "info" }', "error", 3, "write $.['log.level']"),
        ('{ $.log.logger = "shop" }', "error", 3, "ends with .audit"),
        ('{ $.user.id != "7" }', "warning", 3, "$.user.id NOT EXISTS)"),
        ("{ $.changes.after.n != 7 }", "warning", 3, "$.changes.after.n NOT EXISTS)"),
        ('{ $.event.action = "login" && $.event.action = "user-updated" }', "error", 31, "did you mean ||"),
        ("{ $.changes.after.n > 5 && $.changes.after.n < 3 }", "error", 28, "cannot be > 5 and < 3"),
        ("{ $.labels.n >= 5 && $.labels.n = 3 && $.labels.m = 1 }", "error", 22, "cannot be >= 5 and = 3"),
        ("{ $.labels.n > 5 && $.labels.n < 5 }", "error", 21, "cannot be > 5 and < 5"),
        ("{ $.labels.n IS NULL && $.labels.n > 5 }", "error", 25, "a string or a number and null"),
        ("{ $.labels.n NOT EXISTS && $.labels.n = x }", "error", 28, "a string or a number and missing"),
        ("{ $.labels.n IS TRUE && $.labels.n IS FALSE }", "error", 25, "cannot be false and true"),
        ("{ $.labels.m = 1 || ($.labels.n IS TRUE && $.labels.n = x) }", "error", 44, "$.labels.n cannot be"),
        ("{ $.labels.m = 1 && ($.labels.n = 1 || $.labels.n = 2 && $.labels.n = 3) }", "error", 58, "= 2 and = 3"),
        ('{ $.source.ipp = "10.0.0.1" }', "warning", 3, "did you mean $.source.ip?"),
        ('{ $.user.nam = "Ana" }', "warning", 3, "did you mean $.user.name?"),
    ],
)  # fmt: skip
def test_what_would_never_ring_is_found(pattern: str, level: str, column: int, text: str) -> None:
    findings = found(rule(f"pattern = '''{pattern}'''"))
    assert len(findings) == 1, findings
    assert findings[0][:2] == (level, column)
    assert text in findings[0][2]


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.labels.n > 5 && $.labels.n <= 6 }",
        "{ $.labels.n <= 5 && $.labels.n >= 5 }",
        "{ $.labels.n > 1e60 && $.labels.n > 1e61 }",
        "{ $.labels.a[*] = x && $.labels.a[*] = y }",
        "{ $.labels.n = 1 || $.labels.n = 2 }",
        "{ $.labels.n = x* && $.labels.n = *y && $.labels.n = xy }",
        '{ $.user.department = "Finance" }',
        "{ $.['log.level'] = \"error\" }",
        '{ ($.user.id != "7" || $.user.id NOT EXISTS) }',
        "{ $.labels.n != 7 || $.labels.n NOT EXISTS }",
        '{ $.event.action = "login" && $.event.outcome != "success" }',
        '{ $.event.action = "user-*" && $.changes.fields.mfa_phone = "*" }',
        '{ $.event.category[*] = "iam" && $.related.user[*] = "7" }',
        "{ $.changes.after.refunded >= 1000 && $.user.id = 7 }",
        '{ $.user.id = "7" || $.user.id = "8" }',
        '{ $.labels.team = "x" && $.user.name NOT EXISTS && $.tags[0] = "a" }',
        "{ $.event.outcome = %^fail% && $.log.logger = shop.* }",
        '{ $.* = "x" || $.event.* = "login" }',
    ],
)
def test_what_can_ring_is_left_alone(pattern: str) -> None:
    assert found(rule(f"pattern = '''{pattern}'''")) == []


def test_two_rules_of_one_pattern_and_a_channel_that_nobody_uses() -> None:
    pattern = "pattern = '{ $.event.action = login }'"
    text = rule(pattern) + rule(
        pattern.replace("$.event.action = login", '($.event.action="login")'), "s"
    )
    other = '[channels.b]\ntype = "slack"\nwebhook_secret = "audit/slack/b"\n'
    assert [(level, text.split(";")[0]) for level, _, text in found(other + text)] == [
        (
            "warning",
            'has the same pattern as rule "r": a record that both rules match causes two notifications',
        ),
        ("warning", "is not used by any rule"),
    ]


def test_a_record_that_a_channel_hears_of_twice_is_found_by_the_examples() -> None:
    example = """
[[rules.examples]]
name = "a wrong password"
matches = true
record.event.action = "login"
record.event.outcome = "failure"
"""
    one = rule("pattern = '{ $.event.action = login }'", "one")
    two = rule("pattern = '{ $.event.outcome = failure }'", "two", example)
    three = rule("pattern = '{ $.event.outcome = success }'", "three")
    assert [text.split(";")[0] for _, _, text in found(one + two + three)] == [
        'its example "a wrong password" also matches rule "one", so a would be notified twice of such a record'
    ]
    elsewhere = '[channels.b]\ntype = "slack"\nwebhook_secret = "audit/slack/b"\n'
    assert found(elsewhere + one.replace('["a"]', '["b"]') + two + three) == []


def test_a_sentence_with_a_field_that_no_record_has() -> None:
    action = '[actions.x]\nsentence = "{event.resaon}"\ncategory = ["iam"]\ntype = ["user"]\n'
    ((level, _, text),) = found(action + rule("pattern = '{ $.event.action = login }'"))
    assert (level, "did you mean event.reason?" in text) == ("error", True)


EXAMPLES = """
[[rules.examples]]
name = "one"
matches = true
record.event.action = "login"
[[rules.examples]]
matches = false
record.event.action = "login"
record.event.outcome = "success"
"""


def test_examples_are_tried_and_what_fails_does_not_deploy() -> None:
    config = parse_config(HEAD + rule("pattern = '{ $.event.action = login }'", more=EXAMPLES))
    assert [trial.passed for trial in run_examples(config)] == [True, False]
    assert json.loads(config.rules[0].examples[0].line)["log"] == {"logger": "example.audit"}
    with pytest.raises(ConfigError, match='rule "r": example 2 must not match, but does'):
        approve(config, "audit.toml")


def test_each_rule_has_examples_unless_the_file_says_otherwise() -> None:
    text = HEAD.replace('examples = "optional"\n', "") + rule(
        "pattern = '{ $.event.action = login }'"
    )
    assert [each.level for each in review(parse_config(text))] == ["error", "error"]
    with pytest.raises(ConfigError, match="has no example that it must not match"):
        approve(parse_config(text), "audit.toml")


@pytest.mark.parametrize(
    ("when", "pattern"),
    [
        ('actions = ["login"]', '{ $.event.action = "login" }'),
        (
            'actions = ["login", "user-*"]',
            '{ $.event.action = "login" || $.event.action = "user-*" }',
        ),
        (
            'actions = ["login"]\nrecord_types = ["user", "group"]\noutcomes = ["failure"]',
            '{ ($.changes.record_type = "user" || $.changes.record_type = "group")'
            ' && $.event.action = "login" && $.event.outcome = "failure" }',
        ),
        (
            'changed = ["address.city", "MFA phone"]\nactions = ["user-updated"]',
            '{ $.event.action = "user-updated" && ($.changes.fields.address.city = "*"'
            " || $.changes.fields.['MFA phone'] = \"*\") }",
        ),
        ("actors = ['O\"Neil\\']", r'{ $.user.id = "O\"Neil\\" }'),
    ],
)
def test_the_friendly_form_makes_the_shortest_pattern(when: str, pattern: str) -> None:
    config = parse_config(HEAD + rule("[rules.when]\n" + when))
    assert config.rules[0].pattern == FilterPattern(pattern)


def test_the_friendly_form_matches_exactly_what_it_names() -> None:
    pattern = parse_config(HEAD + rule("[rules.when]\nactors = ['O\"Neil\\']")).rules[0].pattern
    assert pattern.matches(json.dumps({"user": {"id": 'O"Neil\\'}}))
    assert not pattern.matches(json.dumps({"user": {"id": 'O"Neil'}}))


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ('pattern = "{ $.a = 1 }"\n[rules.when]\nactions = ["login"]', "combined with when"),
        ("[rules.when]", "is empty; add one or more of record_types, actions"),
        ('[rules.when]\naction = ["login"]', 'did you mean "actions"?'),
        ("", "pattern: is missing"),
        ("pattern = 'login'", "compare a field"),
        (
            '[rules.when]\nchanged = ["it\'s"]',
            "a filter pattern cannot contain the name of a field",
        ),
        (
            f"[rules.when]\nactors = {json.dumps([f'{n:0>70}' for n in range(20)])}",
            "list fewer values, or split the rule",
        ),
    ],
)
def test_a_condition_that_is_none_is_refused(condition: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match="rules") as caught:
        parse_config(HEAD + rule(condition))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ('{ $.a = "x" && ($.b != y* || $.c >= 5) }',
         'a is "x" and (b is there and does not begin with "y" or c is at least 5)'),
        ("{ $.a = * || $.b = *x || $.c = *x* }",
         'a is there or b ends with "x" or c contains "x"'),
        ("{ $.a IS NULL && $.b NOT EXISTS && $.c IS TRUE }",
         "a is null and there is no b and c is true"),
        ("{ $.a[*].b = %x% && $.c[0] != 4 }",
         "a (any of them).b matches the expression and c.0 is a number other than 4"),
    ],
)  # fmt: skip
def test_a_pattern_in_words(pattern: str, words: str) -> None:
    condition = FilterPattern(pattern).condition
    assert condition is not None
    assert in_words(condition) == words
