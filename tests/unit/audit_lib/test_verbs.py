"""Created, updated, deleted, accessed, and everything else: what each verb writes."""

import asyncio
import dataclasses
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import audit_lib
from audit_lib._configuration import _POLICIES
from audit_lib._record.ecs import _TYPES
from audit_rules._config._sections import _FAILURE_POLICIES
from audit_rules._ecs import EVENT_TYPES

Lines = Callable[[], list[dict[str, Any]]]


@dataclasses.dataclass
class User:
    name: str
    phone: str | None = None


def event_of(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line["event"].items() if name not in {"id", "kind"}}


def test_created_and_deleted_hold_the_whole_state(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_created("made", "user", User("Li", "+34"), record_id=7)
    logger.audit.record_deleted("gone", "order", {"total": 5}, record_id="o-1", reason="doubled")
    made, gone = lines()
    assert made["changes"] == {
        "record_type": "user", "record_id": "7", "before": {},
        "after": {"name": "Li", "phone": "+34"}, "fields": {"name": "added", "phone": "added"},
    }  # fmt: skip
    assert event_of(made) == {
        "action": "user-created", "outcome": "success",
        "category": ["iam"], "type": ["user", "creation"],
    }  # fmt: skip
    assert gone["changes"] == {
        "record_type": "order", "record_id": "o-1", "before": {"total": 5}, "after": {},
        "fields": {"total": "removed"},
    }  # fmt: skip
    assert event_of(gone) == {
        "action": "order-deleted", "outcome": "success", "reason": "doubled",
        "category": ["database"], "type": ["change"],
    }  # fmt: skip


def test_an_access_says_which_record_and_nothing_of_it(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_accessed("%s was opened", "statement", "Statement", record_id=3)
    [line] = lines()
    assert line["message"] == "Statement was opened"
    assert line["changes"] == {"record_type": "statement", "record_id": "3"}
    assert event_of(line)["type"] == ["access"]


def test_an_event_is_anything_else(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.event(
        "%s could not sign in", "Ana", action="login", category="authentication", type="start",
        outcome="failure", reason="wrong password", extra={"attempts": 3},
    )  # fmt: skip
    logger.audit.event("exported", action="report-exported")
    login, export = lines()
    assert login["message"] == "Ana could not sign in"
    assert login["attempts"] == 3
    assert event_of(login) == {
        "action": "login", "outcome": "failure", "reason": "wrong password",
        "category": ["authentication"], "type": ["start"],
    }  # fmt: skip
    assert event_of(export) == {"action": "report-exported", "outcome": "success"}
    assert "changes" not in export


@pytest.mark.parametrize("verb", ["created", "updated", "deleted", "accessed"])
@pytest.mark.parametrize("kind", ["user", "group", "order"])
def test_each_verb_has_a_category_and_types_that_ecs_allows(
    logger: audit_lib.AppLogger, lines: Lines, verb: str, kind: str
) -> None:
    states = {"created": [{"a": 1}], "deleted": [{"a": 1}], "updated": [{}, {"a": 1}]}
    getattr(logger.audit, f"record_{verb}")("x", kind, *states.get(verb, []))
    [line] = lines()
    assert "labels" not in line
    event = event_of(line)
    assert event["action"] == f"{kind}-{verb}"
    [category] = event["category"]
    assert set(event["type"]) <= EVENT_TYPES[category]


def test_the_library_and_the_rules_know_the_same_ecs_and_failure_policies() -> None:
    assert _TYPES == EVENT_TYPES
    assert set(_POLICIES) == _FAILURE_POLICIES


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"outcome": "ok"}, "event.outcome: found 'ok'; ECS has failure, success, unknown"),
        ({"category": "login"}, "event.category: found 'login'; ECS has api, authentication"),
        (
            {"category": "iam", "type": ["access"]},
            "event.type: found 'access'; for iam ECS has admin, change",
        ),
    ],
)
def test_what_ecs_does_not_know_is_written_and_told(
    logger: audit_lib.AppLogger, lines: Lines, given: dict[str, Any], problem: str
) -> None:
    with pytest.warns(audit_lib.AuditUsageWarning) as warned:
        logger.audit.event("x", action="x", **given)
    [line] = lines()
    assert line["labels"]["audit_problem"].startswith(problem)
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(audit_lib.AuditUsageWarning):
            logger.audit.event("x", action="x", **given)
    assert len(lines()) == 1, "the record is there before the error"


