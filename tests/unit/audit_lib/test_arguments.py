"""Wrong arguments: never an exception in the caller, never lost, reported to the developer."""

import enum
import itertools
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import audit_lib
from audit_lib import _arguments, _content

STATE = {"a": 1}
VERBS: dict[str, tuple[object, ...]] = {
    "event": (),
    "record_created": ("user", STATE),
    "record_updated": ("user", {}, STATE),
    "record_deleted": ("user", STATE),
    "record_accessed": ("user",),
    "track": ("user",),
}
WAYS = ("with a LogRecord", "without one")
Write = Callable[..., dict[str, Any]]


class Hostile:
    """Raises in each of its methods."""

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class HostileText(str):
    """A text without a hash, and with a `str` that raises."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __str__(self) -> str:
        raise RuntimeError("no text")


class HostileMapping(dict[str, Any]):
    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def keys(self) -> Any:
        raise RuntimeError("no keys")

    def items(self) -> Any:
        raise RuntimeError("no items")


class HostileNumber(int):
    def __index__(self) -> int:
        raise RuntimeError("no number")

    __int__ = __hash__ = __index__  # type: ignore[assignment]

    def __lt__(self, other: object) -> bool:
        raise RuntimeError("no order")

    __gt__ = __le__ = __ge__ = __eq__ = __lt__  # type: ignore[assignment]


class HostileList(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("no members")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    @property
    def __traceback__(self) -> Any:
        raise RuntimeError("no traceback")


class HostileClass(type):
    def __hash__(cls) -> int:
        raise RuntimeError("no hash")

    def __getattribute__(cls, name: str) -> Any:
        if name in {"__module__", "__qualname__", "__mro__", "__dict__"}:
            raise RuntimeError("no such thing")
        return super().__getattribute__(name)


class OfHostileClass(metaclass=HostileClass):
    pass


def broken() -> Iterator[str]:
    yield "iam"
    raise RuntimeError("no more")


class Kind(enum.Enum):
    ORDER = "order"


_states = itertools.count()


@pytest.fixture(autouse=True)
def _said_of_no_place() -> Iterator[None]:
    _arguments._PLACES.clear()
    return


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    # pytest's handlers need a `LogRecord` of each.
    monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])
    if request.param == WAYS[0]:
        monkeypatch.setattr("audit_lib.AuditLogger._direct_handlers", lambda _: None)
    return str(request.param)


@pytest.fixture
def write(
    way: str,
    logger: audit_lib.AppLogger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Write:
    """Call a verb and return the one line that it writes."""
    made: list[logging.LogRecord] = []
    make = audit_lib.AuditLogger.makeRecord

    def noted(self: audit_lib.AuditLogger, *args: Any, **kwargs: Any) -> logging.LogRecord:
        made.append(make(self, *args, **kwargs))
        return made[-1]

    monkeypatch.setattr(audit_lib.AuditLogger, "makeRecord", noted)

    def call(verb: str, *args: object, positional: object = None, **said: Any) -> dict[str, Any]:
        made.clear()
        before = VERBS[verb]
        if positional is not None:
            before = (positional, *before[1:])
        if verb == "event":
            said = {"action": "x"} | said
        msg = said.pop("msg_", "m")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if verb == "track":
                state: dict[str, Any] = {}
                with logger.audit.track(msg, *before, state, *args, **said):
                    state["a"] = 1
            else:
                getattr(logger.audit, verb)(msg, *before, *args, **said)
        [line] = capsys.readouterr().out.splitlines()
        if not said.keys() & {"exc_info", "stack_info"}:
            assert bool(made) is (way == WAYS[0])
        document: dict[str, Any] = json.loads(line)
        return document

    return call


# ── arguments that do not exist ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", VERBS)
def test_an_argument_that_does_not_exist_is_a_label_and_no_success(write: Write, verb: str) -> None:
    line = write(verb, outcom="failure", ticket="OPS-1", count=3, urgent=True, tags=["a", {"b": 1}])
    assert line["labels"] == {
        "outcom": "failure", "ticket": "OPS-1", "count": 3, "urgent": True, "tags": '["a",{"b":1}]',
        "audit_problem": "outcom: no such argument; did you mean outcome?;"
        " ticket: no such argument; own fields go in extra;"
        " count: no such argument; own fields go in extra;"
        " urgent: no such argument; own fields go in extra;"
        " tags: no such argument; own fields go in extra",
    }  # fmt: skip
    assert line["event"]["outcome"] == "unknown"
    assert line["message"] == "m"


@pytest.mark.parametrize("verb", VERBS)
def test_a_stated_outcome_holds_beside_an_argument_that_does_not_exist(
    write: Write, verb: str
) -> None:
    assert write(verb, recordid=1042, outcome="success")["event"]["outcome"] == "success"


@pytest.mark.parametrize(
    ("verb", "name", "hint"),
    [
        ("record_updated", "recordid", "did you mean record_id?"),
        ("record_updated", "even_if_unchangd", "did you mean even_if_unchanged?"),
        ("record_created", "by_key", "own fields go in extra"),
        ("event", "categories", "did you mean category?"),
        ("event", "record_id", "own fields go in extra"),
        ("event", "config", "own fields go in extra"),  # the name of an inner parameter
        ("record_accessed", "problems", "own fields go in extra"),
    ],
)
def test_the_nearest_argument_of_the_verb_is_named(
    write: Write, verb: str, name: str, hint: str
) -> None:
    line = write(verb, **{name: 7})
    assert line["labels"] == {name: 7, "audit_problem": f"{name}: no such argument; {hint}"}


@pytest.mark.parametrize("verb", VERBS)
def test_an_argument_that_does_not_exist_is_masked(write: Write, verb: str) -> None:
    said = {"password": "swordfish", "dsn": {"token": "tok-12345"}, "account.pin": "1234"}
    line = write(verb, **said, audit_problem="mine", msg_="swordfish tok-12345")
    labels = line["labels"]
    assert (labels["password"], labels["dsn"], labels["account.pin"]) == (
        "***", '{"token":"***"}', "***",
    )  # fmt: skip
    assert labels["audit_problem"].startswith("no such argument password; own fields go in extra; ")
    assert labels["audit_problem (argument)"] == "mine"
    assert line["message"] == "*** ***"
    assert line["changes"]["notes"]["$.labels.password"] == "masked"


@pytest.mark.parametrize("secret", ["swordfish", "Ünal-123", 'a"b\\c'])
def test_a_secret_that_is_repeated_in_the_json_of_a_label_is_masked(
    write: Write, secret: str
) -> None:
    line = write("event", dsn={"password": secret, "notes": [f"it is {secret}"]})
    assert line["labels"]["dsn"] == '{"password":"***","notes":["it is ***"]}'


def test_a_failed_update_whose_outcome_is_misspelt_is_written_although_nothing_differs(
    logger: audit_lib.AppLogger, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.audit.record_updated("m", "user", STATE, dict(STATE))
    assert capsys.readouterr().out == ""
    line = write("record_updated", positional=None, outcom="failure", msg_="m")
    assert line["event"]["outcome"] == "unknown"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.audit.record_updated("m", "user", STATE, STATE, outcom="failure")  # type: ignore[call-arg]
    assert json.loads(capsys.readouterr().out)["labels"]["outcom"] == "failure"


def test_the_level_methods_take_any_argument_too(
    logger: audit_lib.AppLogger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audit_lib.AuditLogger._test_handlers", lambda _: [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.audit.info("m", stacklevl=2, level="INFO", outcome="failure")  # type: ignore[call-arg]
        logger.audit.info("m", extra=[1], stacklevel="x", exc_info="y", stack_info=Hostile())  # type: ignore[arg-type]
        logger.audit.info("%(a)s", HostileMapping(a=1))
    unknown, wrong, hostile = map(json.loads, capsys.readouterr().out.splitlines())
    assert unknown["labels"] == {
        "stacklevl": 2, "level": "INFO", "outcome": "failure",
        "audit_problem": "stacklevl: no such argument; did you mean stacklevel?;"
        " level: no such argument; own fields go in extra;"
        " outcome: no such argument; own fields go in extra",
    }  # fmt: skip
    assert unknown["event"]["outcome"] == "unknown"
    assert unknown["log"]["origin"]["function"] == "test_the_level_methods_take_any_argument_too"
    assert wrong["extra"] == [1]
    assert wrong["labels"]["audit_problem"] == (
        "extra: found list; write a mapping; exc_info: found 'y'; write True or an exception;"
        " stacklevel: found 'x'; write a number"
    )
    assert wrong["log"]["origin"]["function"] == "test_the_level_methods_take_any_argument_too"
    assert hostile["message"] == "%(a)s"


# ── values of a wrong type ─────────────────────────────────────────────────────────────────────

SHARED: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"extra": [1, 2]}, "extra: found list; write a mapping", {"extra": [1, 2]}),
    ({"extra": "x"}, "extra: found str; write a mapping", {"extra": "x"}),
    ({"extra": 0}, "extra: found int; write a mapping", {"extra": 0}),
    ({"extra": Hostile()}, f"extra: found {__name__}.Hostile; write a mapping", {}),
    ({"extra": HostileMapping(a=1)}, f"extra: found {__name__}.HostileMapping; write a map", {}),
    ({"outcome": None}, "event.outcome: found None; ECS has failure, success, unknown", {}),
    ({"outcome": True}, "event.outcome: found True; ECS has", {}),
    ({"outcome": ["failure"]}, 'event.outcome: found ["failure"]; ECS has', {}),
    ({"outcome": Hostile()}, f"event.outcome: found <{__name__}.Hostile>; ECS has", {}),
    ({"outcome": "failed"}, "event.outcome: found 'failed'; ECS has", {}),
    ({"action": 5}, "event.action: found 5; write a text", {}),
    ({"action": Hostile()}, f"event.action: found <{__name__}.Hostile>; write a text", {}),
    ({"stacklevel": "x"}, "stacklevel: found 'x'; write a number", {}),
    ({"stacklevel": None}, "stacklevel: found None; write a number", {}),
    ({"stacklevel": Hostile()}, f"stacklevel: found <{__name__}.Hostile>; write a number", {}),
    ({"exc_info": "x"}, "exc_info: found 'x'; write True or an exception", {}),
    ({"exc_info": (1, 2, 3)}, "exc_info: found [1,2,3]; write True or an exception", {}),
    ({"exc_info": Hostile()}, f"exc_info: found <{__name__}.Hostile>; write True or", {}),
]
OF_ONE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("event", {"category": None}, "event.category: found None; write a text or several", {}),
    ("event", {"category": 5}, "event.category: found 5; write a text or several", {}),
    ("event", {"category": ["iam", 5]}, "event.category: found 5; write a text or several", {}),
    ("event", {"category": Hostile()}, f"event.category: found <{__name__}.Hostile>; write", {}),
    ("event", {"type": b"x"}, "event.type: found base64:eA==; write a text or several", {}),
    ("event", {"type": HostileMapping()}, "event.type: found ", {}),
    ("event", {"level": "INFO"}, "level: found 'INFO'; write a number such as logging.INFO", {}),
    ("event", {"level": "warning"}, "level: found 'warning'; ", {"log.level": "warning"}),
    ("event", {"level": object()}, "level: found <object>; ", {"log.level": "info"}),
    ("event", {"level": True}, "level: found True; ", {"log.level": "info"}),
    ("event", {"level": Hostile()}, f"level: found <{__name__}.Hostile>; ", {"log.level": "info"}),
    ("event", {"action": None}, "event.action: is missing; write action=", {}),
    ("record_updated", {"by_key": "lines"}, "by_key: found 'lines'; write path", {}),
    ("record_updated", {"by_key": {5: "x"}}, "by_key: found dict; write path", {}),
    ("track", {"by_key": 5}, "by_key: found 5; write path", {}),
]
RECORD_TYPES: list[tuple[object, str, str]] = [
    (5, "record_type: found 5; write a text", "5"),
    (Hostile(), f"record_type: found <{__name__}.Hostile>; write a text", f"<{__name__}.Hostile>"),
]


def known(line: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line.get(name) for name in expected}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("said", "problem", "expected"), SHARED)
@pytest.mark.parametrize("verb", VERBS)
def test_a_value_of_a_wrong_type_is_reported_and_the_record_written(
    write: Write, verb: str, said: dict[str, Any], problem: str, expected: dict[str, Any]
) -> None:
    line = write(verb, **said)
    assert line["labels"]["audit_problem"].startswith(problem)
    assert known(line, expected) == expected
    assert line["message"] == "m"
    if verb != "event":
        assert line["changes"]["record_type"] == "user"
    if "outcome" in said:
        kept = said["outcome"] if type(said["outcome"]) is str else "unknown"
        assert line["event"]["outcome"] == kept
    else:
        assert line["event"]["outcome"] == "success"


@pytest.mark.parametrize(("verb", "said", "problem", "expected"), OF_ONE)
def test_so_is_one_of_an_argument_that_one_verb_has(
    write: Write, verb: str, said: dict[str, Any], problem: str, expected: dict[str, Any]
) -> None:
    line = write(verb, **said)
    assert line["labels"]["audit_problem"].startswith(problem)
    assert known(line, expected) == expected
    assert line["event"].get("action") == (None if "action" in said else line["event"]["action"])
    assert line["event"].get("category", ["iam"]) == ["iam"]


@pytest.mark.parametrize(("record_type", "problem", "text"), RECORD_TYPES)
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "event"])
def test_so_is_a_record_type_of_a_wrong_type(
    write: Write, verb: str, record_type: object, problem: str, text: str
) -> None:
    line = write(verb, positional=record_type)
    assert line["labels"]["audit_problem"] == problem
    assert line["changes"]["record_type"] == text


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "event"])
@pytest.mark.parametrize("record_type", [HostileText("order"), Kind.ORDER])
def test_a_text_of_another_class_is_a_text(write: Write, verb: str, record_type: object) -> None:
    line = write(verb, positional=record_type, action=HostileText("done"), outcome=Kind.ORDER)
    assert line["changes"]["record_type"] == "order"
    assert line["event"]["action"] == "done"
    assert line["labels"]["audit_problem"].startswith("event.outcome: found order")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "said",
    [
        {"reason": Hostile()}, {"target": Hostile()}, {"extra": {"a": Hostile()}},
        {"extra": None}, {"extra": {}}, {"stack_info": Hostile()}, {"exc_info": False},
        {"exc_info": (None, None, None)}, {"exc_info": ValueError("x")}, {"exc_info": 1},
        {"stacklevel": 0}, {"stacklevel": -7}, {"stacklevel": 10**30}, {"msg_": Hostile()},
    ],
)  # fmt: skip
def test_values_that_any_argument_may_have_are_no_problem(
    write: Write, verb: str, said: dict[str, Any]
) -> None:
    line = write(verb, **said)
    assert "labels" not in line
    assert line["event"]["outcome"] == "success"
    if said.get("exc_info"):
        assert ("error" in line) is isinstance(said["exc_info"], ValueError)


def test_a_flag_that_has_no_truth_writes_the_record(write: Write) -> None:
    assert write("record_updated", even_if_unchanged=Hostile())["message"] == "m"


def test_an_event_with_several_categories_of_any_collection(write: Write) -> None:
    line = write("event", category={"iam"}, type=iter_of("user", "change"))
    assert (line["event"]["category"], line["event"]["type"]) == (["iam"], ["user", "change"])
    assert "labels" not in line


def iter_of(*names: str) -> Any:
    return dict.fromkeys(names).keys()


@pytest.mark.parametrize("verb", VERBS)
def test_the_message_and_the_record_type_have_to_be_there(
    logger: audit_lib.AppLogger, verb: str
) -> None:
    method: Any = getattr(logger.audit, verb)
    with pytest.raises(TypeError, match="missing"):
        method()
    if verb != "event":
        with pytest.raises(TypeError, match="record_type"):
            method("m")


ANY: list[Callable[[], Any]] = [
    Hostile, HostileNumber, HostileError, HostileMapping, OfHostileClass, broken, object,
    lambda: HostileText("x"), lambda: HostileList([1]), lambda: OfHostileClass, lambda: Kind.ORDER,
    lambda: None, lambda: 5, lambda: 10**40, lambda: float("nan"), lambda: "x", lambda: "\ud800",
    lambda: b"x", lambda: [1], list, tuple, lambda: (1, 2), lambda: (1, 2, 3), dict,
    lambda: {1: Hostile()}, lambda: ["iam", Hostile()], lambda: (ValueError, HostileError(), 3),
    lambda: (HostileError, HostileError(), None), lambda: ..., lambda: {"access": HostileText("y")},
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_any_value_of_any_argument_is_written(write: Write, verb: str) -> None:
    names = (
        _content._RECORD_NAMES | _content._EVENT_NAMES | {"by_key", "even_if_unchanged", "ticket"}
    )
    for make in ANY:
        for name in sorted(names):
            assert write(verb, **{name: make()})["message"] == "m"
        assert write(verb, msg_=make())["log.level"] == "info"
        assert write(verb, make(), msg_="%s")["log.level"] == "info"
        if verb != "event":
            assert write(verb, positional=make())["message"] == "m"


# ── the message's arguments ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("msg", "args", "expected"),
    [
        ("%(a)s", ({"a": 5},), "5"),
        ("%s", ({"a": 5},), "{'a': 5}"),
        ("%s", ({},), "{}"),
        ("%s and %s", ({"a": 5}, 6), "{'a': 5} and 6"),
        ("%(b)s", ({"a": 5},), "%(b)s"),
        ("%(a)s", (HostileMapping(a=5),), "%(a)s"),
        ("100 %", (), "100 %"),
    ],
)
def test_a_mapping_is_merged_into_the_message_as_logging_does(
    write: Write, verb: str, msg: str, args: tuple[Any, ...], expected: str
) -> None:
    assert write(verb, *args, msg_=msg)["message"] == expected
    if not isinstance(args and args[0], HostileMapping) and msg != "%(b)s":
        record = logging.LogRecord("x", 20, "", 1, msg, args, None)
        assert record.getMessage() == expected


def test_audit_info_merges_a_mapping(
    logger: audit_lib.AppLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.audit.info("%(a)s", {"a": 5})
    assert json.loads(capsys.readouterr().out)["message"] == "5"


# ── what the developer sees ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.filterwarnings("ignore")
def test_the_ordinary_logger_says_it_once_a_call_site(
    write: Write, logger: audit_lib.AppLogger, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append  # type: ignore[method-assign] # to observe the calls
    monkeypatch.setattr(logging.getLogger("audit_lib"), "handlers", [handler])
    for _ in range(3):
        write(verb, outcom="failure")
    [record] = said
    assert (record.levelname, record.name) == ("WARNING", "audit_lib")
    assert record.getMessage() == (
        f"{__file__}:{record.lineno}: outcom: no such argument; did you mean outcome?"
    )
    assert record.pathname == __file__
    write(verb, outcom="failure", stacklevel=2)
    assert len(said) == 2, "another line, another call site"


def test_a_handler_that_raises_does_not_raise_in_the_caller(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def emit(_: logging.LogRecord) -> None:
        raise RuntimeError("of the application")

    handler = logging.Handler()
    handler.emit = emit  # type: ignore[method-assign] # a handler of another library
    monkeypatch.setattr(logging.getLogger("audit_lib"), "handlers", [handler])
    assert write("event", outcom="failure")["labels"]["outcom"] == "failure"


def test_a_secret_is_hidden_from_the_developer_too(
    logger: audit_lib.AppLogger, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.warns(audit_lib.AuditUsageWarning) as warned:
        logger.audit.event(
            "m", action="x", outcome="swordfish", extra={"password": "swordfish"}  # type: ignore[arg-type]
        )  # fmt: skip
    assert "event.outcome: found '***'" in str(warned[0].message)
    assert "swordfish" not in caplog.records[-1].getMessage()


PROGRAM = """
import audit_lib, sys, warnings
audit = audit_lib.get_logger("shop").audit
for _ in range(2):
    audit.event("m", action="x", outcom="failure")
