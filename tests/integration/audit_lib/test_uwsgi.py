"""Under uWSGI with its default options: workers are forked without Python's hooks."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import audit_lib

APP = """
import audit_lib
audit = audit_lib.get_logger("app").audit
audit.info("audited at import")
def application(environ, start_response):
    audit.info("audited")
    start_response("200 OK", [])
    return [b""]
"""


@pytest.mark.parametrize("options", [[], ["--enable-threads"], ["--lazy-apps"]])
def test_uwsgis_workers_repeat_no_id_and_have_chains_of_their_own(
    options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])"
    arguments = [
        "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", str(tmp_path / "app.py"), "--master",
        "--processes", "3", "--disable-logging", "--die-on-term", "--worker-reload-mercy", "8", *options,
    ]  # fmt: skip
    with (tmp_path / "log").open("w") as log, subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=log, stderr=log
    ) as server:  # fmt: skip
        served = 0
        end = time.monotonic() + 30
        while served < 30 and time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                    answer.read()
                served += 1
            except OSError:
                time.sleep(0.05)
        # A worker that is still loading the application would not be asked to end.
        loaded = 3 if "--lazy-apps" in options else 1
        while (tmp_path / "log").read_bytes().count(
            b"at import"
        ) < loaded and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        server.send_signal(signal.SIGTERM)
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert served == 30
    records = [json.loads(line) for line in lines if line.startswith(b'{"@timestamp"')]
    assert [record["message"] for record in records].count("audited") == 30
    ids = [record["event"]["id"] for record in records]
    assert len(ids) == len(set(ids))
    report = audit_lib.verify(lines)
    assert report.problems == ()
    workers = {record["process"]["pid"] for record in records if record["message"] == "audited"}
    assert len(report.chains) >= len(workers)
    # The master, which imported the application, ends without Python's exit handlers.
    [first] = (
        {record["chain"]["id"] for record in records if "at import" in record["message"]}
        if ("--lazy-apps" not in options)
        else [""]
    )
    assert {chain.end for chain in report.chains if chain.id != first} == {"sealed"}
