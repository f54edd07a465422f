"""A record that is too long for a line is shortened and marked, and is still JSON."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audit_lib
from audit_lib._record.size import fitted

Lines = Callable[[], list[dict[str, Any]]]
LIMIT = 16 * 1024


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


def test_a_long_text_is_cut_and_says_so(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.audit.record_updated(
        "m" * 30_000, "note", {"body": "a", "n": 1}, {"body": "b" * 50_000, "n": 2}, record_id=7
    )
    text = capsys.readouterr().out
    assert LIMIT // 2 < len(text) <= LIMIT
    line = json.loads(text)
    changes = line["changes"]
    body = changes["after"]["body"]
    kept, _, rest = body.partition("<")
    assert rest == f"shortened: {50_000 - len(kept)} more characters>"
    assert set(kept) == {"b"}
    assert changes["after"]["n"] == 2
    assert changes["notes"] == {"$.message": "shortened", "body": "shortened"}
    assert changes["record_id"] == "7"


def test_a_limit_that_is_set_is_the_one_that_holds(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.configure(max_bytes=400_000)
    logger.audit.event("m" * 300_000, action="x")
    assert len(lines()[0]["message"]) == 300_000


def test_aws_lambda_has_a_higher_limit_of_its_own(
    logger: audit_lib.AppLogger, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
    audit_lib.configure()
    logger.audit.event("m" * 100_000, action="x")
    assert len(lines()[0]["message"]) == 100_000


def test_many_members_keep_the_first(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.record_created("x", "bulk", {f"field_{n:05}": n for n in range(15_000)})
    [line] = lines()
    after = line["changes"]["after"]
    assert after["field_00000"] == 0
    assert after["…"].startswith("<shortened: 14")
    assert line["changes"]["notes"]["$.changes.after"] == "shortened"


DOCUMENTS = st.fixed_dictionaries(
    {
        "@timestamp": st.just("2026-01-01T00:00:00.250Z"),
        "message": st.text(max_size=50),
        "log": st.fixed_dictionaries({"logger": st.just("x" * 9000 + ".audit")}),
        "event": st.fixed_dictionaries(
            {"id": st.just("i" * 36), "kind": st.just("event"), "action": st.text(max_size=9)}
        ),
        "user": st.dictionaries(st.text(), st.text() | st.integers()),
    },
    optional={
        "changes": st.dictionaries(st.sampled_from(["before", "after", "notes"]), st.text())
        | st.integers(),
        "extra": st.recursive(
            st.text() | st.integers() | st.lists(st.integers()),
            lambda inner: st.dictionaries(st.text(max_size=20), inner) | st.lists(inner),
            max_leaves=6,
        ),
    },
)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS, st.integers(1, 100), st.sampled_from(["message", "user", "extra", "changes"]))
def test_whatever_is_long_fits_and_stays_what_it_is(
    document: dict[str, Any], times: int, which: str
) -> None:
    value = document.get(which, "")
    document[which] = (
        {f"{name}{n}": inner for name, inner in value.items() for n in range(times)}
        if isinstance(value, dict)
        else [value] * times if which == "extra" else str(value) * times
    )  # fmt: skip
    line = fitted(document, {}, 4095)
    assert len(line) <= 4095
    short = json.loads(line)
    assert short["log"]["logger"].endswith(".audit")
    assert short["event"]["id"] == document["event"]["id"]
