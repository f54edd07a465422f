"""Under gunicorn: each worker has a chain of its own, also with `--preload`."""

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import audit_lib

GUNICORN = """
import audit_lib
audit = audit_lib.get_logger("app").audit
audit.info("audited at import")
def app(environ, start_response):
    audit.info("audited")
    start_response("200 OK", [])
    return [b""]
"""


def test_gunicorns_preloaded_workers_have_chains_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "wsgi_of_test.py").write_text(GUNICORN)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "-b", f"127.0.0.1:{port}",
         "wsgi_of_test:app"], stdout=log, stderr=subprocess.PIPE, cwd=tmp_path,
    ) as server:  # fmt: skip
        assert server.stderr is not None
        while b"Booting worker" not in (said := server.stderr.readline()):
            assert said, "gunicorn ended"
        for _ in range(20):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                answer.read()
        server.send_signal(signal.SIGTERM)
        server.stderr.read()
    lines = (tmp_path / "log").read_bytes().splitlines()
    report = audit_lib.verify(lines)
    assert report.problems == ()
    assert sum(b'"message":"audited"' in line for line in lines) == 20
    assert {chain.end for chain in report.chains} == {"sealed"}
