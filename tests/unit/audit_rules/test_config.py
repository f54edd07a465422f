"""`audit.toml`: what a good one becomes, and how every problem of a bad one is told."""

import re
from dataclasses import FrozenInstanceError
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from audit_rules import (
    RETENTION_DAYS,
    AuditConfig,
    ConfigError,
    FilterPattern,
    Rule,
    Severity,
    Sources,
    load_config,
    parse_config,
)
from audit_rules.channels.email import EmailChannel
from audit_rules.channels.slack import SlackChannel

GOOD = """\
[audit]
name = "audit"
time_zone = "Europe/Madrid"
[sources]
log_groups = ["/app/shop"]
[channels.chat]
type = "slack"
webhook_secret = "audit/slack"
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com", "b@example.com"]
[[rules]]
id = "first"
title = "First"
owner = "Security"
severity = "high"
channels = ["chat"]
pattern = '{ $.a = 1 }'
"""
SECOND = GOOD[GOOD.index("[[rules]]") :].replace('"first"', '"second"')


def problems_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    return caught.value.problems


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_a_good_file_becomes_the_model() -> None:
    rule = """
description = "Why.\\nMore."
threshold = 3
window_minutes = 1440
runbook = "https://wiki.example.com/x"
[rules.labels]
mfa_phone = "MFA phone"
"""
    text = GOOD.replace("[sources]", "retention_days = 365\n[sources]") + rule
    assert parse_config(text) == AuditConfig(
        name="audit",
        time_zone=ZoneInfo("Europe/Madrid"),
        retention_days=365,
        sources=Sources(log_groups=("/app/shop",)),
        channels={
            "chat": SlackChannel(name="chat", webhook_secret="audit/slack"),
            "mail": EmailChannel(
                name="mail",
                sender="audit@example.com",
                recipients=("a@example.com", "b@example.com"),
            ),
        },
        rules=(
            Rule(
                id="first",
                title="First",
                owner="Security",
                severity=Severity.HIGH,
                channels=("chat",),
                pattern=FilterPattern("{ $.a = 1 }"),
                description="Why.\nMore.",
                threshold=3,
                window_minutes=1440,
                runbook="https://wiki.example.com/x",
                labels={"mfa_phone": "MFA phone"},
            ),
        ),
    )


def test_what_is_left_out_has_its_default() -> None:
    config = parse_config(GOOD)
    rule = config.rules[0]
    assert config.retention_days == 3653
    assert (rule.threshold, rule.window_minutes, rule.runbook, rule.description) == (1, 1, "", "")
    assert dict(rule.labels) == {}


def test_a_trail_without_rules_and_channels_is_allowed() -> None:
    config = parse_config(GOOD[: GOOD.index("[channels.chat]")])
    assert config.rules == ()
    assert dict(config.channels) == {}


def test_a_rule_is_found_by_its_id() -> None:
    config = parse_config(GOOD + SECOND)
    assert config.rule("second").id == "second"
    with pytest.raises(KeyError, match="third"):
        config.rule("third")


