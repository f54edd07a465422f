"""A change is written as the same bytes with and without a `LogRecord`."""

import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import audit_lib

NAMES = st.sampled_from(
    ["name", "phone", "password", "api_token", "pin", "iban", "home", "größe", "note", "n"]
)
TEXTS = st.sampled_from(
    ["", "x", "swordfish-1", "paid", "password=hunter2", "postgres://u:p@h/d", "Ünal", "\ud800", "a\nb",
     "AKIAABCDEFGHIJKLMNOP", "user-updated", "y" * 20_000]
) | st.text(max_size=12)  # fmt: skip
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=4,
)
STATES = st.dictionaries(NAMES, VALUES, max_size=6)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "record_id": st.sampled_from([7, "PA-9", "swordfish-1", "é", 2**70]),
        "action": st.sampled_from(["user-updated", "paid", "swordfish-1"]),
        "outcome": st.sampled_from(["success", "failure", "odd"]),
        "reason": TEXTS,
        "target": st.just({"id": "1"}),
        "extra": st.fixed_dictionaries({"note": VALUES}),
        "ticket": VALUES,
        "outcom": st.just("failure"),
        "even_if_unchanged": st.booleans(),
    },
)
CONTEXTS = st.sampled_from(
    [
        {}, {"user": {"id": "7", "name": "Ana"}, "source": {"ip": "203.0.113.9"}},
        {"user": {"id": "7", "token": "swordfish-1"}}, {"labels": {"a": "swordfish-1"}},
        {"changes": {"by": "hand"}}, {"event": {"reference": "r"}}, {"service": {"name": "other"}},
        {"related": {"user": ["x"]}}, {"message": "another"}, {"http": {"url": "http://a:b@c"}},
    ]
)  # fmt: skip


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    audit_lib.configure(
        service={"name": "shop"},
        sensitive={"iban": audit_lib.Mask(keep=4), "pin": audit_lib.Drop()},
        max_bytes=8192,
    )
    yield
    audit_lib.configure()


def written(monkeypatch: pytest.MonkeyPatch, call: Any) -> str:
    """Return the lines without the parts that differ between any two records."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    # pytest's `caplog` handler needs a `LogRecord` of each.
    monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])
    monkeypatch.setattr("audit_lib._content.new_id", lambda: "0" * 36)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", audit_lib.AuditUsageWarning)
        call()
    return re.sub(r'"@timestamp":"[^"]*"', '"@timestamp":""', stream.getvalue())


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=STATES, changed=STATES, gone=st.booleans(), msg=TEXTS, said=SAID, around=CONTEXTS)
def test_both_ways_write_the_same_bytes(  # noqa: PLR0917 - the arguments of hypothesis
    logger: audit_lib.AppLogger,
    monkeypatch: pytest.MonkeyPatch,
    before: dict[str, Any],
    changed: dict[str, Any],
    gone: bool,
    msg: str,
    said: dict[str, Any],
    around: dict[str, Any],
) -> None:
    after = changed if gone else before | changed

    def call() -> None:
        with audit_lib.context(**around):
            logger.audit.record_updated(msg, "user", before, after, **said)

    with monkeypatch.context() as patched:
        patched.setattr("audit_lib.AuditLogger._direct_handlers", lambda _: None)
        by_a_record = written(patched, call)
    with monkeypatch.context() as patched:
        patched.setattr("logging.Logger._log", pytest.fail)
        assert written(patched, call) == by_a_record