audit.event("m", action="x", category="login")
audit_lib.configure(catalogue={"actions": {"login": {}}})
audit.event("m", action="logn")
"""


@pytest.mark.parametrize(
    ("options", "logged", "warned"),
    [
        ([], 3, 0),
        (["-X", "dev"], 3, 3),
        (["-W", "default::UserWarning"], 3, 3),
        (["-W", "ignore::UserWarning"], 3, 0),
        (["-W", "default::DeprecationWarning"], 3, 0),
    ],
)
def test_in_production_one_line_a_call_site_and_no_warning(
    options: list[str], logged: int, warned: int
) -> None:
    ended = run(options, PROGRAM)
    said = ended.stderr.splitlines()
    assert (
        len([line for line in said if line.startswith("<string>:") and "Warning" not in line])
        == logged
    )
    assert len([line for line in said if "AuditUsageWarning: " in line]) == warned
    assert ended.stdout.count('"audit_problem"') == 4


def test_where_the_warning_is_an_error_the_record_is_written_first() -> None:
    ended = run(["-W", "error::UserWarning"], PROGRAM)
    assert ended.returncode == 1
    assert "AuditUsageWarning: outcom: no such argument; did you mean outcome?" in ended.stderr
    assert ended.stdout.count('"audit_problem"') == 1


def run(options: list[str], program: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"
    }
    return subprocess.run(
        [sys.executable, *options, "-c", program],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


# ── one list of arguments ──────────────────────────────────────────────────────────────────────


def test_the_types_and_the_methods_have_the_same_arguments() -> None:
    import inspect

    parameters = inspect.signature(audit_lib.AuditLogger._write).parameters.values()
    taken = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert taken == _content._RECORD_NAMES
    own = {"category", "type", "level"}
    assert taken - {"record_id"} | own == _content._EVENT_NAMES
    assert audit_lib.EventArguments.__required_keys__ == {"action"}