def test_the_model_cannot_be_changed() -> None:
    config = parse_config(GOOD)
    with pytest.raises(FrozenInstanceError):
        config.rules[0].threshold = 5  # type: ignore[misc] # that it is refused is what is tested
    with pytest.raises(TypeError):
        config.channels["x"] = config.channels["chat"]  # type: ignore[index] # as above
    assert len({config, config, *config.rules}) == 2


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "audit"\n', "", "audit: name: is required but missing; write a string"),
        (
            'name = "audit"\n',
            'name = "Audit"\n',
            (
                'audit: name: found "Audit"; write a lower-case letter, then at most 30 lower-case'
                " letters, digits and -"
            ),
        ),
        (
            'time_zone = "Europe/Madrid"',
            'time_zone = "Europe/Madird"',
            'audit: time_zone: found "Europe/Madird"; write an IANA name such as Europe/Madrid',
        ),
        (
            'time_zone = "Europe/Madrid"',
            'time_zone = "../etc/passwd"',
            'audit: time_zone: found "../etc/passwd"; write an IANA name such as Europe/Madrid',
        ),
        (
            'time_zone = "Europe/Madrid"',
            'time_zone = "Europe"',
            'audit: time_zone: found "Europe"; write an IANA name such as Europe/Madrid',
        ),
        (
            "[sources]",
            "retention_days = 3000\n[sources]",
            "audit: retention_days: found 3000, which CloudWatch does not offer; write 2922 or 3288",
        ),
        (
            "[sources]",
            "retention_days = 0\n[sources]",
            "audit: retention_days: found 0; write an integer from 1 to 3653",
        ),
        (
            "[sources]",
            "retention_days = 365.0\n[sources]",
            "audit: retention_days: found a decimal number; write an integer",
        ),
        (
            "[sources]",
            "retension_days = 365\n[sources]",
            'audit: retension_days: is not a key of this table; did you mean "retention_days"?',
        ),
        (
            '["/app/shop"]',
            "[]",
            "sources: log_groups: is empty; name at least one",
        ),
        (
            '["/app/shop"]',
            '"/app/shop"',
            "sources: log_groups: found a string; write an array",
        ),
        (
            '["/app/shop"]',
            "[1]",
            "sources: log_groups: found an integer as item 1; write strings only",
        ),
        (
            '["/app/shop"]',
            '["/app/shop", "/app/shop"]',
            'sources: log_groups: found "/app/shop" twice; name it once',
        ),
        (
            '["/app/shop"]',
            '["/app/*"]',
            (
                'sources: log_groups: found "/app/*"; write 1 to 512 letters, digits and . - _ / # as'
                " CloudWatch allows"
            ),
        ),
        (
            'type = "slack"',
            'type = "slak"',
            'channels.chat: type: found "slak", which is not a known channel type; did you mean "slack"?',
        ),
        (
            'sender = "audit@example.com"',
            'sender = "audit@example.com\\r\\nBcc: x@example.com"',
            (
                'channels.mail: sender: found "audit@example.com\\r\\nBcc: x@example.com"; write one'
                " address without a name, such as audit@example.com"
            ),
        ),
        (
            'sender = "audit@example.com"',
            'sender = "Audit <audit@example.com>"',
            (
                'channels.mail: sender: found "Audit <audit@example.com>"; write one address without a name, such as'
                " audit@example.com"
            ),
        ),
        (
            '["a@example.com", "b@example.com"]',
            '["a@localhost"]',
            (
                'channels.mail: recipients: found "a@localhost"; write one address without a name, such as'
                " audit@example.com"
            ),
        ),
        (
            '["a@example.com", "b@example.com"]',
            str([f"a{n}@example.com" for n in range(51)]),
            "channels.mail: recipients: found 51 items; name at most 50",
        ),
        (
            "[channels.mail]",
            "[channels.Mail]",
            (
                'channels: channel name: found "Mail"; write a lower-case letter, then at most 62'
                " lower-case letters, digits and -"
            ),
        ),
        (
            'id = "first"',
            'id = "First rule"',
            (
                'rules[1] "First rule": id: found "First rule"; write a lower-case letter, then at most'
                " 62 lower-case letters, digits and -"
            ),
        ),
        ('id = "first"\n', "", "rules[1]: id: is required but missing; write a string"),
        (
            'title = "First"',
            'title = "First\\nBcc: x"',
            (
                'rules[1] "first": title: has the unprintable character "\\n" at position 6; write one'
                " line of printable text"
            ),
        ),
        (
            'title = "First"',
            f'title = "{"x" * 81}"',
            'rules[1] "first": title: has 81 characters; write at most 80',
        ),
        ('title = "First"', 'title = " "', 'rules[1] "first": title: is empty; write some text'),
        (
            'owner = "Security"\n',
            "",
            'rules[1] "first": owner: is required but missing; write a string',
        ),
        (
            '"high"',
            '"urgent"',
            'rules[1] "first": severity: found "urgent"; write one of low, medium, high, critical',
        ),
        (
            'channels = ["chat"]',
            'channels = ["chatt"]',
            'rules[1] "first": channels: found "chatt", which is not a known channel; did you mean "chat"?',
        ),
        (
            'channels = ["chat"]',
            'channels = ["zzz"]',
            'rules[1] "first": channels: found "zzz", which is not a known channel; use one of: chat, mail',
        ),
        (
            'channels = ["chat"]',
            "channels = []",
            'rules[1] "first": channels: is empty; name at least one',
        ),
        (
            "'{ $.a = 1 }'",
            "''",
            (
                'rules[1] "first": pattern: is empty and would match every record; write a JSON filter'
                ' pattern such as { $.event.action = "login" }'
            ),
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a == 1 }'",
            (
                'rules[1] "first": pattern: is not a valid filter pattern: found "=="; write a'
                ' single "=" (column 7)\n    { $.a == 1 }\n          ^'
            ),
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nthreshold = true",
            'rules[1] "first": threshold: found a boolean; write an integer',
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nthreshold = 0",
            'rules[1] "first": threshold: found 0; write an integer from 1 to 1000000',
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nwindow_minutes = 1441",
            'rules[1] "first": window_minutes: found 1441; write an integer from 1 to 1440',
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nrunbook = 'http://wiki.example.com'",
            (
                'rules[1] "first": runbook: found "http://wiki.example.com"; write an https:// URL in'
                ' ASCII of at most 1000 characters, without spaces and < > "'
            ),
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nrunbook = 'https://[bad'",
            (
                'rules[1] "first": runbook: found "https://[bad"; write an https:// URL in ASCII of at'
                ' most 1000 characters, without spaces and < > "'
            ),
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nrunbook = 'https://me:XyZ@wiki.example.com'",
            (
                'rules[1] "first": runbook: has a user name (the URL is not shown, it may have a'
                " password); remove it"
            ),
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\ndescription = \"a\\tb\"",
            (
                'rules[1] "first": description: has the unprintable character "\\t" at position 2;'
                " write lines of printable text"
            ),
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nexamples = [2]",
            'rules[1] "first": examples[1]: found an integer; write [[rules.examples]] tables',
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nlabels = { a = 1979-05-27 }",
            'rules[1] "first".labels: a: found a date or time; write a string',
        ),
        (
            "'{ $.a = 1 }'",
            "'{ $.a = 1 }'\nseverty = 'low'",
            'rules[1] "first": severty: is not a key of this table; did you mean "severity"?',
        ),
        (
            "[sources]",
            "[source]\n[sources]",
            'source: is not a key of this table; did you mean "sources"?',
        ),
    ],
)
def test_a_problem_is_told_with_its_place_and_what_to_do(old: str, new: str, problem: str) -> None:
    problems = problems_of(changed(old, new))
    assert f"audit.toml: {problem}" in problems


