"""Delivery of a line: whole, in the kernel when the call returns, or handled by the failure policy."""

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import audit_lib

Lines = Callable[[], list[dict[str, Any]]]
PYTHON = [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c"]
PREFIX = "import sys, os, logging, audit_lib\naudit = audit_lib.get_logger('app').audit\n"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    audit_lib.configure()


def run(program: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PYTHON, PREFIX + program], capture_output=True, text=True, check=False, timeout=60,
        **options,
    )  # fmt: skip


def messages(text: str) -> list[str]:
    """Return the messages of all records; an empty line may be before each."""
    return [json.loads(line)["message"] for line in text.splitlines() if line]


def test_a_killed_process_loses_nothing_that_was_said() -> None:
    done = run("audit.info('said')\nos.kill(os.getpid(), 9)")
    assert done.returncode == -signal.SIGKILL
    assert "said" in messages(done.stdout)


def test_what_was_printed_before_comes_before(tmp_path: Path) -> None:
    done = run("print('one')\naudit.info('two')\nprint('three')\nos._exit(0)")
    printed = [line for line in done.stdout.splitlines() if line and "audit-chain" not in line]
    assert printed[0] == "one"
    assert messages(printed[1]) == ["two"]


@pytest.mark.parametrize(
    "moment",
    [
        "import atexit; atexit.register(audit.info, 'late')",
        "import atexit; atexit.register(audit.info, 'late'); logging.shutdown()",
        "class Last:\n  def __del__(self): audit.info('late')\nlast = Last()",
        "import threading, time\n"
        "def work():\n  threading.main_thread().join(); audit.info('late')\n"
        "threading.Thread(target=work).start()",
        "logging.disable(logging.CRITICAL); logging.raiseExceptions = False; audit.info('late')",
    ],
)
def test_a_process_that_ends_still_says_it(moment: str) -> None:
    done = run(moment)
    assert done.stderr == ""
    assert "late" in messages(done.stdout)


