"""What happens to a record that its stream does not accept, whatever formats, interrupts or replaces it."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import audit_lib
from audit_lib._output.handler import AuditHandler
from audit_lib._output.spool import Spool

CATALOGUE = {"actions": {"must": {"on_failure": "raise"}}}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


class Broken(io.StringIO):
    """A stream that accepts nothing until it is repaired."""

    works = False

    def write(self, text: str) -> int:
        if not self.works:
            raise OSError("broken")
        return super().write(text)


class Plain(audit_lib.AuditFormatter):
    """A subclass, as an application may have one."""


@pytest.mark.parametrize("formatter", [logging.Formatter("%(message)s"), Plain()])
@pytest.mark.parametrize("extra", [None, {"event.action": "must"}])
def test_an_actions_own_policy_holds_with_any_formatter(
    logger: audit_lib.AppLogger, formatter: logging.Formatter, extra: Any
) -> None:
    audit_lib.configure(catalogue=CATALOGUE)
    handler = AuditHandler(Broken())
    handler.setFormatter(formatter)
    logger.audit.addHandler(handler)
    write = logger.audit.info if extra else partial(logger.audit.event, action="must")
    with pytest.raises(audit_lib.RecordLostError, match="broken"):
        write("m", extra=extra)


def test_the_lines_of_another_formatter_are_replayed_from_the_spool(
    logger: audit_lib.AppLogger, tmp_path: Path
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool")
    stream = Broken()
    handler = AuditHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.audit.addHandler(handler)
    logger.audit.event("one", action="a")
    stream.works = True
    logger.audit.event("two", action="a")
    assert stream.getvalue() == "INFO one\nINFO two\n"


@pytest.mark.parametrize(
    ("content", "passed"),
    [
        (b'{"a":1}\n', [b'{"a":1}\n']),
        (b'{"a":1}\n{"b":', [b'{"a":1}\n']),
        (b'{"a":\n{"b":2}\n', [b'{"b":2}\n']),
        (b"text\n\ntext without an end", [b"text\n"]),
        (b"}\n", [b"}\n"]),
    ],
)
def test_only_a_torn_line_of_a_spool_is_not_passed(
    tmp_path: Path, content: bytes, passed: list[bytes]
) -> None:
    (tmp_path / "spool").write_bytes(content)
    found: list[bytes] = []
    Spool(tmp_path / "spool").replay(found.extend)
    assert found == passed
    assert (tmp_path / "spool").read_bytes() == b""


class InterruptError(Exception):
    """What a signal handler of the application raises."""


@pytest.fixture
def interrupting() -> Iterator[Callable[[], None]]:
    def handle(*_: object) -> None:
        raise InterruptError

    before = signal.signal(signal.SIGUSR1, handle)
    yield lambda: os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


class Interrupted(io.StringIO):
    """A stream in whose first `write` a signal arrives."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        super().__init__()
        self.interrupt: Callable[[], None] | None = interrupt

    def write(self, text: str) -> int:
        if (interrupt := self.interrupt) is not None:
            self.interrupt = None
            interrupt()
        return super().write(text)


def test_an_exception_of_a_signal_handler_goes_on_while_standard_error_is_written(
    logger: audit_lib.AppLogger,
    monkeypatch: pytest.MonkeyPatch,
    interrupting: Callable[[], None],
) -> None:
    error = Interrupted(interrupting)
    monkeypatch.setattr(sys, "stderr", error)
    logger.audit.addHandler(AuditHandler(Broken()))
    with pytest.raises(InterruptError):
        logger.audit.event("one", action="a")
    assert json.loads(error.getvalue().splitlines()[1])["message"] == "one"


