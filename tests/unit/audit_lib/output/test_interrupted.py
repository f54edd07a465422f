"""A record begins a line, is whole and is written once, whoever prints, signals, forks or is killed meanwhile."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import audit_lib

PREFIX = """
import os, signal, sys, threading, time, audit_lib
audit = audit_lib.get_logger('app').audit
"""


def start(program: str, *flags: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program; `with` closes its pipes and waits for it."""
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONUNBUFFERED"}
    options = {
        "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment, **options,
    }  # fmt: skip
    return subprocess.Popen([sys.executable, *flags, "-c", PREFIX + program], **options)


def run(program: str, *flags: str, **options: Any) -> tuple[list[bytes], str, int]:
    """Return the lines that a program writes, its standard error and its exit status."""
    process = start(program, *flags, **options)
    out, error = process.communicate(timeout=60)
    return (out or b"").splitlines(keepends=True), error.decode(), process.returncode


def written(lines: list[bytes]) -> Counter[str]:
    """Return how often each message stands in a line that begins with its record, without those of chains."""
    found: Counter[str] = Counter()
    for line in lines:
        if line.startswith(b'{"@timestamp"') and line.endswith(b"}\n"):
            document = json.loads(line)
            if not document["message"].startswith("Audit chain"):
                found[document["message"]] += 1
    return found


# ── whoever prints ─────────────────────────────────────────────────────────────────────────────

PRINTERS = {
    "a text without a line end": """
for number in range(COUNT):
    print('Importing … ', end='')
    audit.info('%d', number)
""",
    "threads that print": """
stop = threading.Event()
def work():
    while not stop.is_set(): print('working', '…')
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for number in range(COUNT): audit.info('%d', number)
stop.set()
for thread in threads: thread.join()
""",
    "a child process that prints": """
import subprocess
child = subprocess.Popen([sys.executable, '-uc',
    'import time\\nend = time.time() + 30\\nwhile time.time() < end: print("child", end="")'])
for number in range(COUNT): audit.info('%d', number)
child.kill(); child.wait()
""",
    "a buffer that is flushed in the middle of a line": """
for number in range(COUNT):
    if number % 10 == 0: sys.stdout.write('x' * 9000)
    audit.info('%d', number)
""",
    "os.write": """
for number in range(COUNT):
    os.write(1, b'half a line')
    audit.info('%d', number)
""",
}


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.large)])
@pytest.mark.parametrize("flags", [(), ("-u",)], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("shape", PRINTERS)
@pytest.mark.parametrize("to_file", [False, True], ids=["pipe", "file"])
def test_no_record_is_lost_to_what_others_print(
    shape: str, flags: tuple[str, ...], to_file: bool, count: int, tmp_path: Path
) -> None:
    program = "sys.stdout.reconfigure(encoding='utf-8')\n" + PRINTERS[shape]
    program = program.replace("COUNT", str(count))
    if to_file:
        log = tmp_path / "log"
        with log.open("ab") as file:
            _, error, status = run(program, *flags, stdout=file)
        lines = log.read_bytes().splitlines(keepends=True)
    else:
        lines, error, status = run(program, *flags)
    assert (status, error) == (0, "")
    assert written(lines) == Counter(map(str, range(count)))
    assert audit_lib.verify(lines).complete


def test_two_handlers_and_many_threads_share_one_outlet() -> None:
    program = """
audit_lib.configure(max_bytes=100_000)
other = audit_lib.get_logger('other').audit
copy = os.fdopen(os.dup(1), 'w')
other.addHandler(audit_lib.AuditHandler(copy))
audit.addHandler(audit_lib.AuditHandler(sys.stdout))
def work(name, audit):
    for number in range(25): audit.event(f'{name} {number}', action='x', extra={'f': 'x' * 12_000})
threads = [threading.Thread(target=work, args=(f'{n}', (audit, other)[n % 2])) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    with start(program) as process:
        assert process.stdout is not None
        time.sleep(0.5)  # the pipe is full
        lines = process.stdout.readlines()
    assert process.returncode == 0
    assert len(written(lines)) == 200
    report = audit_lib.verify(lines)
    assert report.complete, report.problems


# ── torn lines ─────────────────────────────────────────────────────────────────────────────────


def test_a_record_after_the_torn_line_of_a_killed_process_is_whole() -> None:
    torn = """
audit_lib.configure(max_bytes=100_000)
audit.info('before')
for number in range(100): audit.event('long', action='x', extra={'f': 'x' * 9_000})
"""
    read, write = os.pipe()
    with start(torn, stdout=write) as process:
        time.sleep(1)  # it waits in the middle of a line: nobody reads
        process.kill()
    os.set_blocking(read, False)
    first = os.read(read, 1 << 20)
    os.set_blocking(read, True)
    with start("audit.info('after')", stdout=write), os.fdopen(read, "rb") as pipe:
        os.close(write)
        lines = (first + pipe.read()).splitlines(keepends=True)
    assert written(lines)["after"] == 1
    report = audit_lib.verify(lines)
    assert (report.problems, report.torn) == ((), 1)


def test_a_file_whose_last_line_is_torn_is_continued_on_a_new_line(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    program = (
        f"audit.addHandler(audit_lib.AuditFileHandler({str(log)!r})); audit.info('%s', sys.argv)"
    )
    run(program)
    whole = log.read_bytes()
    assert b"\n\n" not in whole
    assert not whole.startswith(b"\n")
    log.write_bytes(whole[:-40])
    run(program)
    lines = log.read_bytes().splitlines(keepends=True)
    report = audit_lib.verify(lines)
    assert (report.problems, report.torn) == ((), 1)
    assert sum(written(lines).values()) == 2
    assert b"\n\n" not in log.read_bytes()


@pytest.mark.parametrize("mode", ["w", "a"])
def test_lines_of_a_file_that_only_this_handler_writes_to_have_no_empty_lines(
    mode: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    run(
        f"audit.addHandler(audit_lib.AuditHandler(open({str(log)!r}, {mode!r})))\n"
        "for number in range(5): audit.info('%d', number)"
    )
    assert all(line.startswith(b"{") for line in log.read_bytes().splitlines())


# ── signals ────────────────────────────────────────────────────────────────────────────────────

RAISING = """
class TimeLimitExceeded(BASE): pass
def handler(*_):
    raise TimeLimitExceeded()
signal.signal(signal.SIGALRM, handler)
raised = 0
state = {'a': {'b': list(range(20))}, 'c': object()}
for number in range(800):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00001 + (number % 97) * 0.000005)
        audit.record_updated(str(number), 'x', {}, state, extra={'f': 'x' * 6000})
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeLimitExceeded: raised += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(raised, file=sys.stderr)
"""


@pytest.mark.parametrize("base", ["Exception", "BaseException", "TimeoutError", "ValueError"])
def test_an_exception_of_a_signal_handler_goes_on_and_no_record_is_written_twice(base: str) -> None:
    lines, error, status = run(RAISING.replace("BASE", base))
    assert status == 0, error
    assert int(error.splitlines()[-1]) > 50
    assert error.count("\n") == 1, error[:2000]  # nothing was sent to standard error instead
    found = written(lines)
    assert set(found.values()) == {1}
    assert b"TimeLimitExceeded" not in b"".join(lines)
    report = audit_lib.verify(lines)
    assert report.problems == ()


def test_a_record_of_a_signal_handler_is_in_the_kernel_when_its_call_returns() -> None:
    """The reader is slow, so most signals arrive inside of a write; then the process is gone."""
    program = """
