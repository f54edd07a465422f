"""`.audit` in the hierarchy of `logging`: which logger it is, which handlers receive it, what mutes it."""

import io
import logging
import logging.config
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import audit_lib

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Return the root logger; restore handlers, level and what was disabled afterwards."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    yield root
    for each in root.manager.loggerDict.values():
        if isinstance(each, logging.Logger):
            each.disabled = False
    root.handlers[:] = handlers
    root.setLevel(level)
    root.manager.disable = disabled


def test_the_audit_logger_is_the_one_of_loggings_hierarchy(logger: audit_lib.AppLogger) -> None:
    assert logger.audit is logging.getLogger(f"{logger.name}.audit")
    assert logger.audit.name == f"{logger.name}.audit"
    assert logger.audit.parent is logger
    assert audit_lib.get_logger(logger.name).audit is logger.audit


def test_a_logger_that_existed_before_keeps_its_handlers_and_level() -> None:
    handler = logging.NullHandler()
    early, early_audit = logging.getLogger("early"), logging.getLogger("early.audit")
    early.setLevel(logging.ERROR)
    early_audit.addHandler(handler)
    logger = audit_lib.get_logger("early")
    assert logger is early
    assert logger.level == logging.ERROR
    assert logger.audit is early_audit
    assert logger.audit.handlers == [handler]


def test_a_logger_of_another_class_keeps_its_methods() -> None:
    class Chatty(logging.Logger):
        def shout(self) -> str:
            return self.name.upper()

    logging.root.manager.loggerDict["chatty"] = Chatty("chatty")
    logger = audit_lib.get_logger("chatty")
    assert isinstance(logger, Chatty)
    assert logger.shout() == "CHATTY"
    assert isinstance(logger.audit, audit_lib.AuditLogger)


def test_a_logger_that_cannot_be_extended_is_refused_by_name() -> None:
    class Final(logging.Logger):
        def __init_subclass__(cls) -> None:
            raise TypeError("no subclasses")

    logging.root.manager.loggerDict["final"] = Final("final")
    with pytest.raises(audit_lib.LoggerConflictError, match=r"'final' is a .*Final, which cannot"):
        audit_lib.get_logger("final")


def test_set_logger_class_gives_every_new_logger_its_audit() -> None:
    before = logging.getLoggerClass()
    logging.setLoggerClass(audit_lib.AppLogger)
    try:
        audit_first = logging.getLogger("by-class.audit")
        logger = logging.getLogger("by-class")
    finally:
        logging.setLoggerClass(before)
    assert isinstance(logger, audit_lib.AppLogger)
    assert logger.audit is audit_first
    assert isinstance(audit_first, audit_lib.AuditLogger)


def test_no_handler_is_added_however_often_the_logger_is_asked_for(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    for _ in range(3):
        audit_lib.get_logger(logger.name).audit.info("once")
    assert len(lines()) == 3
    assert logger.audit.handlers == []


def test_an_audit_record_is_printed_once_though_the_root_prints_too(
    logger: audit_lib.AppLogger, root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    root.addHandler(logging.StreamHandler(sys.stdout))
    root.setLevel(logging.INFO)
    logger.info("ordinary")
    logger.audit.info("audited")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "ordinary"
    assert len(out) == 2
    assert out[1].startswith("{")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical", "exception"])
def test_all_level_methods_write_ecs_json(
    logger: audit_lib.AppLogger, lines: Lines, level: str
) -> None:
    logger.audit.setLevel(logging.DEBUG)
    getattr(logger.audit, level)("at %s", level)
    [line] = lines()
    assert line["message"] == f"at {level}"
    assert line["log.level"] == {"exception": "error"}.get(level, level)
    assert line["log"]["origin"]["file"]["name"] == "test_logger.py"
    assert line["log"]["origin"]["function"] == "test_all_level_methods_write_ecs_json"


def test_dict_config_neither_mutes_nor_doubles_it(
    logger: audit_lib.AppLogger, root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = logger.audit
    stdout = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    for named in ({}, {logger.name: {"level": "CRITICAL", "handlers": ["out"]}}):
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": True,
                "handlers": {"out": stdout},
                "root": {"level": "ERROR", "handlers": ["out"]},
                "loggers": named,
            }
        )
        logging.disable(logging.CRITICAL)
        audit.info("still here")
        logging.disable(logging.NOTSET)
        assert len(capsys.readouterr().out.splitlines()) == 1


def test_dict_config_can_set_its_handler_and_never_mutes_it_by_a_level(
    logger: audit_lib.AppLogger, root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    stderr = {"class": "audit_lib.AuditHandler", "stream": "ext://sys.stderr"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"err": stderr},
            "loggers": {f"{logger.name}.audit": {"level": "WARNING", "handlers": ["err"]}},
        }
    )
    logger.audit.info("below")
    logger.audit.warning("above")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2