def test_an_exception_of_a_signal_handler_goes_on_while_the_spool_is_written(
    logger: audit_lib.AppLogger,
    monkeypatch: pytest.MonkeyPatch,
    interrupting: Callable[[], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    audit_lib.configure(on_failure="spool", spool=tmp_path / "spool")
    logger.audit.addHandler(AuditHandler(Broken()))
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda _: interrupting())
        with pytest.raises(InterruptError):
            logger.audit.event("one", action="a")
    assert json.loads(capsys.readouterr().err.splitlines()[1])["message"] == "one"


def test_the_seal_goes_where_the_chain_is(tmp_path: Path) -> None:
    program = (
        "import io, sys, audit_lib\n"
        "audit = audit_lib.get_logger('a').audit\n"
        "audit.event('m', action='a')\n"
        "sys.stdout = io.StringIO()\n"
        "if sys.argv[1] == 'again': audit.event('n', action='a')\n"
    )
    for again in ("once", "again"):
        done = subprocess.run(
            [sys.executable, "-c", program, again], capture_output=True, check=True
        )
        report = audit_lib.verify(done.stdout.splitlines())
        assert report.complete, again


def test_a_seal_whose_stream_was_closed_is_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    with os.fdopen(os.dup(1), "w", encoding="ascii") as stream:
        handler = AuditHandler(stream)
        handler.handle(logging.LogRecord("n", 20, "f", 1, "m", (), None))
    handler.stream = None  # it would be standard output
    handler.seal()
    assert "audit-chain-sealed" not in capfd.readouterr().out


def test_a_spool_that_is_replayed_inside_of_another_record_leaves_whole_chains(
    tmp_path: Path,
) -> None:
    """Each line that is written in the middle of another one is in a sealed chain of its own."""
    program = """
import os, signal, sys
import audit_lib
from audit_lib._output import stream
from audit_lib._output.spool import Spool

audit = audit_lib.get_logger("a").audit
audit_lib.configure(on_failure="spool", spool=sys.argv[1])
audit.event("before", action="a")
signal.signal(signal.SIGUSR1, lambda *_: audit.event("inside", action="a"))
real = os.write
def interrupted(file, data):
    if b"outer" in bytes(data):
        os.write = real
        Spool(sys.argv[1]).append(b'{"@timestamp":"2026-01-01T00:00:00.000Z","message":"spooled"}\\n')
        os.kill(os.getpid(), signal.SIGUSR1)
    return real(file, data)
os.write = interrupted
audit.event("outer", action="a")
audit.event("after", action="a")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "spool")], capture_output=True, check=True
    )
    report = audit_lib.verify(done.stdout.splitlines())
    assert {chain.end for chain in report.chains} == {"sealed"}
    assert report.complete
    for message in (b"before", b"spooled", b"inside", b"outer", b"after"):
        assert done.stdout.count(b'"message":"%b"' % message) == 1


class Odd(Exception):  # noqa: N818 - an error of the application
    """An exception in whose text a signal arrives."""

    interrupt: Callable[[], None]

    def __str__(self) -> str:
        self.interrupt()
        return "odd"


class Names(list[str]):
    """Names during whose reading a signal arrives."""

    interrupt: Callable[[], None]

    def __iter__(self) -> Iterator[str]:
        self.interrupt()
        return super().__iter__()


@pytest.mark.parametrize("where", ["error", "names", "report"])
def test_an_exception_of_a_signal_handler_goes_on_wherever_the_application_is_called(
    logger: audit_lib.AppLogger, interrupting: Callable[[], None], where: str
) -> None:
    odd, names = Odd(), Names(["iam"])
    odd.interrupt = names.interrupt = interrupting
    watching = logging.getLogger("audit_lib")
    interrupted = logging.Handler()
    interrupted.emit = lambda _: interrupting()  # type: ignore[method-assign]
    arguments: dict[str, Any] = {
        "error": {"exc_info": odd},
        "names": {"category": names},
        "report": {"unknown": 1},
    }[where]
    if where == "report":
        watching.addHandler(interrupted)
    try:
        with pytest.raises(InterruptError):
            logger.audit.event("m", action="a", **arguments)
    finally:
        watching.removeHandler(interrupted)