def test_writers_on_one_pipe_tear_no_line() -> None:
    """Four processes, each of which forks, lines of 1 to 140 KB, and a slow reader."""
    program = (
        "audit_lib.configure(max_bytes=1_000_000)\n"
        "child = os.fork()\n"
        "for number in range(40):\n"
        "    size = (1, 3, 5, 17, 140)[number % 5]\n"
        "    audit.event(str(number), action='x', extra={'filling': chr(97 + number % 26) * size * 1000})\n"
        "if child: os.waitpid(child, 0)\n"
        "else: os._exit(0)"
    )
    read, write = os.pipe()
    processes = [subprocess.Popen([*PYTHON, PREFIX + program], stdout=write) for _ in range(4)]
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        seen: dict[Any, list[str]] = {}
        for line in filter(bytes.strip, pipe):
            document = json.loads(line)
            if document["event"].get("action") == "x":
                [letter] = set(document["filling"])
                assert letter == chr(97 + int(document["message"]) % 26)
                seen.setdefault(document["process"]["pid"], []).append(document["message"])
    assert [process.wait() for process in processes] == [0] * 4
    assert list(seen.values()) == [[str(number) for number in range(40)]] * 8


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    program = (
        "os.set_blocking(1, False)\n"
        "for number in range(200): audit.event(str(number), action='x', extra={'filling': 'a' * 4000})"
    )
    with subprocess.Popen(
        [*PYTHON, PREFIX + program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        threading.Event().wait(0.3)  # the pipe is full by now
        said = [m for m in messages(process.stdout.read()) if m.isdecimal()]
    assert said == [str(number) for number in range(200)]


def test_threads_lose_nothing_and_a_fork_among_them_does_not_hang() -> None:
    program = (
        "import threading\n"
        "stop = threading.Event()\n"
        "def chatter():\n"
        "    while not stop.is_set(): audit.info('chatter')\n"
        "threads = [threading.Thread(target=chatter) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for number in range(50):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        audit.info('child')\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "stop.set()"
    )
    done = run(program)
    assert done.returncode == 0, done.stderr
    assert messages(done.stdout).count("child") == 50


def test_a_signal_handlers_record_is_written_when_its_call_returns() -> None:
    """The stream of the test raises the signal in the middle of a write."""
    program = (
        "import io, signal\n"
        "class Interrupted(io.StringIO):\n"
        "    def write(self, text):\n"
        "        if '\"outer' in text: signal.raise_signal(signal.SIGUSR1)\n"
        "        return super().write(text)\n"
        "signal.signal(signal.SIGUSR1, lambda *_: audit.info('inner'))\n"
        "sys.stdout = stream = Interrupted()\n"
        "audit.info('outer')\n"
        "sys.__stdout__.write(stream.getvalue())"
    )
    assert messages(run(program).stdout) == ["inner", "outer"]


@pytest.mark.parametrize(
    ("error", "caught"),
    [("OSError", "audit_lib.RecordLostError"), ("KeyboardInterrupt", "KeyboardInterrupt")],
)
def test_a_signal_handlers_record_is_written_when_the_one_that_it_interrupted_is_not(
    error: str, caught: str
) -> None:
    done = run(
        "import io, signal\n"
        "class Stream(io.StringIO):\n"
        "    def write(self, text):\n"
        "        if '\"outer' in text:\n"
        "            signal.raise_signal(signal.SIGUSR1)\n"
        f"            raise {error}\n"
        "        return sys.__stdout__.write(text)\n"
        "signal.signal(signal.SIGUSR1, lambda *_: audit.info('inner'))\n"
        "audit_lib.configure(on_failure='raise')\n"
        "sys.stdout = Stream()\n"
        f"try: audit.info('outer')\nexcept {caught}: sys.__stdout__.write('caught\\n')"
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line if line == "caught" else messages(line)[0] for line in done.stdout.splitlines()]
    assert lines == ["inner", "caught"]


def test_the_stream_is_the_one_of_the_moment(logger: audit_lib.AppLogger) -> None:
    first, second = io.StringIO(), io.StringIO()
    for stream in (first, second):
        with contextlib.redirect_stdout(stream):
            logger.audit.info("here")
    assert messages(first.getvalue()) == messages(second.getvalue()) == ["here"]


def test_a_stdout_that_is_logged_is_not_written_into() -> None:
    """Celery's workers replace `sys.stdout` by one."""
    program = (
        "class Proxy:\n"
        "    logger = logging.getLogger('celery.redirected')\n"
        "    def write(self, text): self.logger.warning('wrapped %s', text)\n"
        "    def flush(self): ...\n"
        "sys.stdout = Proxy()\n"
        "audit.info('plain')"
    )
    done = run(program)
    assert "plain" in messages(done.stdout)
    assert done.stderr == ""


FULL = "sys.stdout = open('/dev/full', 'w')\n"


def test_a_full_disk_sends_it_to_stderr() -> None:
    done = run(FULL + "audit.info('kept')")
    note, line = done.stderr.splitlines()[:2]
    assert "No space left on device" in note
    assert messages(line) == ["kept"]


@pytest.mark.parametrize(
    "broken",
    [
        "sys.stdout.close()",
        "sys.stdout = None",
        "os.close(1)",
        "read, write = os.pipe(); os.dup2(write, 1); os.close(write); os.close(read)",
        "sys.stdout = open('/dev/full', 'w')",
    ],
)
@pytest.mark.parametrize("policy", ["stderr", "raise", "spool"])
def test_a_broken_stream_leads_to_what_the_policy_says(
    tmp_path: Path, broken: str, policy: str
) -> None:
    spool = tmp_path / "spool.jsonl"
    done = run(
        f"audit_lib.configure(on_failure={policy!r}, spool={str(spool)!r})\n"
        f"{broken}\n"
        "try: audit.info('kept')\n"
        "except audit_lib.RecordLostError as error: print('raised', error, file=sys.stderr)\n"
        "sys.stderr.flush(); os._exit(0)"
    )
    note, *rest = done.stderr.splitlines() or [""]
    if policy == "spool":
        assert (done.stderr, messages(spool.read_text())) == ("", ["kept"])
        assert spool.stat().st_mode & 0o777 == 0o600
    else:
        assert note.startswith("raised" if policy == "raise" else "audit_lib: ")
        assert messages(rest[0]) == ["kept"]


def test_an_action_may_have_a_policy_of_its_own(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit_lib.configure(catalogue={"actions": {"paid": {"on_failure": "raise"}, "seen": {}}})
    monkeypatch.setattr(sys, "stdout", None)
    logger.audit.event("seen", action="seen")
    assert '"action":"seen"' in capsys.readouterr().err
    with pytest.raises(audit_lib.RecordLostError, match='"action":"paid"'):
        logger.audit.event("paid", action="paid")
    assert capsys.readouterr().err == ""


class Sometimes(io.StringIO):
    """A stream that refuses while a flag is set."""

    refusing = True

    def write(self, text: str) -> int:
        if self.refusing:
            raise OSError("not now")
        return super().write(text)


def test_what_was_spooled_comes_first_when_the_stream_is_back(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spool, stream = tmp_path / "spool.jsonl", Sometimes()
    audit_lib.configure(on_failure="spool", spool=spool)
    monkeypatch.setattr(sys, "stdout", stream)
    logger.audit.info("one")
    logger.audit.info("two")
    spool.write_bytes(spool.read_bytes() + b'{"torn')
    logger.audit.info("three")
    assert len(spool.read_text().splitlines()) == 4
    stream.refusing = False
    logger.audit.info("four")
    assert messages(stream.getvalue()) == ["one", "two", "three", "four"]
    assert spool.read_bytes() == b""


def test_a_replay_that_fails_midway_keeps_what_is_left(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class TakesTwo(Sometimes):
        refusing = False

        def write(self, text: str) -> int:
            self.refusing = self.getvalue().count("\n") == 2
            return super().write(text)

    spool, stream = tmp_path / "spool.jsonl", Sometimes()
    audit_lib.configure(on_failure="spool", spool=spool)
    monkeypatch.setattr(sys, "stdout", stream)
    for name in ("one", "two", "three"):
        logger.audit.info(name)
    monkeypatch.setattr(sys, "stdout", second := TakesTwo())
    logger.audit.info("four")
    assert messages(second.getvalue()) == ["one", "two"]
    assert messages(spool.read_text()) == ["three", "four"]
    assert [path.name for path in tmp_path.iterdir()] == ["spool.jsonl"]


def test_a_spool_is_not_written_anew_while_nothing_takes_its_lines(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spool = tmp_path / "spool.jsonl"
    audit_lib.configure(on_failure="spool", spool=spool)
    monkeypatch.setattr(sys, "stdout", None)
    logger.audit.info("one")
    before = spool.stat()
    for number in range(20):
        logger.audit.info(f"{number}")
    assert os.path.samestat(spool.stat(), before)
    assert messages(spool.read_text()) == ["one", *map(str, range(20))]


def test_a_spool_that_cannot_be_written_falls_back_to_stderr(
    logger: audit_lib.AppLogger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    audit_lib.configure(on_failure="spool", spool=tmp_path / "no such folder" / "spool.jsonl")
    monkeypatch.setattr(sys, "stdout", None)
    logger.audit.info("kept")
    note, line = capsys.readouterr().err.splitlines()
    assert "FileNotFoundError" in note
    assert messages(line) == ["kept"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"on_failure": "ignore"}, "on_failure: found 'ignore'; write one of"),
        ({"on_failure": "spool"}, "on_failure: found 'spool' without a file; add spool="),
        ({"max_bytes": 100}, "max_bytes: found 100; write 4096 to 1048550, CloudWatch's limit"),
        (
            {"catalogue": {"actions": {"a": {"on_failure": "shout"}}}},
            "actions.a: on_failure: found 'shout'; write one of stderr, spool, raise",
        ),
        (
            {"catalogue": {"actions": {"a": {"on_failure": "spool"}}}},
            "actions.a: on_failure: found 'spool' without a file",
        ),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(audit_lib.ConfigurationError) as refused:
        audit_lib.configure(**given)
    assert complaint in str(refused.value)


def test_another_formatters_text_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    handler = audit_lib.AuditHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, "ñ\ntwo\r", None, None))
    assert capsys.readouterr().out == "\\xf1\\ntwo\\r\n"


def test_a_line_to_a_file_is_synced_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with (tmp_path / "log").open("w") as file:
        handler = audit_lib.AuditHandler(file)
        record = logging.LogRecord("x", logging.INFO, "x.py", 1, "x", None, None)
        handler.handle(record)
        assert synced == []
        audit_lib.configure(fsync=True)
        handler.handle(record)
        assert synced == [file.fileno()]


def test_a_file_may_be_rotated_while_processes_write_to_it(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    program = (
        f"audit.addHandler(audit_lib.AuditFileHandler({str(log)!r}))\n"
        "for number in range(3000): audit.info('%d', number)"
    )
    processes = [subprocess.Popen([*PYTHON, PREFIX + program]) for _ in range(2)]
    rotated = []
    while any(process.poll() is None for process in processes):
        if log.exists():
            rotated.append(log.rename(tmp_path / f"audit.log.{len(rotated)}"))
        threading.Event().wait(0.02)
    if log.exists():
        rotated.append(log)
    assert len(rotated) > 2
    lines = [line for file in rotated for line in file.read_bytes().splitlines()]
    report = audit_lib.verify(lines)
    # Two processes may switch to the new file one after the other.
    assert {problem.kind for problem in report.problems} <= {"reordered"}
    assert [chain.lines for chain in report.chains] == [3002, 3002]
    assert rotated[0].stat().st_mode & 0o777 == 0o600


def test_a_file_is_opened_again_and_sealed_when_it_is_closed(
    logger: audit_lib.AppLogger, tmp_path: Path
) -> None:
    handler = audit_lib.AuditFileHandler(tmp_path / "log")
    logger.audit.addHandler(handler)
    logger.audit.info("one")
    handler.close()
    logger.audit.info("two")
    handler.close()
    report = audit_lib.verify((tmp_path / "log").read_bytes().splitlines())
    assert report.complete
    assert [chain.lines for chain in report.chains] == [3, 3]


def test_a_file_in_a_folder_that_is_not_there_follows_the_policy(
    logger: audit_lib.AppLogger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.audit.addHandler(audit_lib.AuditFileHandler(tmp_path / "none" / "log"))
    logger.audit.info("kept")
    note, line = capsys.readouterr().err.splitlines()
    assert "FileNotFoundError" in note
    assert messages(line) == ["kept"]
