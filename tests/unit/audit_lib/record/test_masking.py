"""Sensitive values: that they changed is written, the values are not, wherever they are."""

import dataclasses
import io
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import attrs
import pydantic
import pytest
import sqlalchemy.orm

import audit_lib
from audit_lib import Drop, Hash, Mask
from audit_lib._record.masking import Masking

Lines = Callable[[], list[dict[str, Any]]]
KEY = b"sixteen bytes or more"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


@pytest.mark.parametrize(
    "name",
    [
        "password", "userPassword", "PASSWD", "api_key", "apiKey", "X-Api-Key", "authorization",
        "Authorization", "access_token", "refreshToken", "client_secret", "card", "card_number",
        "creditCardNumber", "ssn", "cvv", "pin", "pinCode", "set-cookie", "db_credentials",
        "private_key", "otp", "pwd",
    ],
)  # fmt: skip
def test_names_that_are_known_to_be_sensitive(name: str) -> None:
    assert Masking().rule((name,)) is not None


@pytest.mark.parametrize(
    "name",
    ["name", "email", "phone", "secretary", "discard", "shipping", "author", "key", "monkey", "id"],
)
def test_names_that_only_look_like_it(name: str) -> None:
    assert Masking().rule((name,)) is None


def test_a_sensitive_change_is_written_without_its_values(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.audit.record_updated(
        "Password of Li set to hunter2",
        "user",
        {"password": "swordfish", "token": None, "n": 1},
        {"password": "hunter2", "token": "tok-1234", "n": 1, "login": {"pin": 4711}},
    )
    text = capsys.readouterr().out
    line = json.loads(text)
    assert line["changes"] == {
        "record_type": "user",
        "before": {"password": "***", "token": None},
        "after": {"password": "***", "token": "***", "login": {"pin": "***"}},
        "fields": {"password": "updated", "token": "updated", "login": "added"},
        "notes": {
            "password": "masked", "token": "masked", "login.pin": "masked", "$.message": "masked",
        },
    }  # fmt: skip
    assert line["message"] == "Password of Li set to ***"
    assert not any(secret in text for secret in ("swordfish", "hunter2", "tok-1234", "4711"))


def test_a_secret_in_any_place_of_the_record_is_hidden(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    dsn, bearer = "postgres://u:pw-in-url@h/db", "Bearer abc.def"
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
    try:
        raise ValueError(f"no connection to {dsn} with password='inline-pw'")
    except ValueError:
        with audit_lib.context(http={"request": {"headers": {"Authorization": bearer}}}):
            logger.audit.record_updated(
                f"tried {dsn} and {bearer}, token: colon-token, AKIAABCDEFGHIJKLMNOP",
                "user",
                {},
                {"extra": {"dsn": dsn, "Authorization": bearer}, "urls": [dsn], "note": jwt},
                exc_info=True,
                target={"id": 1, "api_key": "target-key"},
                extra={"cookie": "session-cookie", "list": [{"secret": "listed"}]},
            )
    text = capsys.readouterr().out
    for secret in ("pw-in-url", "abc.def", "inline-pw", "colon-token", "AKIA", "eyJ", "target-key",
                   "session-cookie", "listed"):  # fmt: skip
        assert secret not in text
    line = json.loads(text)
    after = line["changes"]["after"]
    assert after["extra"] == {"dsn": "postgres://u:***@h/db", "Authorization": "***"}
    assert line["http"]["request"]["headers"] == {"Authorization": "***"}
    assert line["changes"]["notes"] | {
        "extra.dsn": "masked", "extra.Authorization": "masked", "urls.0": "masked",
        "note": "masked", "$.message": "masked", "$.error.message": "masked",
        "$.error.stack_trace": "masked", "$.user.target.api_key": "masked", "$.cookie": "masked",
        "$.list.0.secret": "masked", "$.http.request.headers.Authorization": "masked",
    } == line["changes"]["notes"]  # fmt: skip
    assert list(line).index("event") < list(line).index("changes")


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [
        (Mask(), "anything", "***"),
        (Mask(keep=4), "4111111111119010", "***9010"),
        (Mask(keep=4), "12345678901", "***"),
        (Mask(keep=1), "7", "***"),
        (Mask(keep=4), 123456789012, "***"),
        (Mask(keep=4), {"a": 1}, "***"),
        (Mask(keep=4), None, None),
        (Mask(keep=4), "", "***"),
        (Hash(), None, None),
    ],
)
def test_what_a_rule_shows(rule: Any, value: Any, shown: Any) -> None:
    assert rule.shown(value, KEY) == shown


def test_a_keyed_hash_matches_equal_values_of_any_kind() -> None:
    values: list[Any] = ["7", 7, True, False, 1.5, {"a": [1]}, [7]]
    hashes = [Hash().shown(value, KEY) for value in values]
    assert hashes == [Hash().shown(value, KEY) for value in values]
    assert len(set(hashes)) == len(values)
    assert all(text.startswith("hmac:") and len(text) == 37 for text in hashes)
    assert Hash().shown("7", b"another key of 16 bytes") != hashes[0]
    assert Hash().shown("7", None) == "***"


def test_names_and_paths_have_the_rule_that_is_said(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    audit_lib.configure(
        sensitive={"IBAN": Mask(keep=4), "salary": Hash(), "home.street": Drop(), "pin": None},
        hash_key=KEY,
    )
    state = {
        "iban": "ES9121000418450200051332", "salary": 50_000, "pin": "ABC",
        "home": {"street": "Rúa 1", "city": "Vigo"}, "street": "kept",
    }  # fmt: skip
    logger.audit.record_created("made", "user", state)
    logger.audit.record_updated("x", "user", {"salary": 1}, {"salary": 50_000})
    made, updated = lines()
    after = made["changes"]["after"]
    assert after["iban"] == "***1332"
    assert after["pin"] == "ABC"
    assert after["home"] == {"city": "Vigo"}
    assert after["street"] == "kept"
    assert made["changes"]["fields"]["home"] == "added"
    assert made["changes"]["notes"] == {
        "iban": "masked", "salary": "hashed", "home.street": "dropped",
    }  # fmt: skip
    assert updated["changes"]["after"]["salary"] == after["salary"]


def test_a_sensitive_object_is_one_value(logger: audit_lib.AppLogger, lines: Lines) -> None:
    logger.audit.record_updated(
        "x", "user", {"secrets": {"a": 1, "b": 2}}, {"secrets": {"a": 1, "b": 3}}
    )
    assert lines()[0]["changes"] == {
        "record_type": "user", "before": {"secrets": "***"}, "after": {"secrets": "***"},
        "fields": {"secrets": "updated"}, "notes": {"secrets": "masked"},
    }  # fmt: skip


@dataclasses.dataclass
class AsDataclass:
    number: Annotated[str, Mask(keep=4)]
    plan: str


@attrs.define
class AsAttrs:
    number: Annotated[str, Mask(keep=4)]
    plan: str


class AsPydantic(pydantic.BaseModel):
    number: Annotated[str, Mask(keep=4)] | None
    plan: str


class Base(sqlalchemy.orm.DeclarativeBase):
    pass


class AsRow(Base):
    __tablename__ = "accounts"
    id: sqlalchemy.orm.Mapped[int] = sqlalchemy.orm.mapped_column(primary_key=True)
    number: sqlalchemy.orm.Mapped[Annotated[str, Mask(keep=4)]]
    plan: sqlalchemy.orm.Mapped[str]


@dataclasses.dataclass
class Hashed:
    tax_id: Annotated[str, Hash()]


class Holder(pydantic.BaseModel):
    accounts: list[AsPydantic]


@pytest.mark.parametrize("kind", [AsDataclass, AsAttrs, AsPydantic, AsRow])
def test_an_annotation_makes_a_field_sensitive(
    logger: audit_lib.AppLogger, lines: Lines, kind: Any
) -> None:
    old, new = kind(number="111122223333", plan="a"), kind(number="111122224444", plan="a")
    logger.audit.record_updated("x", "account", old, new)
    logger.audit.record_updated("x", "account", {"in": [old]}, {"in": [new]})
    logger.audit.record_updated("x", "account", old, old)
    first, second = lines()
    assert first["changes"]["before"] == {"number": "***3333"}
    assert first["changes"]["after"] == {"number": "***4444"}
    assert first["changes"]["notes"] == {"number": "masked"}
    assert second["changes"]["after"]["in"][0]["number"] == "***4444"


def test_an_annotation_inside_a_model_inside_a_list_counts(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    for handler in (root := logging.getLogger()).handlers[
        :
    ]:  # pytest's own setting fails such a test
        root.removeHandler(handler)
    holder = Holder(accounts=[AsPydantic(number="111122223333", plan="a")])
    logger.audit.record_created("%s", "holder", holder, holder.accounts)
    logger.audit.info("%d", AsDataclass("111122223333", "a"))
    made, misfit = lines()
    assert made["changes"]["after"]["accounts"][0]["number"] == "***3333"
    assert "2222" not in str(misfit["extra"])


def test_an_annotated_hash_without_a_key_is_masked_and_says_so(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_created("x", "person", Hashed("12345678Z"))
    audit_lib.configure(hash_key=KEY)
    logger.audit.record_created("x", "person", Hashed("12345678Z"))
    masked, hashed = (line["changes"] for line in lines())
    assert (masked["after"], masked["notes"]) == ({"tax_id": "***"}, {"tax_id": "masked"})
    assert hashed["after"]["tax_id"].startswith("hmac:")
    assert hashed["notes"] == {"tax_id": "hashed"}


def test_what_cannot_be_read_is_noted(logger: audit_lib.AppLogger, lines: Lines) -> None:
    class Broken:
        __slots__ = ()

        def __repr__(self) -> str:
            return "broken"

        @property
        def id(self) -> int:
            raise RuntimeError("no id today")

    logger.audit.record_created("x", "thing", {"v": {"w": Broken()}, "n": 1})
    assert lines()[0]["changes"]["notes"] == {"v.w": "unreadable"}


def test_no_handler_of_anybody_else_gets_what_was_withheld(logger: audit_lib.AppLogger) -> None:
    kept: list[logging.LogRecord] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    logger.audit.addHandler(Keeping())
    logger.audit.record_updated(
        "x", "user", {}, {"password": "hunter2"}, extra={"token": "tok-1234"}
    )
    [record] = kept
    assert b"hunter2" not in pickle.dumps(record)
    assert b"tok-1234" not in pickle.dumps(record)
    assert "hunter2" not in repr(vars(record))
    again = audit_lib.AuditFormatter().format(pickle.loads(pickle.dumps(record)))
    assert json.loads(again)["changes"]["notes"] == {"password": "masked", "$.token": "masked"}


@pytest.mark.parametrize(
    "said",
    [
        {"msg": "now {}"}, {"reason": "{}"}, {"record_id": "{}"}, {"action": "set-{}"},
        {"extra": {"note": ["{}"]}}, {"extra": {"labels": {"a": "{}"}}},
        {"after": {"note": "{}"}}, {"msg": "%d of them", "args": ["{}"]},
    ],
    ids="-".join,
)  # fmt: skip
@pytest.mark.parametrize("secret", ["swordfish-1", 'quo"ted\\', "Schlüssel"])
def test_a_withheld_value_is_written_nowhere_else(
    logger: audit_lib.AppLogger,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, Any],
    secret: str,
) -> None:
    said = json.loads(json.dumps(said).replace("{}", json.dumps(secret)[1:-1]))
    msg, user = said.pop("msg", "changed"), said.pop("context", {"id": "1"})
    args = said.pop("args", ())
    # pytest's `caplog` handler fails for arguments that do not fit their message.
    monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])
    after = {"password": secret, **said.pop("after", {})}
    with audit_lib.context(user=user):
        logger.audit.record_updated(msg, "user", {}, after, *args, **said)
    text = json.dumps(lines(), ensure_ascii=False)
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in text
    assert text.count("***") >= 2


def test_a_plain_record_is_not_searched_for_secrets(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one whose sensitive field changed: a search would double the time of a record."""
    monkeypatch.setattr("audit_lib._output.handler.scrubbed", pytest.fail)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    logger.audit.record_updated("x", "user", {"password": "a" * 9}, {"password": "b" * 9, "n": 1})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"sensitive": {"a": "mask"}}, "sensitive: a: found str; write Mask(), Hash(), Drop()"),
        ({"sensitive": {"a": Hash()}}, "sensitive: a: found Hash() without a key; add hash_key="),
        ({"hash_key": b"short"}, "hash_key: found 5 bytes; write 16 or more"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(audit_lib.ConfigurationError) as refused:
        audit_lib.configure(**given)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "piece",
    ["x", "1", " ", "x=", "eyJ-", "eyJ.", "eyJx.eyJ", "://", "a://b:", "a+", "bearer ", "token ",
     "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "AKIA", "a.eyJ", "aaaaaaaa.eyJ.", "password="],
)  # fmt: skip
def test_a_long_text_of_anybodys_choosing_takes_no_longer_than_its_length(
    piece: str, logger: audit_lib.AppLogger, lines: Lines
) -> None:
    # If one of the patterns were quadratic, this would take hours instead of a second.
    logger.audit.event(
        "bearer abc", action="tried", extra={"body": piece * (1_000_000 // len(piece))}
    )
    assert len(lines()) == 1
