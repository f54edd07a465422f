"""A field that no record has is an error in a sentence; labels stand once for all rules."""

import pytest

from audit_rules import ConfigError, approve, parse_config, review

HEAD = """
[audit]
name = "audit"
time_zone = "UTC"
examples = "optional"
[sources]
log_groups = ["/app"]
[channels.a]
type = "slack"
webhook_secret = "a"
"""
ACTION = """
[actions.customers-exported]
sentence = "%s"
category = ["database"]
type = ["access"]
%s
"""
RULE = """
[[rules]]
id = "%s"
title = "T"
owner = "O"
severity = "low"
channels = ["a"]
%s
"""
OTHER = "pattern = '{ $.event.action = \"*\" }'"


def findings(sentence: str, fields: str = "", rule: str = OTHER) -> list[tuple[str, str]]:
    text = f"{HEAD}{ACTION % (sentence, fields)}{RULE % ('r', rule)}"
    return [(each.level, str(each)) for each in review(parse_config(text))]


@pytest.mark.parametrize(
    ("sentence", "fields"),
    [
        ("{actor} exported {record} of {target}", ""),
        ("{export.rows}", 'fields = ["export.rows"]'),
        ("{export.rows|customer|customers}", 'fields = ["export.rows"]'),
        ("{export.rows}", 'fields = ["export"]'),
        ("{labels.anything} {source.ip} {user.target.name} {http.request.id} {event.reason}", ""),
        ("{cloud.region} {changes.record_id}", ""),
        ("{user.department}", 'fields = ["user.department"]'),
        ("{changes.after.limit}", 'fields = ["changes.after.limit"]'),
    ],
)
def test_a_known_field_passes(sentence: str, fields: str) -> None:
    assert findings(sentence, fields) == []


@pytest.mark.parametrize(
    ("sentence", "fields", "advice"),
    [
        ("{exprot.rows}", 'fields = ["export.rows"]', "did you mean {export.rows}?"),
        ("{exprot.rows|row|rows}", 'fields = ["export.rows"]', "did you mean {export.rows}?"),
        ("{export.rows}", "", "add it to the fields of its action in [actions]"),
        ("{export.rowss}", 'fields = ["export.rows"]', "did you mean {export.rows}?"),
        ("{source.ipp}", "", "did you mean source.ip?"),
        ("{user.department}", "", "add it to the fields"),
        ("{event.resaon}", "", "did you mean event.reason?"),
        ("{changes.zzz}", "", "use one of: after"),
        ("{changes.after.limit}", "", "add it to the fields"),
    ],
)
def test_an_unknown_field_is_an_error(sentence: str, fields: str, advice: str) -> None:
    [(level, text)] = findings(sentence, fields)
    assert level == "error"
    assert text.startswith('action "customers-exported": sentence: {')
    assert advice in text


def test_an_example_and_a_condition_make_a_field_known() -> None:
    example = f'{OTHER}\n[[rules.examples]]\nmatches = true\nrecord.event.action = "x"\nrecord.export.rows = 3'
    assert findings("{export.rows}", rule=example) == []
    condition = "pattern = '{ $.changes.fields.limit = \"*\" }'"
    assert findings("{changes.before.limit} {changes.after.limit}", rule=condition) == []
    [(level, text)] = findings("{changes.after.limmit}", rule=condition)
    assert (level, "did you mean {changes.after.limit}?" in text) == ("error", True)


def test_a_rules_message_is_checked_too_and_stops_the_deployment() -> None:
    rule = f'message = "{{exprot.rows}}"\n{OTHER}'
    text = f"{HEAD}{RULE % ('r', rule)}"
    with pytest.raises(ConfigError, match=r'rule "r": message: \{exprot.rows\}: no example'):
        approve(parse_config(text), "audit.toml")


@pytest.mark.parametrize(
    "sentence",
    ["{export.rows|row}", "{export.rows|}", "{export.rows||rows}", "{actor|a|b}", "{a.b|c|d|e}"],
)
def test_a_number_with_its_noun_needs_both_forms(sentence: str) -> None:
    with pytest.raises(ConfigError, match="both forms of the noun"):
        findings(sentence)


def test_labels_stand_once_for_all_rules_and_a_rules_own_win() -> None:
    labels = '[labels]\niban = "IBAN"\nuser = "User"\n'
    own = f'{OTHER}\n[rules.labels]\nuser = "Customer"'
    text = f"{HEAD}{labels}{RULE % ('a', OTHER)}{RULE % ('b', own)}"
    first, second = parse_config(text).rules
    assert dict(first.labels) == {"iban": "IBAN", "user": "User"}
    assert dict(second.labels) == {"iban": "IBAN", "user": "Customer"}


def test_a_label_is_a_line_of_text() -> None:
    with pytest.raises(ConfigError, match="labels: iban: "):
        parse_config(f"{HEAD}[labels]\niban = 7\n{RULE % ('a', OTHER)}")