@pytest.mark.parametrize(
    "group", ["/audit/records", "/aws/lambda/audit-router", "/aws/lambda/audit-forwarder"]
)
def test_the_trails_own_log_groups_are_no_sources(group: str) -> None:
    (problem,) = problems_of(changed("/app/shop", group))
    assert problem == (
        f'audit.toml: sources: log_groups: found "{group}", which belongs to the audit trail itself'
        " and would feed records back to it in a loop; name log groups of applications only"
    )


@pytest.mark.parametrize(
    "secret",
    [
        "https://hooks.slack.com/services/T0/B0/XyZ",
        "hooks.slack.com/services/T0/B0/XyZ",
        "services/T0/B0/XyZ",
        "http://localhost/XyZ",
        "XyZ with spaces",
        "arn:aws:secretsmanager:eu-west-1:1:secret:XyZ",
    ],
)
def test_a_webhook_in_place_of_a_secrets_name_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(changed("audit/slack", secret))
    assert len(caught.value.problems) == 1
    assert "channels.chat: webhook_secret: " in str(caught.value)
    assert "XyZ" not in str(caught.value)


def test_the_value_of_an_unknown_key_is_not_repeated() -> None:
    text = changed("webhook_secret =", 'webhook_url = "https://hooks/XyZ"\nwebhook_secret =')
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert 'webhook_url: is not a key of this table; did you mean "webhook_secret"?' in str(
        caught.value
    )
    assert "XyZ" not in str(caught.value)


def test_a_value_that_is_no_table_is_told_once() -> None:
    assert problems_of("audit = 1\nsources = []\nchannels = { chat = 1 }\nrules = [2]") == (
        "audit.toml: audit: found an integer; write a table",
        "audit.toml: sources: found an array; write a table",
        "audit.toml: channels: chat: found an integer; write a table",
        "audit.toml: rules[1]: found an integer; write [[rules]] tables",
    )


def test_an_empty_file_names_the_missing_tables() -> None:
    assert problems_of("") == (
        "audit.toml: audit: is required but missing; write a table",
        "audit.toml: sources: is required but missing; write a table",
    )


def test_every_problem_is_told_at_once_and_counted() -> None:
    text = changed('"high"', '"x"').replace('"audit"\n', '"A"\n').replace('["/app/shop"]', "[]")
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source="bank.toml")
    assert len(caught.value.problems) == 3
    assert str(caught.value).startswith("bank.toml: 3 problems\n  - audit: name: ")


def test_equal_rule_ids_are_refused() -> None:
    assert problems_of(GOOD + SECOND + SECOND) == (
        (
            'audit.toml: rules: id: found "second" 2 times, in rules[2], rules[3]; give each rule a unique'
            " id"
        ),
    )


def test_more_rules_than_metric_filters_are_refused() -> None:
    rules = [SECOND.replace('"second"', f'"r{n}"') for n in range(100)]
    assert len(parse_config(GOOD + "".join(rules[1:])).rules) == 100
    (problem,) = problems_of(GOOD + "".join(rules))
    assert problem.startswith(
        "audit.toml: rules: found 101 rules; a log group can have at most 100 metric filters"
    )