def test_an_update_that_changed_nothing_writes_nothing_unless_asked_or_failed(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    same = {"a": 1}
    logger.audit.record_updated("x", "user", same, dict(same))
    assert lines() == []
    logger.audit.record_updated("x", "user", same, same, even_if_unchanged=True)
    logger.audit.record_updated("x", "user", same, same, outcome="failure")
    assert [event_of(line)["outcome"] for line in lines()] == ["success", "failure"]


def test_what_is_appended_afterwards_changes_no_record(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    kept: list[Any] = []

    class Keeping(audit_lib.AuditHandler):
        def emit(self, record: Any) -> None:
            kept.append(record)

    handler = Keeping()
    logger.audit.addHandler(handler)
    roles = ["reader"]
    logger.audit.record_updated("x", "user", {"roles": []}, {"roles": roles})
    roles.append("admin")
    [record] = kept
    assert '"roles":["reader"]' in audit_lib.AuditFormatter().format(record).replace(" ", "")


def test_track_writes_what_the_block_changed(logger: audit_lib.AppLogger, lines: Lines) -> None:
    user = User("Li", "+34")
    with logger.audit.track("%s changed", "user", user, "phone", record_id=7):
        user.phone = "+35"
    with logger.audit.track("nothing", "user", user):
        pass

    def fail() -> None:
        with logger.audit.track("failed", "user", user, target={"id": 9}):
            user.name = "Li Wei"
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    changed, failed = lines()
    assert changed["message"] == "phone changed"
    assert changed["changes"]["before"] == {"phone": "+34"}
    assert changed["changes"]["after"] == {"phone": "+35"}
    assert changed["log"]["origin"]["function"] == "test_track_writes_what_the_block_changed"
    assert event_of(failed)["outcome"] == "failure"
    assert event_of(failed)["reason"] == "KeyError"
    assert failed["changes"]["after"] == {"name": "Li Wei"}
    assert failed["user"]["target"] == {"id": 9}


def test_everybody_and_every_address_is_related(logger: audit_lib.AppLogger, lines: Lines) -> None:
    admin = {"id": 1, "name": "Ana", "email": "ana@example.com"}
    with audit_lib.context(
        user=admin, on_behalf_of={"id": "c-7", "name": "Carl"}, source={"ip": "203.0.113.9"}
    ):
        logger.audit.record_updated(
            "x",
            "user",
            {},
            {"a": 1},
            target={"name": "Li"},
            extra={"related": {"user": ["own"], "hash": ["h"]}},
        )
    [line] = lines()
    assert line["user"] == {
        **admin, "effective": {"id": "c-7", "name": "Carl"}, "target": {"name": "Li"},
    }  # fmt: skip
    assert line["related"] == {
        "user": ["own", "1", "Ana", "ana@example.com", "Li", "c-7", "Carl"],
        "hash": ["h"],
        "ip": ["203.0.113.9"],
    }


def test_bind_lasts_in_its_task_and_thread_alone(logger: audit_lib.AppLogger, lines: Lines) -> None:
    async def request(name: str) -> None:
        audit_lib.bind(user={"name": name})
        await asyncio.sleep(0)
        audit_lib.bind(source={"ip": "203.0.113.9"})
        await asyncio.sleep(0)
        logger.audit.info(name)

    async def all_requests() -> None:
        await asyncio.gather(*(asyncio.create_task(request(name)) for name in ("a", "b")))

    asyncio.run(all_requests())
    thread = threading.Thread(target=lambda: audit_lib.bind(user={"name": "thread"}))
    thread.start()
    thread.join()
    logger.audit.info("outside")
    first, second, outside = lines()
    for line in (first, second):
        assert line["user"]["name"] == line["message"]
        assert line["source"]["ip"] == "203.0.113.9"
    assert "user" not in outside
