"""`audit rules test --against`: a replay of existing records."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from audit_ops.cli import main
from audit_ops.rules.replay import Replay, ReplayError, lines_of, replay
from audit_rules import AuditConfig, FilterPattern, load_config, parse_config
from audit_rules.patterns import InexactError, compiled, required_member, simplified

ROOT = Path(__file__).parents[3]
CONFIG = load_config(ROOT / "audit.toml")


def line(action: str, at: str = "2026-11-25T10:00:00.000Z", **more: Any) -> bytes:
    record = {"@timestamp": at, "event": {"action": action}, "user": {"name": "Ana"}}
    return json.dumps({**record, **more}).encode() + b"\n"


def login(at: str) -> bytes:
    return line("login", at, event={"action": "login", "outcome": "failure"})


def matched(result: Replay) -> dict[str, int]:
    return {each.rule.id: each.records for each in result.rules if each.records}


def test_records_are_counted_by_rule_day_and_actor() -> None:
    phone = {"record_type": "user", "fields": {"mfa_phone": "updated"}}
    lines = [
        line("user-updated", changes=phone),
        line("user-updated", "2026-11-26T10:00:00.000Z", changes=phone, user={"name": "Li"}),
        line("order-refunded", changes={"after": {"refunded": 999.99}}),
        line("order-refunded", changes={"after": {"refunded": 1000.0}}),
        line("order-refunded", changes={"after": {"refunded": 1000}}),
        line("unheard-of"),
        b"no json\n", b"[]\n", b"\n",
        b'{"event": {"action": "login", "outcome": "failure"}, "message": "\\ud800"}\n',
    ]  # fmt: skip
    result = replay(lines, CONFIG)
    assert matched(result) == {
        "mfa-phone-changed": 2,
        "large-refund": 2,
        "repeated-failed-logins": 1,
    }
    assert (result.records, result.unreadable) == (7, 2)
    assert result.rules[0].days == {"2026-11-25": 1, "2026-11-26": 1}
    assert result.rules[0].actors == {"Ana": 1, "Li": 1}
    assert result.actions["unheard-of"] == 1


@pytest.mark.parametrize(
    ("seconds", "told", "messages"),
    [
        ((0, 60, 120), 3, 3),
        ((0, 60), 0, 0),
        ((180, 240, 300), 3, 3),  # also over the edge of CloudWatch's periods
        ((0, 1, 299), 3, 3),
        ((0, 1, 300), 0, 0),
        ((0, 1, 2), 3, 2),
        ((0, 60, 120, 900), 3, 3),
        ((0, *range(1, 19)), 19, 2),  # the first at once, the others 20 seconds later
        ((0, 1, 2, 40, 41), 5, 4),
    ],
)
def test_what_is_told_reaches_its_threshold_within_any_window(
    seconds: tuple[int, ...], told: int, messages: int
) -> None:
    lines = [login(f"2026-11-25T10:{at // 60:02}:{at % 60:02}.000Z") for at in reversed(seconds)]
    by_rule = {each.rule.id: each for each in replay(lines, CONFIG).rules}
    found = by_rule["repeated-failed-logins"]
    assert (found.told, found.messages) == (told, messages)


def test_times_of_other_zones_and_none_are_of_utc() -> None:
    lines = [
        login("2026-11-25T23:59:59.000Z"),
        login("2026-11-26T01:59:59+02:00"),
        login("2026-11-25T23:59:59"),
        *(login(f"no time {number}") for number in range(1000)),
    ]
    result = replay(lines, CONFIG)
    rule = next(each for each in result.rules if each.rule.id == "repeated-failed-logins")
    assert result.days == rule.days
    assert rule.days == {"2026-11-25": 3, "no time 10": 11} | {
        f"no time {number}": 1 if number < 10 else 11 for number in range(100)
    }
    assert rule.told == 3


def as_json(record: Any) -> str:
    """Serialize a record; reject `Infinity` and `NaN`, which are not JSON."""
    return json.dumps(record, allow_nan=False)


ODD = st.sampled_from(["login", "order-refunded", "role-granted", "failure", "user", "payout_account"]) | (
    st.none() | st.booleans() | st.integers(0, 2000) | st.floats(0, 2000) | st.just(["admin"])
)  # fmt: skip
CHANGED = st.dictionaries(st.sampled_from(["iban", "mfa_phone", "refunded", "roles"]), ODD)


@given(
    st.fixed_dictionaries({}, optional={"action": ODD, "outcome": ODD}) | ODD,
    st.fixed_dictionaries(
        {}, optional={"record_type": ODD, "after": CHANGED | ODD, "fields": CHANGED | ODD}
    ) | ODD,
)  # fmt: skip
def test_a_replay_tells_what_the_rules_match(event: Any, changes: Any) -> None:
    message = as_json({"event": event, "changes": changes})
    expected = {rule.id: 1 for rule in CONFIG.rules if rule.matches(message)}
    assert matched(replay([message.encode()], CONFIG)) == expected


@pytest.mark.parametrize(
    ("line", "counts", "unreadable"),
    [
        (b'{"changes": {"record_type": "order", "after": {"refunded": [[Infinity]]}}}', {}, 1),
        (b'{"changes": {"after": {"refunded": NaN}}, "event": {"action": "order-refunded"}}', {}, 1),
        (b'{"changes": {"after": {"refunded": 1e999}}, "event": {"action": "order-refunded"}}',
         {"large-refund": 1}, 0),
        (b'{"changes": {"after": {"refunded": 999.5}}, "event": {"action": "order-refunded"}, "x": 1e999}',
         {}, 0),
        (b'{"changes": {"after": {"refunded": 1000}}, "event": {"action": "order-refunded"},'
         b' "message": "\\ud800"}', {"large-refund": 1}, 0),
    ],
)  # fmt: skip
def test_a_line_that_the_quick_reader_refuses_is_read_as_cloudwatch_reads_it(
    line: bytes, counts: dict[str, int], unreadable: int
) -> None:
    result = replay([line], CONFIG)
    assert (matched(result), result.unreadable) == (counts, unreadable)


def test_a_rule_without_an_action_looks_at_all_records() -> None:
    head = (ROOT / "audit.toml").read_text().split("[[rules]]")[0]
    text = (
        head
        + """
