"""No member replaces another one where names are shortened or masked, and the notes count what there is."""

import json
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

import pytest

import audit_lib
from audit_lib._record.names import DistinctNames
from audit_lib._record.notes import add_notes
from audit_lib._record.plain import plain
from audit_lib._record.size import fitted

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(params=["without a LogRecord", "with a LogRecord"], autouse=True)
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write directly too, which pytest's own handlers prevent."""
    if request.param == "without a LogRecord":
        monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


def test_a_taken_name_gets_the_first_free_number() -> None:
    taken: dict[str, int] = {"a (3)": 0}
    distinct = DistinctNames(taken)
    for at in range(4):
        taken[distinct("a")] = at
    assert taken == {"a (3)": 0, "a": 0, "a (2)": 1, "a (4)": 2, "a (5)": 3}


def test_names_that_are_the_same_after_they_were_cut_are_all_there(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    names = [f"{'d' * 300}/{n:03}.txt" for n in range(60)]
    logger.audit.event("m", action="a", extra={"files": dict.fromkeys(names, "r")})
    [line] = lines()
    assert list(line["files"].values()) == ["r"] * 60
    assert max(map(len, line["files"])) < 200


def test_many_notes_do_not_displace_what_they_are_about() -> None:
    notes = {f"{n:03}{'n' * 60}": "masked" for n in range(100)}
    short = json.loads(fitted({"a": {"b": 1}}, notes, 4096))
    assert short["a"] == {"b": 1}
    written = short["changes"]["notes"]
    assert written["…"] == f"{100 - len(written) + 1} more"


def test_the_callers_own_ellipsis_is_kept_beside_the_one_of_what_was_left_out() -> None:
    document = {"a": {"…": "mine", **{f"n{n}": "x" * 50 for n in range(200)}}}
    short = json.loads(fitted(document, {}, 4096))
    assert short["a"]["…"].startswith("mine")
    assert short["a"]["… (2)"].startswith("<shortened: ")
    beyond = plain({"…": "mine", **dict.fromkeys(range(20_000), 1)})
    assert beyond["…"] == "mine"
    assert str(beyond["… (2)"]).startswith("<left out: over")


def test_keys_that_have_the_same_text_are_all_there() -> None:
    surrogates = {chr(0xD800 + n): n for n in range(3)}
    assert len(plain({**surrogates, 1: 4, "1": 5})) == 5


def test_names_that_are_the_same_after_they_were_masked_are_all_there(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    urls = {"https://u:pw1x@h/": "first", "https://u:pw2x@h/": "second"}
    logger.audit.record_updated("m", "a", {"urls": {}}, {"urls": urls})
    logger.audit.event("m", action="a", extra=urls)
    with audit_lib.context(user={"urls": urls}):
        logger.audit.event("m", action="a")
    inside, top, identity = lines()
    assert list(inside["changes"]["after"]["urls"].values()) == ["first", "second"]
    assert list(inside["changes"]["fields"]["urls"].values()) == ["added", "added"]
    assert {"first", "second"} < {str(value) for value in top.values()}
    assert list(identity["user"]["urls"].values()) == ["first", "second"]
    for line in (inside, top, identity):
        assert "pw1x" not in json.dumps(line)
        assert "pw2x" not in json.dumps(line)


def test_many_names_that_collide_take_a_time_in_proportion(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.configure(max_bytes=1_000_000)
    began = process_time()
    logger.audit.event(
        "m", action="a", extra={"urls": {f"https://u:p{n}@h/": n for n in range(9_000)}}
    )
    assert process_time() - began < 5
    assert len(lines()[0]["urls"]) == 9_000


def test_notes_are_counted_once_and_say_what_was_shortened_first(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    passwords = {f"password_{n:03}": "hunter22" for n in range(150)}
    logger.audit.event("m" * 40_000, action="a", extra={"p": passwords})
    [line] = lines()
    notes = line["changes"]["notes"]
    assert notes["$.message"] == "shortened"
    assert len(notes) == 101
    assert notes["…"] == "51 more"


def test_a_note_of_a_form_and_one_of_a_name_are_counted_together(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    passwords = {f"password_{n:03}": "hunter22" for n in range(120)}
    logger.audit.event("m", action="a", extra={"p": passwords, "q": "token=abcdef"})
    [line] = lines()
    assert line["changes"]["notes"]["…"] == "21 more"


@pytest.mark.parametrize(("count", "written"), [(99, 99), (100, 100), (101, 101)])
def test_a_hundred_notes_are_written(count: int, written: int) -> None:
    document: dict[str, Any] = {}
    add_notes(document, {str(n): "masked" for n in range(count)})
    notes = document["changes"]["notes"]
    assert len(notes) == written
    assert notes.get("…") == ("1 more" if count > 100 else None)


def test_the_path_of_a_note_shows_no_secret(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.event(
        "m", action="a", extra={"ghp_abcdefghij0123456789abcd": {"password": "hunter22"}}
    )
    [line] = lines()
    assert line["***"] == {"password": "***"}
    assert line["changes"]["notes"]["$.***.password"] == "masked"
    assert "ghp_" not in json.dumps(line)
