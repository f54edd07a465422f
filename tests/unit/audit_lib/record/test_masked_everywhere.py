"""Declared masks hold in any nesting, and no part of a record is written without being searched."""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import attrs
import msgspec
import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import TypedDict

import audit_lib
from audit_lib import Mask
from audit_lib._record.masking import Masking
from audit_lib._record.secrets import Redactions, has_secret, scrubbed

Lines = Callable[[], list[dict[str, Any]]]
IBAN = "ES9121000418450200051332"
Iban = Annotated[str, Mask(keep=4)]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


class Model(BaseModel):
    iban: Iban


class Aliased(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)
    iban: Iban = Field(alias="accountNumber")


@dataclasses.dataclass
class Data:
    iban: Iban


@attrs.define
class Attrs:
    iban: Iban


class Struct(msgspec.Struct):
    iban: Iban


class Tuple(NamedTuple):
    iban: Iban


class Typed(TypedDict):
    iban: Iban


class TypedAround(TypedDict):
    accounts: list[Typed]


class ByName(BaseModel):
    accounts: dict[str, Model]


class Lists(BaseModel):
    accounts: list[list[Model]]


class Root(RootModel[dict[str, Model]]):
    pass


class RootList(RootModel[list[Model]]):
    pass


class Rooted(BaseModel):
    accounts: Root
    listed: RootList


class WithTyped(BaseModel):
    accounts: dict[str, list[Typed]]