[[rules]]
id = "all"
title = "T"
owner = "O"
severity = "low"
channels = ["finance-slack"]
pattern = '{ $.user.name = "Ana" || $.event.action = 5 }'
"""
    )
    config: AuditConfig = parse_config(text)
    lines = [line("x"), line("y", user={"name": "Li"}), line("z", event={"action": 5}), b"{}\n"]
    assert matched(replay(lines, config)) == {"all": 2}


@pytest.mark.parametrize("packed", [False, True])
def test_the_command_shows_it_and_no_order_reaches_the_terminal(
    packed: bool, tmp_path: Path
) -> None:
    lines = [login("2026-11-25T10:00:00.000Z"), line("\x1b[31mevil", user={"name": "\x9b2J"})]
    hostile = {"action": "login", "outcome": "failure"}
    lines.append(line("login", "2026-11-26T10:00:00.000Z", event=hostile, user={"name": "\x9b2J"}))
    path = tmp_path / "records.jsonl"
    path.write_bytes(gzip.compress(b"".join(lines)) if packed else b"".join(lines))
    shown = CliRunner().invoke(
        main, ["rules", "test", "--against", str(path)], env={"COLUMNS": "150"}
    )
    assert shown.exit_code == 0, shown.output
    assert "3 records, 2026-11-25 to 2026-11-26" in shown.output
    assert "repeated-failed-logins        2    1.0  2026-11-25: 1     0         0" in shown.output
    assert "\N{FULL BLOCK}\N{FULL BLOCK}  at most 1 a day" in shown.output
    assert "does not declare: \ufffd[31mevil (1)" in shown.output
    assert shown.output.replace("\n", "").isprintable()


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["rules", "test", "--against", "nowhere.jsonl"])
    assert (missing.exit_code, "nowhere.jsonl: does not exist; pass a file" in missing.output) == (
        1,
        True,
    )
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(line("x") * 1000)[:40])
    with pytest.raises(ReplayError, match=r"cut\.gz: cannot be read"):
        list(lines_of(cut, lambda _: None))


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(line("x") * 5000)
    read = 0

    def advance(count: int) -> None:
        nonlocal read
        read += count

    assert len(list(lines_of(path, advance))) == 5000
    assert read == path.stat().st_size


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["x", "5", "xy", "login", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab*"), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
PATTERNS = [
    FilterPattern(text)
    for text in (
        "{ $.a = x }", "{ $.a != x }", "{ $.a = 5 }", "{ $.a != 5 && $.b > -1 }", "{ $.a.b = x* }",
        "{ $.a[*] = x || $.b NOT EXISTS }", "{ $.a[0].b IS NULL }", "{ $.* = *x }", "{ $.a IS TRUE }",
        "{ ($.a = x || $.a = xy) && $.b = %5% }", "{ $.a[*].b NOT EXISTS && $.b.a != 5 }",
        "{ $.a.* >= 5 }",
    )
]  # fmt: skip


@given(st.dictionaries(st.sampled_from("ab"), VALUES), st.sampled_from(PATTERNS))
@example({"a": [[1e308]]}, PATTERNS[-1])
def test_compiled_and_plain_evaluation_agree(
    record: dict[str, Any], pattern: FilterPattern
) -> None:
    condition = pattern.condition
    assert condition is not None
    message = as_json(record)
    for read in (record, FilterPattern.read(message).json):
        try:
            fast = compiled(condition)(read)
        except InexactError:  # a float, or a number compared as text: the message decides
            assert any(type(value) in {int, float} for value in _flat(record))
            continue
        assert fast is pattern.matches(message)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for each in inner for leaf in _flat(each)]
    return [value]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ('{ $.event.action = "a" && $.x = 1 }', "{ $.x = 1 }"),
        ("{ ($.event.action = b || $.event.action = a) && $.x = 1 }", "{ $.x = 1 }"),
        ("{ $.x = 1 && ($.y = 2 || $.event.action = b) }", "{ $.x = 1 && $.y = 2 }"),
        ("{ $.event.action = b || $.x = 1 || $.y = 1 }", "{ $.x = 1 || $.y = 1 }"),
        ("{ $.event.action = b && $.x = 1 }", False),
        ("{ $.event.action = a || $.x = 1 }", True),
        ("{ $.event.action != a }", False),
        ("{ $.event.action = *a* && $.event.action != %b% }", True),
        ("{ $.event.action >= 1 }", False),
        ("{ $.changes.record_type = * || $.changes.record_type != x }", False),
        ("{ $.changes.record_type NOT EXISTS }", "{ $.changes.record_type NOT EXISTS }"),
        ("{ $.event.* = a }", "{ $.event.* = a }"),
        ("{ $.x = 1 }", "{ $.x = 1 }"),
    ],
)
def test_what_is_left_to_ask_where_the_action_is_known(pattern: str, left: str | bool) -> None:
    condition = FilterPattern(pattern).condition
    assert condition is not None
    known = {("event", "action"): "a", ("changes", "record_type"): None}
    assert simplified(condition, known) == (
        left if isinstance(left, bool) else FilterPattern(left).condition
    )


KNOWN = [("a",), ("b",), ("a", "b"), ("b", "a")]


@given(st.dictionaries(st.sampled_from("ab"), VALUES), st.sampled_from(PATTERNS))
def test_what_is_left_to_ask_has_the_same_answer(
    record: dict[str, Any], pattern: FilterPattern
) -> None:
    known = {}
    for path in KNOWN:
        value: Any = record
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None or isinstance(value, str):
            known[path] = value
    assert pattern.condition is not None
    left = simplified(pattern.condition, known)
    holds = left if isinstance(left, bool) else left.holds(_as_written(record))
    assert holds is pattern.matches(as_json(record))


def _as_written(record: dict[str, Any]) -> Any:
    return FilterPattern.read(as_json(record)).json


@pytest.mark.parametrize(
    ("pattern", "member"),
    [
        ("{ $.changes.fields.iban = * }", "iban"),
        ("{ $.x = 1 && $.changes.fields.address.street = updated }", "address"),
        ("{ $.changes.fields.a IS NULL && $.changes.fields.b = x }", "a"),
        ("{ $.changes.fields.iban = * || $.x = 1 }", None),
        ("{ $.changes.fields.iban NOT EXISTS }", None),
        ("{ $.changes.fields.* = added }", None),
        ("{ $.changes.fields[0] = added }", None),
        ("{ $.changes.fields = x }", None),
        ("{ $.changes.*.iban = x }", None),
    ],
)
def test_which_member_a_condition_cannot_hold_without(pattern: str, member: str | None) -> None:
    condition = FilterPattern(pattern).condition
    assert condition is not None
    assert required_member(condition, ("changes", "fields")) == member
