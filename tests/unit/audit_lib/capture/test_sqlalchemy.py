"""Models that are audited automatically: committed changes once, rolled-back ones never."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Table,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

import audit_lib
from audit_lib.capture.sqlalchemy import audit_models

audit = audit_lib.get_logger("orm").audit


class Base(DeclarativeBase):
    pass


links = Table(
    "links",
    Base.metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    x: Mapped[int | None]
    card: Mapped[Annotated[str, audit_lib.Mask(keep=4)] | None]
    changed_at: Mapped[int | None]
    kind: Mapped[str | None]
    tags: Mapped[list[Tag]] = relationship(secondary=links)
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "user"}  # noqa: RUF012


class Admin(User):
    __tablename__ = "admins"
    id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    level: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "admin"}  # noqa: RUF012


class Other(Base):
    __tablename__ = "others"
    id: Mapped[int] = mapped_column(primary_key=True)


audit_models(User, logger=audit, exclude={"changed_at", "kind"})
Told = Callable[[], list[tuple[str, Any, Any]]]


def proper_sqlite(url: str) -> Any:
    """An engine whose SQLite begins transactions as other databases do."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@pytest.fixture
def told(audit_records: Any) -> Told:
    def read() -> list[tuple[str, Any, Any]]:
        seen = [
            (each["event"]["action"], each["changes"].get("before"), each["changes"].get("after"))
            for each in audit_records
        ]
        audit_records.clear()
        return seen

    return read


@pytest.fixture
def engine(told: Told) -> Iterator[Any]:
    engine = proper_sqlite("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            [User(id=1, x=1, card="1111222233334444"), Tag(id=1), Tag(id=2), Other(id=1)]
        )
        session.commit()
    assert told() == [
        ("user-created", {}, {"id": 1, "x": 1, "card": "***4444"}),
    ]
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Any) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


def test_an_object_flushed_twice_is_told_once_from_first_to_last(
    session: Session, told: Told
) -> None:
    user = session.get_one(User, 1)
    user.x = 2
    session.scalars(select(User)).all()  # flushes
    user.x = 3
    assert told() == []
    session.commit()
    assert told() == [("user-updated", {"x": 1}, {"x": 3})]


def test_an_old_value_that_expired_is_read_again(session: Session, told: Told) -> None:
    user = session.get_one(User, 1)
    session.commit()
    user.x = 2
    session.commit()
    assert told() == [("user-updated", {"x": 1}, {"x": 2})]


def test_what_is_rolled_back_is_never_told(session: Session, told: Told) -> None:
    user = session.get_one(User, 1)
    user.x = 2
    session.flush()
    session.rollback()
    session.get_one(User, 1).card = "9999888877776666"
    session.commit()
    assert told() == [("user-updated", {"card": "***4444"}, {"card": "***6666"})]


def test_what_others_do_after_a_commit_keeps_no_record_back(session: Session, told: Told) -> None:
    def fail(_: Any) -> None:
        raise ValueError("somebody else's")

    event.listen(Session, "after_commit", fail)
    try:
        session.get_one(User, 1).x = 2
        session.add(User(id=2))
        with pytest.raises(ValueError, match="somebody else's"):
            session.commit()
        session.close()
    finally:
        event.remove(Session, "after_commit", fail)
    assert sorted(action for action, *_ in told()) == ["user-created", "user-updated"]


