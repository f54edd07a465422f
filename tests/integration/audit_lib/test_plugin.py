"""`audit_lib.testing`, used as in the tests of a team: in a separate run of pytest."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, *options: str, **files: str) -> tuple[int, str]:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        capture_output=True, text=True, check=False, cwd=folder, timeout=100,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


RECORDS = """
import threading
import audit_lib
audit = audit_lib.get_logger("shop").audit

def act():
    audit.record_updated("Phone changed", "user", {"phone": "1", "n": 0}, {"phone": "2", "n": 1},
                         record_id=7, target={"id": "7"})
    audit.event("Signed in", action="login", category="authentication", type="start")

def test_one_and_all_and_none(audit_records):
    act()
    assert audit_records.one(action="login")["message"] == "Signed in"
    changed = audit_records.one(record_type="user", after={"phone": "2"}, target={"id": "7"})
    assert changed["changes"]["fields"] == {"phone": "updated", "n": "updated"}
    assert audit_records.one({"changes.before.phone": "1"}, type=["user", "change"]) is changed
    assert len(audit_records.all(outcome="success")) == len(audit_records) == 2
    audit_records.none(action="logout")
    audit_records.clear()
    audit_records.none()

def test_of_another_thread_and_no_other_logger(audit_records):
    import logging
    logging.getLogger("x").warning("ordinary")
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert [each["event"]["action"] for each in audit_records] == ["user-updated", "login"]

def test_true_is_not_one(audit_records):
    act()
    audit_records.none(after={"n": True})

def test_nearly(audit_records):
    act()
    audit_records.one(action="user-updated", after={"phone": "3"})

def test_unwanted(audit_records):
    act()
    audit_records.none(action="login")

def test_nothing(audit_records):
    audit_records.one(action="login")
"""


def test_the_fixture_finds_records_and_says_what_differs(tmp_path: Path) -> None:
    status, said = run(tmp_path, test_records=RECORDS)
    assert status == 1
    assert "3 failed, 3 passed" in said
    assert (
        "expected one audit record, found none, with event.action = 'user-updated', "
        "changes.after = {'phone': '3'}\n"
        "audit records:\n"
        "  user-updated: 'Phone changed' (user 7)\n"
        "      changes.after: expected {'phone': '3'}, found {'phone': '2', 'n': 1}\n"
    ) in said
    assert "expected no such audit record, found:\n  login: 'Signed in'" in said
    assert "no audit records were written" in said


INI = "[pytest]\naudit_sensitive =\n    users.phone\n    accounts\n"

SHOP = """
import audit_lib
from sqlalchemy import create_engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

audit = audit_lib.get_logger("shop").audit
engine = create_engine("sqlite://")

class Base(DeclarativeBase): ...
class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str]
    nick: Mapped[str] = mapped_column(default="")

def before_commit(phone):
    with Session(engine) as session:
        user = session.get(User, 1)
        audit.record_updated("x", "user", {"phone": user.phone}, {"phone": phone})
        user.phone = phone
        session.commit()

def after_commit(phone):
    with Session(engine) as session:
        session.get(User, 1).phone = phone
        session.commit()
    audit.record_updated("x", "user", {}, {"phone": phone})

def silent(phone):
    with Session(engine) as session:
        session.get(User, 1).phone = phone
        session.commit()  # the place

def nickname(nick):
    with Session(engine) as session:
        session.get(User, 1).nick = nick
        session.commit()

def rolled_back(phone):
    with Session(engine) as session:
        session.execute(text("UPDATE users SET phone = 'x'"))
        session.rollback()

def half(phone):
    with Session(engine) as session:
        nested = session.begin_nested()
        session.execute(text("UPDATE users SET phone = 'x'"))
        nested.rollback()
        session.get(User, 1).nick = phone
        session.commit()
"""

SHOP_TESTS = """
import pytest
import shop