def test_more_patterns_with_a_regex_than_the_quota_are_refused() -> None:
    rules = [
        SECOND.replace('"second"', f'"r{n}"').replace("= 1 }", "= %x% || $.a = %y% }")
        for n in range(6)
    ]
    assert len(parse_config(GOOD + "".join(rules[:5])).rules) == 6
    assert problems_of(GOOD + "".join(rules)) == (
        (
            "audit.toml: rules: pattern: 6 rules use a %regex% (r0, r1, r2, r3, r4, r5); a log group can"
            " have at most 5 such patterns: write the others with = and *"
        ),
    )


def test_a_syntax_error_is_told_with_its_line() -> None:
    (problem,) = problems_of("[audit]\nname = \n")
    assert re.fullmatch(r"audit\.toml: is not valid TOML: .* \(at line 2, column 8\)", problem)


def test_a_key_written_twice_is_a_syntax_error() -> None:
    (problem,) = problems_of(GOOD + 'id = "again"\n')
    assert problem.startswith("audit.toml: is not valid TOML: Cannot overwrite a value")


def test_nesting_without_end_is_a_problem_like_others() -> None:
    (problem,) = problems_of("x = " + "[" * 100_000)
    assert problem == "audit.toml: is nested too deeply; remove nested arrays and tables"


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bank.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_config(path) == parse_config(GOOD)
    path.write_text(changed('"high"', '"x"'), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^bank\.toml: 1 problem\n  - rules\[1\]"):
        load_config(path)


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    path = tmp_path / "audit.toml"
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems == (
        f"{path}: cannot be read: No such file or directory; name an audit.toml that exists and is readable",
    )


def test_a_directory_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_a_file_in_another_encoding_is_a_config_error(tmp_path: Path) -> None:
    path = tmp_path / "audit.toml"
    path.write_bytes("# señal".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"line 1: byte 4 \(0xf1\) is not UTF-8"):
        load_config(path)


def test_a_byte_order_mark_is_named() -> None:
    (problem,) = problems_of("\ufeff" + GOOD)
    assert (
        problem == "audit.toml: begins with a byte order mark; save the file as UTF-8 without one"
    )


def test_the_type_of_an_unknown_category_is_not_a_second_problem() -> None:
    (problem,) = problems_of(GOOD + ACTION.replace('"iam"', '"iamb"'))
    assert 'found "iamb"' in problem


def test_a_table_that_is_read_twice_has_one_problem() -> None:
    assert problems_of(changed("pattern = '{ $.a = 1 }'", "when = 1")) == (
        'audit.toml: rules[1] "first": when: found an integer; write a table',
    )


def test_only_retentions_that_cloudwatch_offers_are_taken() -> None:
    for days in (*RETENTION_DAYS, 2, 6, 3652):
        text = changed("[sources]", f"retention_days = {days}\n[sources]")
        if days in RETENTION_DAYS:
            assert parse_config(text).retention_days == days
        else:
            assert "retention_days" in problems_of(text)[0]


ACTION = """
[actions.user-updated]
sentence = "{actor} changed {record}"
category = ["iam"]
type = ["user", "change"]
on_failure = "raise"
"""


def test_an_action_has_its_sentence_and_its_classification() -> None:
    action = parse_config(GOOD + ACTION).actions["user-updated"]
    assert action.sentence.text == "{actor} changed {record}"
    assert (action.category, action.type, action.severity) == (("iam",), ("user", "change"), "low")
    assert action.on_failure == "raise"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("user-updated", "User", 'action name: found "User"; write what happened in lower'),
        ("{record}", "{who}", "sentence: {who} is not a placeholder; write {actor}, {target}, "),
        ("{record}", "{record", 'sentence: has an unmatched "{" at character 17; write'),
        (
            '["iam"]',
            '["iamb"]',
            'category: found "iamb", which is not a known ECS event.category; did you mean "iam"?',
        ),
        (
            '"change"',
            '"access"',
            'type: found "access", which is not a known ECS event.type for the category iam',
        ),
        ("type =", "kind =", "type: is required but missing; write an array"),
        (
            '"raise"',
            '"raisin"',
            'on_failure: found "raisin", which is not a known failure policy; did you mean',
        ),
    ],
)
def test_a_wrong_action_is_told(old: str, new: str, problem: str) -> None:
    assert ACTION.count(old) == 1
    found = problems_of(GOOD + ACTION.replace(old, new))
    assert any(problem in line for line in found), found
    assert all(line.startswith("audit.toml: actions.") for line in found)