def test_a_record_that_is_lost_takes_no_other_one_with_it(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Once(io.StringIO):
        refusing = True

        def write(self, text: str) -> int:
            if self.refusing:
                self.refusing = False
                raise OSError("full")
            return super().write(text)

    monkeypatch.setattr(sys, "stdout", stream := Once())
    audit_lib.configure(on_failure="raise")
    try:
        session.add_all([User(id=2), User(id=3), User(id=4)])
        with pytest.raises(audit_lib.RecordLostError, match="user 2 created"):
            session.commit()
    finally:
        audit_lib.configure()
    told = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert told == ["user 3 created", "user 4 created"]


def test_savepoints_are_told_when_all_around_them_holds(session: Session, told: Told) -> None:
    user = session.get_one(User, 1)
    with session.begin_nested():
        user.x = 2
    nested = session.begin_nested()
    user.card = "0000000000000000"
    session.flush()
    nested.rollback()
    session.commit()
    assert told() == [("user-updated", {"x": 1}, {"x": 2})]
    with session.begin_nested():
        user.x = 5
    session.rollback()
    assert told() == []


def test_a_savepoint_that_sqlite_keeps_by_itself_is_told(told: Told) -> None:
    """The driver's own transactions: releasing a savepoint that comes first commits."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        with session.begin_nested():
            session.execute(text("SELECT 1"))
            session.add(User(id=7))
        session.rollback()
        kept = session.get(User, 7) is not None
    assert len(told()) == kept
    engine.dispose()


def test_created_and_deleted(session: Session, told: Told) -> None:
    session.add(User(id=2, x=5))
    session.flush()
    session.get_one(User, 2).x = 6
    session.add(User(id=3))
    session.flush()
    session.delete(session.get_one(User, 3))
    session.commit()
    assert told() == [("user-created", {}, {"id": 2, "x": 6})]
    session.delete(session.get_one(User, 2))
    session.commit()
    assert told() == [("user-deleted", {"id": 2, "x": 6, "card": None}, {})]


def test_a_thousand_creations_are_a_thousand_records(session: Session, told: Told) -> None:
    session.add_all([User(x=n) for n in range(1000)])
    session.commit()
    assert [action for action, *_ in told()] == ["user-created"] * 1000


def test_links_are_told_by_whom_they_lead_to(session: Session, told: Told) -> None:
    user, one, two = session.get_one(User, 1), session.get_one(Tag, 1), session.get_one(Tag, 2)
    user.tags.append(one)
    session.commit()
    assert told() == [("user-updated", {"tags": {}}, {"tags": {"1": "1"}})]
    user.tags = [one]
    session.commit()
    user.tags.remove(one)
    session.flush()
    user.tags.append(one)
    session.commit()
    assert told() == []
    user.tags = [two]
    session.commit()
    assert told() == [("user-updated", {"tags": {"1": "1"}}, {"tags": {"2": "2"}})]


def test_what_the_database_computes_is_told_as_its_result(session: Session, told: Told) -> None:
    session.get_one(User, 1).x = User.x + 1  # type: ignore[assignment]
    session.commit()
    assert told() == [("user-updated", {"x": 1}, {"x": 2})]


def test_what_nobody_wants_to_hear_is_left_out(session: Session, told: Told) -> None:
    user = session.get_one(User, 1)
    user.changed_at = 1
    session.commit()
    assert told() == []
    user.changed_at, user.x = 2, 2
    session.commit()
    assert told() == [("user-updated", {"x": 1}, {"x": 2})]


def test_a_subclass_in_two_tables_is_one_record(session: Session, told: Told) -> None:
    session.add(Admin(id=5, x=1, level=1))
    session.commit()
    told()
    admin = session.get_one(Admin, 5)
    admin.x, admin.level = 2, 3
    session.commit()
    assert told() == [("admin-updated", {"level": 1, "x": 1}, {"level": 3, "x": 2})]


def test_merge_of_an_existing_row_is_one_update(session: Session, told: Told) -> None:
    session.merge(User(id=1, x=9, card="1111222233334444"))
    session.commit()
    assert told() == [("user-updated", {"x": 1}, {"x": 9})]


def test_statements_of_many_rows_are_told_row_by_row(session: Session, told: Told) -> None:
    session.execute(insert(User), [{"id": n, "x": n % 2} for n in range(10, 14)])
    session.commit()
    assert [after for _, _, after in told()] == [{"id": n, "x": n % 2} for n in range(10, 14)]
    session.execute(update(User).where(User.id >= 10).values(x=1))
    session.commit()
    assert told() == [("user-updated", {"x": 0}, {"x": 1})] * 2
    session.execute(delete(User).where(User.id == 10))
    session.rollback()
    session.execute(delete(User).where(User.id == 11))
    session.commit()
    assert told() == [("user-deleted", {"id": 11, "x": 1, "card": None}, {})]


def test_a_statement_of_very_many_rows_is_one_record_with_their_number(
    session: Session, told: Told, audit_records: Any
) -> None:
    session.execute(insert(User), [{"x": 0} for _ in range(1200)])
    session.commit()
    audit_records.clear()
    session.execute(update(User).values(x=1))
    session.commit()
    assert audit_records.one(action="user-bulk-updated")["changes"]["count"] == 1201


def test_what_cannot_be_audited_is_refused_unless_one_says_so(session: Session, told: Told) -> None:
    statement = upsert(User).values(id=1, x=5).on_conflict_do_update(["id"], set_={"x": 5})
    with pytest.raises(
        audit_lib.CaptureError, match=r"use session.merge\(\), or set execution_opt"
    ):
        session.execute(statement)
    session.execute(statement, execution_options={"audit": False})
    session.commit()
    assert told() == []
    with pytest.raises(audit_lib.CaptureError, match="is not mapped"):
        audit_models(str, logger=audit)


@pytest.mark.parametrize(
    ("work", "advice"),
    [
        (lambda s: s.execute(update(User.__table__).values(x=5)), "use User in it"),
        (lambda s: s.execute(delete(Admin.__table__)), "use Admin in it"),
        (lambda s: s.execute(insert(User.__table__), [{"id": 9}]), "use User in it"),
        (
            lambda s: s.execute(insert(links), {"user_id": 1, "tag_id": 1}),
            "add or remove objects in User.tags",
        ),
        (lambda s: s.bulk_save_objects(iter([Other(id=8), User(id=9)])), "add_all"),
        (lambda s: s.bulk_insert_mappings(User, [{"id": 9}]), r"insert\(User\)"),
        (lambda s: s.bulk_insert_mappings(User.__mapper__, [{"id": 9}]), r"insert\(User\)"),
        (lambda s: s.bulk_update_mappings(Admin, [{"id": 1, "level": 5}]), r"update\(Admin\)"),
    ],
)
def test_what_goes_past_the_session_is_refused(
    work: Callable[[Session], Any], advice: str, session: Session, told: Told
) -> None:
    with pytest.raises(audit_lib.CaptureError, match=advice):
        work(session)
    session.commit()
    assert told() == []
    assert session.scalars(select(Other.id)).all() == [1]


def test_what_goes_past_the_session_may_when_one_says_so(session: Session, told: Told) -> None:
    session.execute(update(User.__table__).values(x=5), execution_options={"audit": False})
    session.execute(insert(links), {"user_id": 1, "tag_id": 1}, execution_options={"audit": False})
    session.bulk_save_objects(iter([Other(id=8)]))
    session.bulk_insert_mappings(Other.__mapper__, [{"id": 9}])
    session.execute(insert(Other.__table__), [{"id": 10}])
    session.commit()
    assert told() == []
    assert session.scalars(select(Other.id)).all() == [1, 8, 9, 10]
    assert session.get_one(User, 1).x == 5


def test_other_models_are_nobodys_business(session: Session, told: Told) -> None:
    session.delete(session.get_one(Other, 1))
    session.execute(update(Other).values(id=5))
    session.commit()
    assert told() == []


def test_who_and_where_are_those_of_the_commit(session: Session, audit_records: Any) -> None:
    with audit_lib.context(user={"id": "7"}):
        session.get_one(User, 1).x = 2
        session.commit()
    [record] = audit_records
    assert record["user"] == {"id": "7"}
    assert record["changes"]["record_id"] == "1"
    assert record["message"] == "user 1 updated"
    assert record["log"]["origin"]["file"]["name"] == "test_sqlalchemy.py"
    assert record["log"]["origin"]["function"] == "test_who_and_where_are_those_of_the_commit"


def test_asynchronous_sessions_are_the_same(told: Told) -> None:
    pytest.importorskip("aiosqlite")
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    async def work() -> None:
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            session.add(User(id=1, x=1))
            await session.commit()
            user = await session.get_one(User, 1)
            user.x = User.x + 1  # type: ignore[assignment]
            await session.commit()
            await session.execute(update(User).values(x=9))
            await session.rollback()
        await engine.dispose()

    asyncio.run(work())
    assert [action for action, *_ in told()] == ["user-created", "user-updated"]


def test_a_released_model_is_audited_no_more_and_the_listening_ends() -> None:
    """In a process of its own, because the other tests keep their listeners."""
    program = """
import audit_lib, json
from sqlalchemy import create_engine, event, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from audit_lib.capture import sqlalchemy as capture

class Base(DeclarativeBase): pass
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    x: Mapped[int]
class Special(User): pass
class Other(Base):
    __tablename__ = "others"
    id: Mapped[int] = mapped_column(primary_key=True)

plain = {name: getattr(Session, name) for name in capture._REFUSED}
audit = audit_lib.get_logger("orm").audit
engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
capture.audit_models(User, logger=audit)
capture.release_models(Other)  # never audited: ignored
with Session(engine) as session:
    session.add(User(id=1, x=1)); session.flush()
    capture.release_models(User)
    session.get_one(User, 1).x = 2
    session.execute(update(User).values(x=3))
    session.add(Special(id=2, x=1))
    session.commit()
assert not event.contains(User.x, "set", capture._loads_the_old_value)
assert not event.contains(Session, "after_flush", capture.after_flush)
assert not event.contains(Session, "do_orm_execute", capture.execute)
assert plain == {name: getattr(Session, name) for name in plain}
for _ in range(2):
    capture.audit_models(User, logger=audit)
with Session(engine) as session:
    session.get_one(User, 1).x = 4
    session.commit()
capture.release_models()
with Session(engine) as session:
    session.get_one(User, 1).x = 5
    session.commit()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines() if line]
    changes = [each["changes"] for each in documents if "changes" in each]
    assert [(each["before"], each["after"]) for each in changes] == [
        ({}, {"id": 1, "x": 1}),
        ({"x": 3}, {"x": 4}),
    ]