@pytest.fixture(autouse=True)
def data():
    shop.Base.metadata.drop_all(shop.engine)
    shop.Base.metadata.create_all(shop.engine)
    with shop.Session(shop.engine) as session:
        session.add(shop.User(id=1, phone="0"))
        session.commit()

@pytest.mark.parametrize("act", [shop.before_commit, shop.after_commit, shop.nickname,
                                 shop.rolled_back, shop.half])
def test_good(act): act("1")
"""


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_the_change_that_nobody_audited_is_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "pytest.ini").write_text(INI)
    status, said = run(tmp_path, "--audit-coverage", *options, shop=SHOP, test_shop=SHOP_TESTS)
    assert status == 0, said
    assert "NOT AUDITED" not in said
    assert "2 places change sensitive columns, 0 of them without" in said
    bad = SHOP_TESTS + "\ndef test_bad():\n    shop.before_commit('1')\n    shop.silent('2')\n"
    status, said = run(tmp_path, "--audit-coverage", *options, shop=SHOP, test_shop=bad)
    line = 1 + SHOP.splitlines().index("        session.commit()  # the place")
    assert status == 1
    assert f"shop.py:{line}: UPDATE users (phone): NOT AUDITED, in test_shop.py::test_bad" in said
    assert "3 places change sensitive columns, 1 of them without" in said
    status, said = run(tmp_path, *options, shop=SHOP, test_shop=bad)
    assert status == 0
    assert "audit coverage" not in said


def test_without_anything_sensitive_it_says_what_to_add(tmp_path: Path) -> None:
    status, said = run(tmp_path, "--audit-coverage", test_x="def test_x(): ...")
    assert status == 4
    assert 'audit_sensitive = ["users.phone", "accounts"]' in said


DJANGO = """
import django
from django.conf import settings
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
)
django.setup()
import audit_lib
from django.contrib.auth.models import User
from django.db import transaction
audit = audit_lib.get_logger("shop").audit

def good(name):
    with transaction.atomic():
        User.objects.filter(id=1).update(email=name)
        audit.record_updated("x", "user", {}, {"email": name})

def silent(name):
    User.objects.filter(id=1).update(email=name)  # the place

def silent_atomic(name):
    with transaction.atomic():
        silent(name)

def rolled_back(name):
    try:
        with transaction.atomic():
            silent(name)
            raise KeyError
    except KeyError:
        pass
"""

DJANGO_TESTS = """
import shop
from django.core.management import call_command
from django.test import TestCase, TransactionTestCase

def setUpModule():
    call_command("migrate", verbosity=0)

class Data:
    def setUp(self):
        shop.User.objects.create(id=1, username="ana")

class Wrapped(Data, TestCase):
    def test_good(self):
        shop.good("a")
        shop.rolled_back("b")
    BAD

class Real(Data, TransactionTestCase):
    def test_good(self):
        shop.good("a")
        shop.rolled_back("b")
    BAD
"""


def test_django_is_watched_in_both_kinds_of_its_tests(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naudit_sensitive = auth_user.email\n")
    good = DJANGO_TESTS.replace("BAD", "")
    status, said = run(tmp_path, "--audit-coverage", shop=DJANGO, test_shop=good)
    assert status == 0, said
    assert "1 places change sensitive columns, 0 of them without" in said
    worse = DJANGO_TESTS.replace(
        "BAD", "def test_bad(self):\n        shop.silent_atomic('c')\n        shop.good('d')"
    )
    status, said = run(tmp_path, "--audit-coverage", shop=DJANGO, test_shop=worse)
    line = 1 + DJANGO.splitlines().index(
        "    User.objects.filter(id=1).update(email=name)  # the place"
    )
    assert status == 1, said
    assert f"shop.py:{line}: UPDATE auth_user (email): NOT AUDITED, in test_shop.py::" in said
    for kind in ("Wrapped", "Real"):
        _, said = run(tmp_path, "--audit-coverage", "-k", f"{kind} and bad")
        assert f"NOT AUDITED, in test_shop.py::{kind}::test_bad" in said
