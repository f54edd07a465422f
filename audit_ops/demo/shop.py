"""Runs the example application as a server process, and reads the lines that it prints."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

import httpx

from audit_ops.demo.scenario import DemoStep
from audit_ops.errors import AuditOpsError

__all__ = ["ROOT", "DemoError", "Shop"]

ROOT: Final = Path(__file__).resolve().parents[2]
_READY_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.01
_ADVICE: Final = (
    f"run `python -m uvicorn examples.fastapi_app.main:app` in {ROOT} to see its output"
)


class DemoError(AuditOpsError):
    """The demo cannot run; the message says why."""


class Shop:
    """Serves `examples/fastapi_app` with uvicorn on a free port of localhost, as a context manager.

    Raises:
        DemoError: the project's folder `examples/` is missing.
    """

    def __init__(self) -> None:
        application = ROOT / "examples" / "fastapi_app" / "main.py"
        if not application.is_file():
            raise DemoError(
                f"{application} does not exist; run `make demo` in a checkout of the project"
            )
        self._lines: list[str] = []
        self._taken = 0

    def __enter__(self) -> Self:
        """Start the server, and wait until it responds.

        Raises:
            DemoError: the server ended, or does not respond within 30 seconds.
        """
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        self._process = subprocess.Popen(  # noqa: S603 - our own example
            [sys.executable, "-m", "uvicorn", "examples.fastapi_app.main:app",
             "--fd", str(listening.fileno())],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
            text=True,
        )  # fmt: skip
        listening.close()
        threading.Thread(target=self._read, daemon=True).start()
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait()

    def send(self, step: DemoStep) -> list[str]:
        """Send the request of a step; return the lines that the application printed since the last step.

        Raises:
            DemoError: the response has another status than the scenario expects, or the application ended.
        """
        headers = {"X-Staff-Id": step.staff} if step.staff else {}
        request: dict[str, Any] = (
            {"headers": headers, "json": step.body} if step.body else {"headers": headers}
        )
        response = self._http.request(step.method, step.path, **request)
        if response.status_code != step.status:
            raise DemoError(
                f"step {step.title!r}: {step.method} {step.path} returned status"
                f" {response.status_code}, expected {step.status}: {response.text[:200]!r}"
            )
        return self._take_all()

    def _take_all(self) -> list[str]:
        """Wait for uvicorn's access log line, a request's last one; return the lines since the last call."""
        self._wait(lambda: any(" HTTP/1.1" in line for line in self._lines[self._taken :]))
        taken = self._lines[self._taken :]
        self._taken += len(taken)
        return taken

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            try:
                return self._http.get("/health").is_success
            except httpx.HTTPError:
                return False

        self._wait(ready)
        self._take_all()

    def _wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _READY_SECONDS
        while not done():
            if self._process.poll() is not None:
                raise DemoError(
                    f"the example application ended with exit status {self._process.returncode};"
                    f" {_ADVICE}"
                )
            if time.monotonic() > end:
                raise DemoError(
                    "the example application did not respond or log the request within"
                    f" {_READY_SECONDS:.0f} seconds; {_ADVICE}"
                )
            time.sleep(_POLL_SECONDS)

    def _read(self) -> None:
        printed = self._process.stdout
        if printed is not None:
            with printed:
                for line in printed:
                    if line.strip():  # as Docker's awslogs driver, which ignores empty lines
                        self._lines.append(line.rstrip("\n"))
