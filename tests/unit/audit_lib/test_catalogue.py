"""The catalogue of actions: its categories are written, and unknown actions are reported."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import audit_lib

ROOT = Path(__file__).parents[3]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    audit_lib.configure(catalogue=None)


def test_category_and_type_come_from_the_catalogue(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.configure(catalogue=ROOT / "audit.toml")
    logger.audit.record_updated("x", "payout_account", {}, {"iban": "ES1"})
    logger.audit.event("x", action="login")
    payout, login = lines()
    assert (payout["event"]["category"], payout["event"]["type"]) == (["configuration"], ["change"])
    assert (login["event"]["category"], login["event"]["type"]) == (["authentication"], ["start"])
    assert "labels" not in payout


def test_an_action_that_is_not_in_it_is_written_and_told(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.configure(catalogue={"actions": {"user-updated": {"sentence": "x"}}})
    with pytest.warns(audit_lib.AuditUsageWarning, match="did you mean 'user-updated'"):
        logger.audit.record_updated("x", "usr", {}, {"a": 1})
    with pytest.warns(audit_lib.AuditUsageWarning, match=r"add it to \[actions\]"):
        logger.audit.event("x", action="zebra")
    first, _ = lines()
    assert first["event"]["action"] == "usr-updated"
    assert first["labels"]["audit_problem"].startswith("event.action: found 'usr-updated'")


def test_without_a_catalogue_any_action_will_do(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.event("x", action="anything")
    assert "labels" not in lines()[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("actions = ", "audit.toml: is not valid TOML: Invalid value"),
        ("[audit]\nname = 'x'", "audit.toml: actions: found no table"),
        ("[actions]\nx = 1", "audit.toml: actions.x: found int; write a table"),
        (
            "[actions.x]\ncategory = 'iam'",
            "audit.toml: actions.x: category: found 'iam'; write an array of strings",
        ),
    ],
)
def test_a_bad_catalogue_is_refused_and_the_one_before_stays(
    tmp_path: Path, logger: audit_lib.AppLogger, lines: Lines, text: str, problem: str
) -> None:
    audit_lib.configure(catalogue={"actions": {"login": {"category": ["authentication"]}}})
    path = tmp_path / "audit.toml"
    path.write_text(text)
    with pytest.raises(audit_lib.CatalogueError, match=problem.replace("[", r"\[")):
        audit_lib.configure(catalogue=path)
    logger.audit.event("x", action="login")
    assert lines()[0]["event"]["category"] == ["authentication"]


def test_a_catalogue_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(audit_lib.CatalogueError, match=r"none\.toml: .*No such file"):
        audit_lib.configure(catalogue=tmp_path / "none.toml")