def test_caplog_sees_audit_records(
    logger: audit_lib.AppLogger, caplog: pytest.LogCaptureFixture, lines: Lines
) -> None:
    logger.audit.record_updated("Changed", "user", {"a": 1}, {"a": 2})
    assert [record.name for record in caplog.records] == [f"{logger.name}.audit"]
    assert len(lines()) == 1


def test_a_handler_on_the_audit_logger_hears_of_it_as_well(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(role)s %(message)s"))
    logger.audit.addHandler(handler)
    logger.audit.info("granted", extra={"role": "admin"})
    assert stream.getvalue() == "admin granted\n"
    assert lines()[0]["role"] == "admin"


def test_a_filter_may_change_a_record_and_cannot_keep_it_back(
    logger: audit_lib.AppLogger, lines: Lines
) -> None:
    def refuse(record: logging.LogRecord) -> bool:
        record.msg = f"seen: {record.msg}"
        return False

    logger.audit.addFilter(refuse)
    logger.audit.info("noise")
    assert [line["message"] for line in lines()] == ["seen: noise"]


def test_a_filter_that_fails_loses_no_record(logger: audit_lib.AppLogger, lines: Lines) -> None:
    def fail(_: logging.LogRecord) -> bool:
        raise RuntimeError("somebody's filter")

    handler = audit_lib.AuditHandler()
    handler.addFilter(fail)
    logger.audit.addHandler(handler)
    logger.audit.addFilter(fail)
    logger.audit.info("kept")
    assert [line["message"] for line in lines()] == ["kept"]


def test_only_mute_mutes_and_says_so(logger: audit_lib.AppLogger, lines: Lines) -> None:
    audit = logger.audit
    audit.setLevel(logging.CRITICAL)
    audit.disabled = True
    audit.info("a level mutes nothing")
    audit.event("nor below INFO", action="x", level=logging.DEBUG)
    audit.mute()
    audit.mute()
    audit.error("unheard")
    audit.record_updated("unheard", "user", {}, {"a": 1})
    audit.mute(muted=False)
    audit.info("heard")
    said = [(line["message"], line["event"].get("action")) for line in lines()]
    assert said == [
        ("a level mutes nothing", None),
        ("nor below INFO", "x"),
        (f"The audit logger {audit.name} was muted", "audit-muted"),
        (f"The audit logger {audit.name} was unmuted", "audit-unmuted"),
        ("heard", None),
    ]


def test_a_record_survives_being_pickled(logger: audit_lib.AppLogger, lines: Lines) -> None:
    """Queue and socket handlers send records to another process."""
    kept: list[logging.LogRecord] = []
    logger.audit.addFilter(lambda record: not kept.append(record))  # type: ignore[func-returns-value]
    logger.audit.record_updated("Changed", "user", {"a": {1, 2}}, {"a": {2}})
    [line] = lines()
    again = audit_lib.AuditFormatter().format(pickle.loads(pickle.dumps(kept[0])))
    assert '"before":{"a":[1,2]}' in again
    assert line["event"]["id"] in again


def test_ordinary_loggers_are_as_they_were() -> None:
    """In a process of its own: importing and using audit_lib does not affect other loggers."""
    program = (
        "import logging, audit_lib; audit_lib.get_logger('a').audit.debug('x');"
        "assert type(logging.getLogger('other')) is logging.Logger;"
        "assert logging.getLoggerClass() is logging.Logger;"
        "assert logging.getLogger().handlers == [];"
        "audit_lib.get_logger('a').info('not shown'); audit_lib.get_logger('a').warning('shown')"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("", "shown\n")


@pytest.mark.parametrize("raise_exceptions", [True, False])
def test_a_closed_stream_sends_the_record_to_stderr(
    logger: audit_lib.AppLogger,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    raise_exceptions: bool,
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", raise_exceptions)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    logger.audit.info("kept")
    note, line = capsys.readouterr().err.splitlines()
    assert "could not be written" in note
    assert '"message":"kept"' in line


def test_a_record_that_nothing_takes_raises_with_the_record_in_it(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(audit_lib.RecordLostError, match='"message":"gone"'):
        logger.audit.info("gone")


def test_a_stacklevel_of_more_frames_than_there_are_loses_nothing(
    logger: audit_lib.AppLogger, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    logger.audit.event("one", action="tried", stacklevel=10_000)
    assert [line["message"] for line in lines()] == ["one"]