audit_lib.configure(max_bytes=300_000)
def end(*_):
    audit.info('last')
    os._exit(0)
signal.signal(signal.SIGTERM, end)
os.write(2, b'ready')
while True: audit.event('long', action='x', extra={'f': 'x' * 100_000})
"""
    for attempt in range(12):
        with start(program) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stderr.read(5)
            time.sleep(0.05 + attempt * 0.003)
            process.terminate()
            lines = process.stdout.readlines()
        assert process.returncode == 0
        assert written(lines)["last"] == 1
        report = audit_lib.verify(lines)
        assert report.problems == ()
        assert report.torn <= 1


def test_records_of_signal_handlers_are_whole_and_interrupted_ones_too() -> None:
    program = """
audit_lib.configure(max_bytes=300_000)
count = 0
def handler(*_):
    global count
    count += 1
    audit.info('inner %d', count)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.007)
for number in range(60): audit.event(f'outer {number}', action='x', extra={'f': 'x' * 90_000})
signal.setitimer(signal.ITIMER_REAL, 0)
print(count, file=sys.stderr)
"""
    parts = []
    with start(program) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while part := os.read(process.stdout.fileno(), 20_000):
            parts.append(part)
            time.sleep(0.0005)
        count = int(process.stderr.read())
    lines = b"".join(parts).splitlines(keepends=True)
    assert process.returncode == 0
    found = written(lines)
    assert {name for name in found if name.startswith("outer")} == {f"outer {n}" for n in range(60)}
    assert {name for name in found if name.startswith("inner")} == {
        f"inner {n}" for n in range(1, count + 1)
    }
    assert set(found.values()) == {1}
    assert audit_lib.verify(lines).problems == ()


def test_records_of_signal_handlers_do_not_release_the_lock_of_the_pipe(tmp_path: Path) -> None:
    """Three processes with long lines on one pipe, each interrupted by records of a timer."""
    program = """
