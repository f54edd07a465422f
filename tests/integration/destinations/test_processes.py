"""Processes that begin and end in every possible way, against moto's server."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

import audit_lib

GROUPS = ("/audit/one", "/audit/two")
BEGIN = f"""
import atexit, logging, multiprocessing, os, sys, threading, time

def late(text):
    log.audit.event(text, action="tried")

if "early" in sys.argv:
    atexit.register(late, "registered before the library was imported")

import audit_lib
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler

log = audit_lib.get_logger("shop")
for group in {GROUPS!r}:
    log.audit.addHandler(CloudWatchLogsHandler(group, flush_interval=0.2))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    yield "http://127.0.0.1:%d" % running.get_host_and_port()[1]  # noqa: UP031
    running.stop()


@pytest.fixture
def endpoint(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    logs = boto3.session.Session().client("logs")
    for group in GROUPS:
        logs.create_log_group(logGroupName=group)
    yield server
    for group in GROUPS:
        logs.delete_log_group(logGroupName=group)


def run(tmp_path: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "program.py"
    script.write_text(BEGIN + program)
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def arrived(group: str) -> list[str]:
    logs = boto3.session.Session().client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    lines = [event["message"] for page in pages for event in page["events"]]
    by_stream = audit_lib.verify([line.encode() for line in lines])
    assert by_stream.problems == ()
    return [
        document["message"]
        for document in map(json.loads, lines)
        if not document["event"]["action"].startswith("audit-chain")
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_written_while_the_process_ends_arrives_with_both_handlers(
    group: str, endpoint: str, tmp_path: Path
) -> None:
    done = run(
        tmp_path,
        """
log.audit.event("in time", action="tried")
atexit.register(late, "at exit")
logging.shutdown()
log.audit.event("after logging's shutdown", action="tried")
""",
        "early",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert arrived(group) == [
        "in time",
        "after logging's shutdown",
        "at exit",
        "registered before the library was imported",
    ]


def test_the_first_record_of_all_may_be_one_at_exit(endpoint: str, tmp_path: Path) -> None:
    done = run(tmp_path, "", "early")
    assert (done.returncode, done.stderr) == (0, "")
    assert arrived(GROUPS[0]) == ["registered before the library was imported"]


def test_children_of_multiprocessing_send_what_they_have_before_they_leave(
    endpoint: str, tmp_path: Path
) -> None:
    done = run(
        tmp_path,
        """
def work(number):
    log.audit.event(f"child {number}", action="tried")

if __name__ == "__main__":
    log.audit.event("parent", action="tried")
    for way in ("fork", "spawn"):
        context = multiprocessing.get_context(way)
        children = [context.Process(target=work, args=(f"{way} {n}",)) for n in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
""",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(arrived(GROUPS[0])) == [
        *(f"child {way} {n}" for way in ("fork", "spawn") for n in range(3)),
        "parent",
    ]


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_the_workers_of_a_pool_lose_nothing_when_they_are_terminated(
    endpoint: str, tmp_path: Path, way: str
) -> None:
    """`Pool.__exit__` sends them SIGTERM, as the end of the parent does to any daemonic child."""
    done = run(
        tmp_path,
        """
def work(number):
    log.audit.event(f"task {number}", action="tried")

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        pool.map(work, range(20))
""",
        way,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(arrived(GROUPS[0])) == sorted(f"task {number}" for number in range(20))


def test_fifty_processes_fork_while_a_thread_logs_and_all_records_are_there(
    endpoint: str, tmp_path: Path
) -> None:
    done = run(
        tmp_path,
        """
going = True
said = 0

def talk():
    global said
    while going:
        log.audit.event("the thread", action="talked")
        said += 1
        time.sleep(0.001)

thread = threading.Thread(target=talk)
thread.start()
children = []
for number in range(50):
    child = os.fork()
    if not child:
        log.audit.event(f"child {number}", action="tried")
        for handler in log.audit.handlers:
            handler.flush()
        os._exit(0)
    children.append(child)
until = time.monotonic() + 40
for child in children:
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > until:
            os.kill(child, 9)
        time.sleep(0.01)
going = False
thread.join()
print(said)
""",
    )
    assert done.stderr == ""
    said = Counter(arrived(GROUPS[0]))
    assert said.pop("the thread") == int(done.stdout)
    assert said == Counter(f"child {number}" for number in range(50))


def test_a_handler_that_could_not_be_made_leaves_nothing_behind() -> None:
    program = """
import audit_lib
from audit_lib.destinations.firehose import FirehoseHandler
def broken():
    raise RuntimeError("no region")
try:
    FirehoseHandler("stream", client=broken)
except RuntimeError as error:
    kept = error  # and with it all that it knows of
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
