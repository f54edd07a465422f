"""The context of a record, across blocks, requests, threads and pools."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import audit_lib
from audit_lib._context import Request, current_context

Lines = Callable[[], list[dict[str, Any]]]


def test_what_is_bound_anywhere_in_a_request_holds_for_all_of_it(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    """Run it as a framework runs a dependency: in a thread, with a copy of the context."""
    with Request({"http": {"request": {"id": "r-1"}}}):
        thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(lambda: audit_lib.bind(user={"id": "7"}),),
        )
        thread.start()
        thread.join()
        logger.audit.info("inside")
    logger.audit.info("after")
    inside, after = lines()
    assert (inside["user"]["id"], inside["http"]["request"]["id"]) == ("7", "r-1")
    assert not {"user", "http"} & set(after)


def test_requests_at_the_same_time_keep_their_users_apart(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    async def answer(number: int) -> None:
        with Request({"http": {"request": {"id": str(number)}}}):
            await asyncio.to_thread(audit_lib.bind, user={"id": str(number)})
            await asyncio.sleep(0)
            await asyncio.to_thread(logger.audit.info, "x")

    async def all_of_them() -> None:
        await asyncio.gather(*map(answer, range(200)))

    asyncio.run(all_of_them())
    written = lines()
    assert len(written) == 200
    assert all(line["user"]["id"] == line["http"]["request"]["id"] for line in written)


def test_a_pools_threads_have_the_context_that_is_carried_and_no_other(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool, audit_lib.context(user={"id": "7"}):
        work = audit_lib.copy_context(logger.audit.info)
        for _ in range(3):
            pool.submit(work, "carried").result()
        pool.submit(logger.audit.info, "not carried").result()
    users = [line.get("user", {}).get("id") for line in lines()]
    assert users == ["7", "7", "7", None]


def test_a_user_is_asked_for_once_it_is_known(logger: audit_lib.AppLogger, lines: Lines) -> None:
    asked: list[dict[str, Any] | None] = []

    def user() -> dict[str, Any] | None:
        asked.append({"id": "7", "name": "Ana"} if len(asked) == 2 else None)
        if len(asked) == 1:
            raise RuntimeError("no database in here")
        return asked[-1]

    with Request({}, user=user):
        for _ in range(5):
            logger.audit.info("x")
    assert [line.get("user", {}).get("id") for line in lines()] == [None, None, "7", "7", "7"]
    assert len(asked) == 3


def test_somebody_who_acts_for_another_for_another_stays_the_first(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    with audit_lib.context(user={"id": "1", "name": "Ana"}, on_behalf_of={"id": "2", "name": "B"}):
        with audit_lib.context(on_behalf_of={"id": "3"}):
            logger.audit.info("x")
        logger.audit.info("y")
    deep, released = lines()
    assert deep["user"] == {
        "id": "1", "name": "Ana", "effective": {"id": "3", "via": [{"id": "2", "name": "B"}]},
    }  # fmt: skip
    assert released["user"]["effective"] == {"id": "2", "name": "B"}


def test_nothing_of_one_user_is_said_of_another(logger: audit_lib.AppLogger, lines: Lines) -> None:
    first, second = {"id": "1", "email": "ana@example.com"}, {"id": "2"}
    with audit_lib.context(user=first), audit_lib.context(user=second):
        logger.audit.info("x")
    assert lines()[0]["user"] == {"id": "2"}


def test_a_secret_of_the_context_is_hidden_in_the_message(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    with Request({"session_token": "tok-12345"}):
        logger.audit.info("session tok-12345")
    [line] = lines()
    assert line["message"] == "session ***"
    assert line["session_token"] == "***"


def test_who_binds_again_and_again_keeps_nothing_of_before(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def work() -> None:
        for job in range(2000):
            odd = "password=hunter2" if job == 0 else "ok"
            audit_lib.bind(job={"id": f"job-{job}", "token": f"tok-{job:06}", "note": odd})
            redactions = current_context().redactions
            assert redactions.has_secret is (job == 0)
        assert "job-1998" not in redactions.searched[1]
        assert len(redactions.secrets) == 101
        logger.audit.info("tok-001999 of job-1998")

    contextvars.copy_context().run(work)
    assert [line["message"] for line in lines()] == ["*** of job-1998"]


def test_the_service_is_said_once(logger: audit_lib.AppLogger, lines: Lines) -> None:
    audit_lib.configure(service={"name": "shop", "version": "1.2"})
    try:
        logger.audit.info("x")
        with audit_lib.context(service={"environment": "test"}):
            logger.audit.info("y")
    finally:
        audit_lib.configure()
    assert [line["service"] for line in lines()] == [
        {"name": "shop", "version": "1.2"},
        {"name": "shop", "version": "1.2", "environment": "test"},
    ]


def test_who_is_looked_up_by_something_that_is_audited_is_looked_up_once(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def user() -> dict[str, Any]:
        logger.audit.info("looked up")
        return {"id": "7"}

    with Request({}, user=user):
        logger.audit.info("done")
    assert [(line["message"], line.get("user")) for line in lines()] == [
        ("looked up", None),
        ("done", {"id": "7"}),
    ]


def in_a_context_of_its_own(work: Callable[[], None]) -> None:
    contextvars.copy_context().run(work)


def test_what_is_unbound_is_in_no_record_that_follows(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def work() -> None:
        audit_lib.bind(
            user={"id": "7", "email": "a@example.com", "token": "tok-12345"},
            source={"ip": "203.0.113.9"},
            job={"id": "j"},
        )
        audit_lib.unbind("user.email", "user.token", "source", "job.id", "never.bound", "user.id.x")
        logger.audit.info("x")
        audit_lib.unbind("user")
        logger.audit.info("x")

    in_a_context_of_its_own(work)
    first, second = lines()
    assert first["user"] == {"id": "7"}
    assert first["related"] == {"user": ["7"]}
    assert not {"source", "job", "changes"} & set(first)
    assert not {"user", "related"} & set(second)


def test_clear_removes_all_and_leaves_other_contexts(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def work() -> None:
        audit_lib.bind(user={"id": "7"})
        other = contextvars.copy_context()
        with audit_lib.context(source={"ip": "203.0.113.9"}):
            audit_lib.clear()
            logger.audit.info("x")
        logger.audit.info("after")
        other.run(logger.audit.info, "other")

    in_a_context_of_its_own(work)
    inside, after, other = lines()
    assert not {"user", "source"} & set(inside)
    assert after["user"] == other["user"] == {"id": "7"}, "the block ended"


def test_unbind_and_clear_hold_for_all_threads_of_a_request_and_for_its_user(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def elsewhere(function: Callable[..., None], *args: str) -> None:
        thread = threading.Thread(target=contextvars.copy_context().run, args=(function, *args))
        thread.start()
        thread.join()

    user = {"id": "7", "email": "a@example.com"}
    with Request({"source": {"ip": "203.0.113.9"}, "http": {"version": "2"}}, user=lambda: user):
        elsewhere(audit_lib.unbind, "user.email", "source")
        logger.audit.info("x")
        elsewhere(audit_lib.clear)
        logger.audit.info("x")
    with Request({}, user=lambda: user):
        audit_lib.unbind("user")
        logger.audit.info("x")
    unbound, cleared, nobody = lines()
    assert (unbound["user"], "source" in unbound) == ({"id": "7"}, False)
    assert unbound["http"] == {"version": "2"}
    assert not {"user", "http"} & set(cleared)
    assert "user" not in nobody