class WithData(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    data: list[Data]
    attributes: Any = None


@dataclasses.dataclass
class DataWithTyped:
    around: TypedAround
    one: Typed | None = None


@dataclasses.dataclass
class DataOf:
    value: Any


NESTED = {
    "dict of models": ByName(accounts={"a": Model(iban=IBAN)}),
    "lists of lists of models": Lists(accounts=[[Model(iban=IBAN)], []]),
    "root model": Root({"a": Model(iban=IBAN)}),
    "root model of a list": RootList([Model(iban=IBAN)]),
    "root models in a model": Rooted(
        accounts=Root({"a": Model(iban=IBAN)}), listed=RootList([Model(iban=IBAN)])
    ),
    "alias": Aliased(iban=IBAN),
    "alias in containers": {"a": [(Aliased(iban=IBAN),)]},
    "typed dicts in a model": WithTyped(accounts={"a": [{"iban": IBAN}]}),
    "typed dicts in a dataclass": DataWithTyped({"accounts": [{"iban": IBAN}]}, {"iban": IBAN}),
    "dataclasses in a model": WithData(data=[Data(IBAN)], attributes=Attrs(IBAN)),
    "attrs in a dataclass": DataOf({"x": [Attrs(IBAN)]}),
    "a struct in attrs": DataOf(Struct(IBAN)),
    "a tuple in a struct": [Struct(IBAN), {"a": Tuple(IBAN)}],
    "a dataclass in a set": DataOf(
        dataclasses.make_dataclass("D", [("i", Iban)], frozen=True)(IBAN)
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_declared_mask_holds_in_any_nesting(
    name: str, logger: audit_lib.AppLogger, lines: Lines
) -> None:
    logger.audit.record_created(f"Account {IBAN}", "account", {"v": NESTED[name]})
    logger.audit.record_created("x", "account", NESTED[name])
    logger.audit.event("x", action="a", extra={"v": NESTED[name]})
    with audit_lib.context(v={"w": NESTED[name]}):
        logger.audit.info("x")
    for line in lines():
        text = json.dumps(line)
        assert IBAN not in text
        assert "***1332" in text
        assert "masked" in line["changes"]["notes"].values()


FUTURE = """
from __future__ import annotations
import dataclasses
from typing import TYPE_CHECKING, Annotated, NamedTuple
import attrs
from typing_extensions import TypedDict
from audit_lib import Mask
if TYPE_CHECKING:
    from decimal import Decimal as Money
@dataclasses.dataclass
class Data:
    number: Annotated[str, Mask()]
    price: Money
@attrs.define
class Attrs:
    number: Annotated[str, Mask()] | None
    prices: list[Money]
class Named(NamedTuple):
    number: Annotated[str, Mask()]
class Typed(TypedDict):
    number: Annotated[str, Mask()]
@dataclasses.dataclass
class WithTyped:
    one: Typed
    many: list[Typed]
def local():
    from audit_lib import Mask as Hidden
    @dataclasses.dataclass
    class Local:
        number: Annotated[str, Mask()]
        price: Missing
    return Local
"""


def test_annotations_that_are_texts_are_resolved_one_by_one(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    import sys
    import types

    module = types.ModuleType("future_annotations")
    sys.modules[module.__name__] = module
    exec(compile(FUTURE, "future", "exec", dont_inherit=True), module.__dict__)
    made = module.__dict__
    for value in (
        made["Data"](SECRET, 1), made["Attrs"](SECRET, []), made["Named"](SECRET),
        made["WithTyped"]({"number": SECRET}, [{"number": SECRET}]), made["local"]()(SECRET, 1),
    ):  # fmt: skip
        logger.audit.event("x", action="a", extra={"v": value})
    del sys.modules[module.__name__]
    assert SECRET not in json.dumps(lines())


class Around(BaseModel):
    one: Tuple
    many: list[Any]


def test_what_was_found_by_trying(logger: audit_lib.AppLogger, lines: Lines) -> None:
    audit_lib.configure(sensitive={"iban": Mask(), "home.street": Mask(), "Orders.Note": Mask()})
    audit = logger.audit
    audit.event("x", action="a", extra={"v": Around(one=Tuple(IBAN), many=[Tuple(IBAN)])})
    extra = {"user.iban": SECRET, "user.home.street": SECRET, "user.pass": SECRET}
    audit.event("x", action="a", extra=extra)
    audit.event("x", action="a", extra={"orders": [{"note": SECRET}]})
    items = [{"token": SECRET, "n": 1}], [{"token": SECRET, "n": 2}]
    audit.record_updated("x", "t", {"i": items[0]}, {"i": items[1]}, by_key={"i": "token"})
    audit.record_updated(
        f"pw is {SECRET}-tail", "user", {"password": SECRET}, {"password": f"{SECRET}-tail"}
    )
    audit.event(
        f"Authorization: Bearer {SECRET}", action="a", extra={"oauth": {"token_type": "Bearer"}}
    )
    audit.event("x", action="a", type=f"token={SECRET}")
    audit.event("x", action="a", extra={"related.hosts": [f"postgres://u:{SECRET}@h"]})
    audit.event("x", action="a", reason={"x": json.dumps({"password": SECRET})})
    with audit_lib.context(labels={f"postgres://u:{SECRET}@h": 1}):
        audit.info("x")
    found = lines()
    text = json.dumps(found)
    assert SECRET not in text
    assert IBAN not in text
    assert "tail" not in text


def test_a_secret_that_repeats_who_it_was_hides_nobody(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    with audit_lib.context(user={"id": "1042", "name": "Ana Souza"}, source={"ip": "203.0.113.9"}):
        for secret in ("1042", "Ana Souza", "203.0.113.9"):
            logger.audit.record_updated(
                f"now {secret}", "user", {"password": "x"}, {"password": secret}
            )
    for line in lines():
        assert line["message"] == "now ***"
        assert line["user"] == {"id": "1042", "name": "Ana Souza"}
        assert line["source"] == {"ip": "203.0.113.9"}
        assert line["related"] == {"user": ["1042", "Ana Souza"], "ip": ["203.0.113.9"]}


SECRET = "hunter22-hunter22"
PLACES: dict[str, dict[str, Any]] = {
    "arguments": {"args": ("%d", {"password": SECRET})},
    "reason": {"reason": {"cvv": SECRET}},
    "reason in a list": {"reason": [{"cvv": SECRET}]},
    "record id": {"record_id": {"cvv": SECRET}},
    "record type": {"record_type": {"cvv": SECRET}},
    "action": {"action": {"password": SECRET}},
    "outcome": {"outcome": {"password": SECRET}},
    "target": {"target": {"name": "x", "password": SECRET}},
    "extra": {"extra": {"a": [{"password": SECRET}]}},
    "unknown argument": {"usr": {"password": SECRET}},
    "unknown password": {"password": SECRET},
    "a form in a name": {"extra": {f"password={SECRET}": 1}},
    "a form in an id": {"record_id": f"password={SECRET}"},
    "a form in a type": {"record_type": f"password={SECRET}"},
    "a form in an action": {"action": f"password={SECRET}"},
    "a form in a nested name": {"extra": {"a": {"b": [{f"token: {SECRET}": 1}]}}},
    "exception": {"exc_info": ValueError(f"password={SECRET}")},
    "stack": {"stack_info": True},
    "stacklevel": {"stacklevel": {"password": SECRET}},
}


@pytest.mark.parametrize("place", PLACES)
def test_no_part_of_a_record_is_written_without_being_searched(
    place: str, logger: audit_lib.AppLogger, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest's `caplog` handler fails for arguments that do not fit their message.
    monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])
    given = dict(PLACES[place])
    msg, *args = given.pop("args", ("x",))
    record_type = given.pop("record_type", "user")
    if msg != "x":
        msg = f"x {msg}"
    with (
        pytest.warns(audit_lib.AuditUsageWarning)
        if given.keys() & {"usr", "password"}
        else _nothing()
    ):
        _write(logger, msg, record_type, args, given)
    assert SECRET not in json.dumps(lines())


class _nothing:  # noqa: N801 - as `contextlib.nullcontext`, and warnings are ignored
    def __enter__(self) -> None:
        import warnings

        self.kept = warnings.catch_warnings()
        self.kept.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *error: object) -> None:
        self.kept.__exit__(None, None, None)


def _write(logger: Any, msg: str, record_type: Any, args: Any, given: dict[str, Any]) -> None:
    logger.audit.record_updated(msg, record_type, {"n": 1}, {"n": 2}, *args, **given)


def test_the_service_is_searched(logger: audit_lib.AppLogger, lines: Lines) -> None:
    audit_lib.configure(service={"name": f"password={SECRET}", "token": SECRET})
    logger.audit.info("x")
    [line] = lines()
    assert line["service"] == {"name": "password=***", "token": "***"}
    assert SECRET not in repr(audit_lib.get_config())


@pytest.mark.parametrize(
    "secret",
    ["audit", "user", "2026", "info", "user-updated", "shop", "success", "updated", "change"],
)
def test_a_secret_that_equals_what_the_library_writes_hides_no_record(
    secret: str, logger: audit_lib.AppLogger, lines: Lines
) -> None:
    """Who chooses `audit` as a password does not get past the subscription filter `*.audit`."""
    logger.audit.record_updated(f"now {secret}", "user", {"password": "x"}, {"password": secret})
    [line] = lines()
    assert line["message"] == "now ***"
    assert line["log"]["logger"] == f"{logger.name}.audit"
    assert line["@timestamp"].startswith("20")
    assert line["log.level"] == "info"
    assert {name: line["event"][name] for name in ("action", "outcome", "category", "type")} == {
        "action": "user-updated", "outcome": "success", "category": ["iam"], "type": ["user", "change"],
    }  # fmt: skip
    assert line["changes"]["record_type"] == "user"
    assert line["changes"]["fields"] == {"password": "updated"}


# ── the corpus ─────────────────────────────────────────────────────────────────────────────────

CORPUS = Path(__file__).with_name("secrets_in_text.tsv")


def cases() -> list[tuple[int, str, str, str]]:
    """Return the number of each line of the corpus, what is expected, the secret, and the text."""
    found = []
    for number, line in enumerate(CORPUS.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            expected, secret, text = line.split("\t")
            secret = secret.encode("latin-1", "backslashreplace").decode("unicode_escape")
            text = text.encode("latin-1", "backslashreplace").decode("unicode_escape")
            found.append((number, expected, secret, text))
    return found


def test_the_corpus_has_enough_cases() -> None:
    assert len(cases()) >= 300


@pytest.mark.parametrize(("number", "expected", "secret", "text"), cases())
def test_the_corpus(number: int, expected: str, secret: str, text: str) -> None:
    detect = {"hide-card": ("card",), "keep-card": ("card",), "hide-iban": ("iban",),
              "keep-iban": ("iban",)}.get(expected, ())  # fmt: skip
    if expected in {"hide-name", "keep-name"}:
        assert (Masking().rule((text,)) is not None) is (expected == "hide-name")
        return
    redactions = Redactions()
    shown = scrubbed({"message": text}, redactions, detect)["message"]
    if expected.startswith("hide"):
        assert secret not in shown, shown
        assert "***" in shown
        assert redactions.found_in({"message": text}, detect)
        assert has_secret(text) or detect
    else:
        assert shown == text


@pytest.fixture(params=["without a LogRecord", "with a LogRecord"])
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write directly too, which pytest's own handlers prevent."""
    if request.param == "without a LogRecord":
        monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])


@pytest.mark.usefixtures("_each_way")
@pytest.mark.parametrize(
    "extra",
    [
        {"hosts": {"postgres://app:hunter22@db.example.com/x": "up"}},
        {"my.ghp_hunter22abcdefghij0123456789abcd": 1},
        {"labels.postgres://app:hunter22@db.example.com/x": "up"},
        {"level": "password=hunter22"},
        {"timestamp": {"a": ["password=hunter22"]}},
        {"changes": {"fields": {"a": "password=hunter22"}}},
        {"changes": {"fields": {"password=hunter22": "a"}}},
        {"changes": {"notes": {"a": "password=hunter22"}}},
        {"event": {"reference": "https://u:hunter22@h/x"}},
        {"event.reference": "https://u:hunter22@h/x"},
    ],
)
@pytest.mark.parametrize("way", ["extra", "context", "level method", "rule of a path"])
def test_no_name_and_no_member_of_the_caller_escapes_the_search(
    logger: audit_lib.AppLogger,
    capsys: pytest.CaptureFixture[str],
    extra: dict[str, Any],
    way: str,
) -> None:
    if way == "context":
        with audit_lib.context(**extra):
            logger.audit.record_updated("m", "a", {"b": 1}, {"b": 2})
            logger.audit.event("m", action="a")
    elif way == "level method":
        logger.audit.info("m", extra=extra)
    else:
        if way == "rule of a path":
            audit_lib.configure(sensitive={"home.street": audit_lib.Drop()})
        logger.audit.event("m", action="a", extra=extra)
        logger.audit.record_updated("m", "a", {"b": 1}, {"b": 2}, extra=extra)
    audit_lib.configure()
    written = capsys.readouterr().out
    assert written
    assert "hunter22" not in written


@pytest.mark.usefixtures("_each_way")
def test_a_name_that_a_rule_of_a_path_covers_is_searched_too(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    audit_lib.configure(sensitive={"home.street": None})
    logger.audit.event(
        "m", action="a", extra={"u": {"ghp_hunter22abcdefghij0123456.home.street": 1}}
    )
    audit_lib.configure()
    assert "hunter22" not in capsys.readouterr().out


@pytest.mark.usefixtures("_each_way")
def test_a_secret_that_is_the_word_of_a_change_hides_no_change(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    for extra in (None, {"changes": {"own": "updated"}}):
        logger.audit.record_updated(
            "was updated", "user", {"password": "added"}, {"password": "updated"}, extra=extra
        )
    for line in lines():
        assert line["message"] == "was ***"
        assert line["changes"]["fields"] == {"password": "updated"}
        assert line["changes"].get("own", "***") == "***"


@pytest.mark.usefixtures("_each_way")
@pytest.mark.parametrize("given", ["customer-4711", 4711, 4711.5, True, {"a": 1}, ["b"]])
def test_rules_hold_for_each_argument_that_is_a_text(
    logger: audit_lib.AppLogger, lines: Lines, given: Any
) -> None:
    names = ("record_id", "reason", "idempotency_key")
    arguments: dict[str, Any] = dict.fromkeys(names, given)
    audit_lib.configure(sensitive=dict.fromkeys(names, audit_lib.Drop()))
    logger.audit.record_accessed("m", "user", **arguments)
    audit_lib.configure(sensitive=dict.fromkeys(names, audit_lib.Mask()))
    logger.audit.record_accessed("m", "user", **arguments)
    audit_lib.configure(sensitive={"changes.record_id": audit_lib.Mask(keep=4)})
    logger.audit.record_accessed("m", "user", record_id="customer-4711")
    audit_lib.configure()
    dropped, masked, kept = lines()
    assert "record_id" not in dropped["changes"]
    assert "reason" not in dropped["event"]
    assert "labels" not in dropped
    assert masked["changes"]["record_id"] == masked["event"]["reason"] == "***"
    assert masked["labels"] == {"idempotency_key": "***"}
    for line, note in ((dropped, "dropped"), (masked, "masked")):
        paths = ("$.changes.record_id", "$.event.reason", "$.labels.idempotency_key")
        assert line["changes"]["notes"] == dict.fromkeys(paths, note)
    assert kept["changes"]["record_id"] == "***4711"


class _Changing(audit_lib.AuditHandler):
    """A handler that changes its records."""

    def emit(self, record: logging.LogRecord) -> None:
        _add_secrets(record, "event")
        super().emit(record)


class _ChangingFormatter(audit_lib.AuditFormatter):
    """A formatter that changes its records."""

    def format(self, record: logging.LogRecord) -> str:
        _add_secrets(record, "event")
        return super().format(record)


def _add_secrets(record: Any, where: str) -> bool:
    getattr(record, where)["reference"] = "https://u:hunter22@h/x"
    getattr(record, where)["ghp_hunter22abcdefghij0123456"] = 1
    if where == "changes":
        record.changes["fields"]["x"] = "password=hunter22"
    return True


@pytest.mark.parametrize("where", ["event", "user", "changes"])
@pytest.mark.parametrize("of", ["logger", "handler"])
def test_what_a_filter_of_the_application_adds_is_searched(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str], where: str, of: str
) -> None:
    handler = audit_lib.AuditHandler()
    logger.audit.addHandler(handler)
    filterer = logger.audit if of == "logger" else handler
    filterer.addFilter(lambda record: _add_secrets(record, where))
    with audit_lib.context(user={"id": "7"}):
        logger.audit.record_updated("m", "a", {"b": 1}, {"b": 2})
    written = capsys.readouterr().out
    assert '"reference":"https://u:***@h/x"' in written
    assert "hunter22" not in written


@pytest.mark.parametrize("way", ["handler", "formatter", "logger"])
def test_what_a_class_of_the_application_adds_is_searched(
    logger: audit_lib.AppLogger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    handler = _Changing() if way == "handler" else audit_lib.AuditHandler()
    if way == "formatter":
        handler.setFormatter(_ChangingFormatter())
    logger.audit.addHandler(handler)
    if way == "logger":

        class Own(type(logger.audit)):  # type: ignore[misc]
            """A logger that changes its records."""

            def makeRecord(self, *args: Any, **named: Any) -> logging.LogRecord:  # noqa: N802
                record: logging.LogRecord = super().makeRecord(*args, **named)
                _add_secrets(record, "event")
                return record

        monkeypatch.setattr(logger.audit, "__class__", Own)
    logger.audit.record_updated("m", "a", {"b": 1}, {"b": 2})
    written = capsys.readouterr().out
    assert '"reference":"https://u:***@h/x"' in written
    assert "hunter22" not in written