audit_lib.configure(max_bytes=200_000)
signal.signal(signal.SIGALRM, lambda *_: audit.event('inner', action='h'))
signal.setitimer(signal.ITIMER_REAL, .003, .003)
for number in range(60): audit.event('outer', action='m', extra={'f': 'm' * 9000})
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    read, write = os.pipe()
    instead = tmp_path / "stderr"
    with instead.open("ab") as error:
        processes = [start(program, stdout=write, stderr=error) for _ in range(3)]
    os.close(write)
    parts = []
    while part := os.read(read, 4096):
        parts.append(part)
        time.sleep(0.0001)
    os.close(read)
    assert [process.wait() for process in processes] == [0, 0, 0]
    lines = b"".join(parts).splitlines(keepends=True)
    # One that is interrupted eight times is handled by its failure policy.
    elsewhere = written(instead.read_bytes().splitlines(keepends=True))["outer"]
    assert written(lines)["outer"] + elsewhere == 180
    assert elsewhere <= 18
    assert audit_lib.verify(lines).problems == ()


def test_what_was_printed_before_is_waited_for_too() -> None:
    program = """
os.set_blocking(1, False)
try:
    while True: os.write(1, b'x' * 4096)
except BlockingIOError: pass
sys.stdout.write('Importing ...')
audit.info('after')
"""
    with start(program) as process:
        time.sleep(0.5)
        assert process.stdout is not None
        assert process.stderr is not None
        lines = process.stdout.readlines()
        assert process.stderr.read() == b""
    assert written(lines)["after"] == 1


def test_a_record_that_interrupts_a_print_is_written() -> None:
    program = """
signal.signal(signal.SIGALRM, lambda *_: audit.info('inner'))
signal.setitimer(signal.ITIMER_REAL, .2)
print('x' * 200_000)
"""
    with start(program) as process:
        time.sleep(0.6)
        assert process.stdout is not None
        assert process.stderr is not None
        output = process.stdout.read()
        assert process.stderr.read() == b""
    assert b'"message":"inner"' in output


