"""Objects of the usual libraries as states: SQLAlchemy, Django, pydantic; lists by key."""

from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from django.conf import settings
from pydantic import BaseModel
from sqlalchemy import ForeignKey, String, create_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    deferred,
    mapped_column,
    relationship,
)

import audit_lib
from audit_lib._record.changes import changes_between
from audit_lib._record.masking import Masking
from audit_lib._record.plain import plain_fields

Lines = Callable[[], list[dict[str, Any]]]


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    phone: Mapped[str | None]
    biography: Mapped[str | None] = deferred(mapped_column(String))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    team: Mapped[Team | None] = relationship()


class Point(MappedAsDataclass, Base):
    __tablename__ = "point"
    x: Mapped[int] = mapped_column(primary_key=True)
    teams: Mapped[list[Team]] = relationship(
        default_factory=list, primaryjoin="foreign(Team.id) == Point.x", viewonly=True
    )


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def test_columns_are_the_fields_of_an_sqlalchemy_object(session: Session) -> None:
    person = Person(id=1, name="Li", team=Team(id=4), biography="long")
    assert plain_fields(person) == {"id": 1, "name": "Li", "biography": "long"}
    session.add(person)
    session.commit()
    expected = {"id": 1, "name": "Li", "phone": None, "team_id": 4}
    # A commit expires what was loaded: loaded columns are read again, deferred ones are not.
    assert plain_fields(person).items() >= expected.items()
    session.expunge_all()
    again = session.get(Person, 1)
    assert plain_fields(again) == expected
    session.add(Point(x=3))
    session.commit()
    assert plain_fields(session.get(Point, 3)) == {"x": 3}


def test_what_cannot_be_read_is_named_and_its_neighbours_stay(session: Session) -> None:
    person = Person(id=1, name="Li")
    session.add(person)
    session.commit()
    session.close()
    fields = plain_fields(person)
    assert set(fields) >= {"id", "name", "phone"}
    assert fields["name"].startswith("<unread: DetachedInstanceError")


def test_track_over_a_commit(session: Session, logger: audit_lib.AppLogger, lines: Lines) -> None:
    person = Person(id=1, name="Li", phone="+34")
    session.add(person)
    session.commit()
    with logger.audit.track("x", "user", person, record_id=person.id):
        person.phone = "+35"
        session.commit()
    [line] = lines()
    assert line["changes"]["before"] == {"phone": "+34"}
    assert line["changes"]["after"] == {"phone": "+35"}


@pytest.fixture(scope="module")
def account() -> Any:
    """A Django model, in a project without other settings."""
    if not settings.configured:
        settings.configure(INSTALLED_APPS=[], DATABASES={})
        django.setup()
    from django.db import models

    class Account(models.Model):  # noqa: DJ008 - it is not printed
        name = models.CharField(max_length=10)
        owner = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

        class Meta:
            app_label = "shop"

    return Account


def test_columns_are_the_fields_of_a_django_object(account: Any) -> None:
    one = account(id=1, name="Li", owner_id=7)
    assert plain_fields(one) == {"id": 1, "name": "Li", "owner_id": 7}
    del one.__dict__["name"]  # like `.only()` and `.defer()`
    assert plain_fields(one) == {"id": 1, "owner_id": 7}


def test_a_pydantic_model_is_compared_by_its_fields() -> None:
    class Order(BaseModel):
        total: int
        lines: list[dict[str, Any]] = []

    found = changes_between(Order(total=1), Order(total=2), Masking())
    assert found["fields"] == {"total": "updated"}


BEFORE = {"order": {"lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 1}], "tags": ["x"]}}
AFTER = {"order": {"lines": [{"sku": "b", "n": 2}, {"sku": "c", "n": 1}], "tags": ["x", "y"]}}


def test_lists_are_compared_as_a_whole_unless_their_elements_have_a_key() -> None:
    assert changes_between(BEFORE, AFTER, Masking())["fields"] == {
        "order": {"lines": "updated", "tags": "updated"}
    }
    found = changes_between(BEFORE, AFTER, Masking(), {"order.lines": "sku", "order.tags": None})
    assert found == {
        "before": {
            "order": {"lines": {"a": {"sku": "a", "n": 1}, "b": {"n": 1}}, "tags": {}},
        },
        "after": {
            "order": {"lines": {"b": {"n": 2}, "c": {"sku": "c", "n": 1}}, "tags": {"1": "y"}},
        },
        "fields": {
            "order": {
                "lines": {"a": "removed", "b": {"n": "updated"}, "c": "added"},
                "tags": {"1": "added"},
            }
        },
    }


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([{"sku": "a"}, {"sku": "a"}], {"a", "a (1)"}),
        ([{"sku": "a"}, {"other": 1}, "text"], {"a", "1", "2"}),
        ("no list", None),
    ],
)
def test_elements_without_a_key_of_their_own_stay(lines: Any, names: set[str] | None) -> None:
    found = changes_between({}, {"lines": lines}, Masking(), {"lines": "sku", "none.there": "x"})
    assert (set(found["after"]["lines"]) if names else found["after"]["lines"]) == (names or lines)
    assert BEFORE["order"]["tags"] == ["x"]


def test_a_verb_takes_the_keys(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.record_updated("x", "order", BEFORE, AFTER, by_key={"order.tags": None})
    [line] = lines()
    assert line["changes"]["fields"]["order"]["tags"] == {"1": "added"}
    assert isinstance(BEFORE["order"]["tags"], list), "the caller's own list is as it was"
