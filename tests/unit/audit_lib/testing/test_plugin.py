"""What `audit_lib.testing` finds in a record and in a statement."""

import pytest

from audit_lib.testing import ecs_problems
from audit_lib.testing._coverage import changed_columns


@pytest.mark.parametrize(
    ("event", "problems"),
    [
        ({"category": ["iam"], "type": ["user", "change"], "outcome": "success"}, []),
        ({"category": "iam"}, ["event.category: found 'iam'; ECS has an array"]),
        ({"outcome": "ok"}, ["event.outcome: found 'ok'; ECS has failure, success, unknown"]),
    ],
)
def test_ecs_is_checked(event: dict[str, object], problems: list[str]) -> None:
    assert ecs_problems({"event": event}) == problems
    told = {"event": event, "labels": {"audit_problem": "event.action: found 'x'"}}
    assert ecs_problems(told) == [*problems, "event.action: found 'x'"]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT phone FROM users", None),
        ("UPDATE users SET phone=?, n = n + 1 WHERE id = 1", ("UPDATE", "users", ("phone", "n"))),
        (
            'UPDATE "public"."users" AS u SET "phone" = f(a, b), note = \'x, y = 1\' FROM z',
            ("UPDATE", "public.users", ("phone", "note")),
        ),
        ("INSERT INTO `users` (`id`, `phone`) VALUES (1, 2)", ("INSERT", "users", ("id", "phone"))),
        ("INSERT OR IGNORE INTO users VALUES (1)", ("INSERT", "users", ("*",))),
        ("-- why\n/* x */ DELETE FROM users WHERE 1", ("DELETE", "users", ("*",))),
        ("WITH a AS (SELECT 1) UPDATE users SET phone = 1", ("UPDATE", "users", ("phone",))),
        ("truncate table users", ("TRUNCATE", "users", ("*",))),
    ],
)
def test_what_a_statement_changes(sql: str, found: object) -> None:
    assert changed_columns(sql) == found
