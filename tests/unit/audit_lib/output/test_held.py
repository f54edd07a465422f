"""Acknowledged records are there: after `kill -9`, from many threads, greenlets and sub-interpreters."""

import json
import os
import subprocess
import sys
import time

import pytest

import audit_lib

PREFIX = "import os, sys, threading, audit_lib\naudit = audit_lib.get_logger('app').audit\n"


def numbers(output: bytes) -> list[str]:
    """Return the messages of the records, without those of the chains."""
    found = [json.loads(line)["message"] for line in output.splitlines() if line.startswith(b"{")]
    return [message for message in found if not message.startswith("Audit chain")]


def run(program: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-c", PREFIX + program], capture_output=True, check=True, timeout=300
    )
    assert done.stderr == b""
    return done.stdout


def test_greenlets_write_whole_records() -> None:
    """The greenlets of gevent, with everything patched before and after the import."""
    program = """
from gevent import monkey
monkey.patch_all()
import gevent
def work(name):
    for number in range(100):
        with audit_lib.context(user={'id': name}): audit.info(f'{name} {number}')
        gevent.sleep(0)
gevent.joinall([gevent.spawn(work, str(name)) for name in range(20)])
"""
    output = run(program)
    assert sorted(numbers(output)) == sorted(f"{n} {m}" for n in range(20) for m in range(100))
    for line in output.splitlines():
        if b'"user"' in line:
            document = json.loads(line)
            assert document["message"].partition(" ")[0] == document["user"]["id"]
    assert audit_lib.verify(output.splitlines()).complete


def test_a_sub_interpreter_writes_records_with_ids_of_its_own() -> None:
    program = """
import _xxsubinterpreters as interpreters
audit.info('main')
for number in range(3):
    interpreter = interpreters.create()
    interpreters.run_string(interpreter, f'''
import audit_lib
audit_lib.get_logger('app').audit.info('inner {number}')
''')
    interpreters.destroy(interpreter)
audit.info('main again')
"""
    if sys.version_info >= (3, 13):
        program = program.replace("_xxsubinterpreters", "_interpreters")
    output = run(program)
    assert numbers(output) == ["main", "inner 0", "inner 1", "inner 2", "main again"]
    ids = [json.loads(line)["event"]["id"] for line in output.splitlines() if line]
    assert len(ids) == len(set(ids))
    assert audit_lib.verify(output.splitlines()).problems == ()


@pytest.mark.large
def test_threads_lose_nothing() -> None:
    program = """
def work(name):
    for number in range(20_000): audit.info(f'{name} {number}')
threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    output = run(program)
    assert len(set(numbers(output))) == 160_000
    assert audit_lib.verify(output.splitlines()).complete


@pytest.mark.large
def test_a_killed_process_loses_no_record_that_it_acknowledged() -> None:
    """210 times: each number is acknowledged on another pipe after its call returned."""
    program = """
for number in range(1_000_000):
    audit.info('%d', number)
    os.write(2, b'%d\\n' % number)
"""
    acknowledged = 0
    for attempt in range(210):
        process = subprocess.Popen(
            [sys.executable, "-c", PREFIX + program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        for pipe in (process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)
        parts: dict[int, list[bytes]] = {1: [], 2: []}
        end = time.monotonic() + 0.12 + attempt % 7 * 0.01
        while time.monotonic() < end:
            for key, pipe in ((1, process.stdout), (2, process.stderr)):
                parts[key].append(pipe.read() or b"")
        process.kill()
        process.wait()
        for key, pipe in ((1, process.stdout), (2, process.stderr)):
            parts[key].append(pipe.read() or b"")
            pipe.close()
        lines = b"".join(parts[1]).splitlines(keepends=True)
        whole = b"".join(line for line in lines if line.endswith(b"}\n"))
        said = b"".join(parts[2]).decode().splitlines(keepends=True)
        told = {number.strip() for number in said if number.endswith("\n")}
        assert told <= set(numbers(whole))
        assert audit_lib.verify(lines).problems == ()
        acknowledged += len(told)
    assert acknowledged > 5_000