def test_a_file_that_could_not_be_opened_is_opened_again(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "audit.log"
    log.parent.mkdir()
    program = f"""
audit.addHandler(audit_lib.AuditFileHandler({str(log)!r}))
audit.info('one')
os.rename({str(log.parent)!r}, {str(tmp_path / "away")!r})
audit.info('two')
os.rename({str(tmp_path / "away")!r}, {str(log.parent)!r})
audit.info('three')
"""
    _, error, status = run(program)
    assert status == 0
    assert error.count("could not be written") == 1
    lines = log.read_bytes().splitlines(keepends=True)
    assert written(lines) == Counter(["one", "three"])
    assert audit_lib.verify(lines).complete


def test_a_fork_while_a_thread_makes_loggers_does_not_hang() -> None:
    program = """
stop = threading.Event()
def work():
    number = 0
    while not stop.is_set():
        number += 1
        audit_lib.get_logger(f'a{number % 5000}').audit
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for number in range(40):
    child = os.fork()
    if child == 0:
        audit_lib.get_logger('child').audit.info('child')
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
"""
    lines, error, status = run(program)
    assert (status, error) == (0, "")
    assert written(lines)["child"] == 40


def test_ctrl_c_leaves_a_reader_that_stands_still() -> None:
    program = """
audit_lib.configure(max_bytes=300_000)
os.write(2, b'ready')
try:
    while True: audit.event('long', action='x', extra={'f': 'x' * 100_000})
except KeyboardInterrupt: os._exit(7)
"""
    with start(program, stderr=subprocess.DEVNULL) as process:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 7
        assert process.stdout is not None
        report = audit_lib.verify(process.stdout.readlines())
    assert (report.problems, report.torn) == ((), 1)


# ── forks and copies ───────────────────────────────────────────────────────────────────────────


def test_a_fork_while_a_thread_holds_the_spool_does_not_hang(tmp_path: Path) -> None:
    program = f"""
audit_lib.configure(on_failure='spool', spool={str(tmp_path / "spool")!r})
class Closed:
    def write(self, text): raise OSError('closed')
audit.addHandler(audit_lib.AuditHandler(Closed()))
stop = threading.Event()
def work():
    while not stop.is_set(): audit.info('thread')
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for number in range(30):
    child = os.fork()
    if child == 0:
        audit.info('child')
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    audit.info('parent')
stop.set()
for thread in threads: thread.join()
"""
    _, error, status = run(program)
    assert status == 0, error
    found = written((tmp_path / "spool").read_bytes().splitlines(keepends=True))
    elsewhere = written([line + b"\n" for line in error.encode().splitlines()])
    assert found["child"] + elsewhere["child"] == 30
    assert found["parent"] + elsewhere["parent"] == 30


def test_a_child_does_not_keep_the_spool_locked_that_its_parent_held(tmp_path: Path) -> None:
    program = f"""
from audit_lib._output.spool import Spool
spool = Spool({str(tmp_path / "spool")!r})
spool.append(b'{{"a":1}}\\n')
def work(): spool.replay(lambda lines: time.sleep(1.5))
thread = threading.Thread(target=work); thread.start()
time.sleep(0.3)
child = os.fork()
if child == 0:
    time.sleep(30); os._exit(0)
thread.join()
began = time.monotonic()
spool.append(b'{{"a":2}}\\n')
assert time.monotonic() - began < 1
os.kill(child, 9)
"""
    _, error, status = run(program)
    assert (status, error) == (0, "")


def test_a_record_that_interrupts_the_use_of_the_spool_does_not_wait_for_itself(
    tmp_path: Path,
) -> None:
    program = f"""
audit_lib.configure(on_failure='spool', spool={str(tmp_path / "spool")!r})
class Stream:
    def __init__(self): self.open = False
    def write(self, text):
        if not self.open: raise OSError('closed')
        if 'first' in text: audit.info('inner')
        os.write(1, text.encode())
stream = Stream()
audit.addHandler(audit_lib.AuditHandler(stream))
audit.info('first')
stream.open = True
audit.info('second')
"""
    lines, error, status = run(program)
    assert (status, error) == (0, "")
    assert written(lines) == Counter(["first", "inner", "second"])
    assert (tmp_path / "spool").read_bytes() == b""


def test_a_copy_of_the_process_without_hooks_repeats_no_id() -> None:
    """`fork` of the C library, as uWSGI and other servers call it."""
    program = """
import ctypes
audit.info('parent')
fork = ctypes.CDLL(None).fork
for child in range(3):
    if fork() == 0:
        for number in range(10): audit.info('%d %d', child, number)
        import atexit; atexit._run_exitfuncs()
        os._exit(0)
for _ in range(3): os.wait()
audit.info('parent again')
"""
    lines, error, status = run(program)
    assert (status, error) == (0, "")
    assert sum(written(lines).values()) == 32
    ids = [json.loads(line)["event"]["id"] for line in lines if line.strip()]
    assert len(ids) == len(set(ids))
    report = audit_lib.verify(lines)
    assert report.complete, report
    assert len(report.chains) == 4


def test_a_restored_snapshot_repeats_no_id() -> None:
    """AWS Lambda SnapStart restores the same process several times, and runs the hooks of AWS's package."""
    program = """
import snapshot_restore_py
audit.info('before the snapshot')
hooks = list(snapshot_restore_py.get_after_restore())
for number in range(2):
    if os.fork() == 0:
        import audit_lib._record.processes as processes
        for hook, args, kwargs in hooks: hook(*args, **kwargs)
        audit.info('restored %d', number)
        sys.exit()
    os.wait()
print(len(hooks), file=sys.stderr)
"""
    environment = {**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    lines, error, status = run(program, env=environment)
    assert (status, error) == (0, "1\n")
    assert sum(written(lines).values()) == 3
    ids = [json.loads(line)["event"]["id"] for line in lines if line.strip()]
    assert len(ids) == len(set(ids))
    assert audit_lib.verify(lines).complete


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_multiprocessing_seal_their_chains(method: str, tmp_path: Path) -> None:
    module = tmp_path / "worker.py"
    module.write_text(
        "import multiprocessing, audit_lib\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "audit = audit_lib.get_logger('app').audit\n"
        "def work(number): audit.info('%d', number)\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    audit.info('parent')\n"
        "    process = context.Process(target=work, args=(1,)); process.start(); process.join()\n"
        "    with ProcessPoolExecutor(2, context) as pool: list(pool.map(work, range(2, 6)))\n"
    )
    done = subprocess.run(
        [sys.executable, str(module)], capture_output=True, check=True, timeout=60, cwd=tmp_path
    )
    lines = done.stdout.splitlines(keepends=True)
    assert sum(written(lines).values()) == 6
    report = audit_lib.verify(lines)
    assert report.complete, report


def test_a_worker_that_celery_replaces_seals_its_chain() -> None:
    """Celery's pool of processes, with the function that it calls when a worker ends."""
    program = """
from billiard.pool import Pool
from celery.concurrency.prefork import process_destructor
def work(number): audit.info('%d', number)
pool = Pool(1, maxtasksperchild=1, on_process_exit=process_destructor)
for number in range(2): pool.apply(work, (number,))
pool.close(); pool.join()
"""
    lines, _, status = run(program)
    assert status == 0
    assert sum(written(lines).values()) == 2
    report = audit_lib.verify(lines)
    assert report.complete, report
