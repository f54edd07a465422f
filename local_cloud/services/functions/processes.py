"""Starts, reuses and ends the local processes in which Lambda functions run.

A process can import the standard library, the function's code, and boto3 with its dependencies, but no
other package of this Python environment. Its environment variables are those of the function and of
Lambda's runtime. Its AWS calls arrive over HTTP, with an access key of its own, which is registered for the
function's execution role.
Loading the handler is Lambda's init phase, of at most 10 seconds in addition to the function's timeout:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import importlib.util
import io
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final
from uuid import uuid4

import psutil

from local_cloud.services.faults import TIMEOUT
from local_cloud.services.functions.configuration import FunctionConfiguration
from local_cloud.services.functions.sleepers import Sleepers
from local_cloud.services.functions.worker import END_OF_LOG, READY
from local_cloud.services.permissions import Permissions

__all__ = ["InvocationResult", "ProcessPool"]

_WORKER: Final = Path(__file__).with_name("worker.py")
_RUNTIME_PACKAGES: Final = (
    "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "time_machine",
)  # fmt: skip
_INIT_SECONDS: Final = 10
_SLEEP: Final = '{"sleep":'
_MAX_TIMEOUTS: Final = 10
"""The maximum duration of an invocation as a multiple of the timeout, while it competes for processors."""
_IDLE_SECONDS: Final = 5
"""An invocation past its timeout is ended if its process used no processor time for this long."""


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The result of an invocation: its payload as JSON text, and whether the function failed."""

    payload: str
    failed: bool
    request_id: str
    log: list[str]
    """The lines of the function's log, from START to END."""

    @property
    def message(self) -> str:
        """The `errorMessage` of a failed invocation; `unknown` without one."""
        return str(json.loads(self.payload).get("errorMessage") or "unknown")


class ProcessPool:
    """The processes of all functions; an idle process is reused for invocations of the same signature.

    Args:
        region: the code of the cloud's Region.
        endpoint: the URL that functions send their AWS calls to.
        permissions: registers the functions' access keys for their execution roles.
        sleepers: what the sleeping functions wait for.
    """

    def __init__(
        self, *, region: str, endpoint: str, permissions: Permissions, sleepers: Sleepers
    ) -> None:
        self._region = region
        self._endpoint = endpoint
        self._permissions = permissions
        self._sleepers = sleepers
        self._folder = tempfile.TemporaryDirectory(prefix="audit-functions-")
        self._idle: dict[str, list[_Process]] = defaultdict(list)
        self._all: list[_Process] = []
        self._lock = threading.Lock()

    def take(self, configuration: FunctionConfiguration) -> "_Process":
        """Return an idle or a new process of a function, for exclusive use until `give_back`."""
        with self._lock:
            if idle := self._idle[configuration.signature]:
                return idle.pop()
            asset, runtime = self._asset(configuration.code), self._runtime()
        key = f"ASIA{uuid4().hex[:16].upper()}"
        self._permissions.register(key, configuration.role_arn)
        environment = self._environment(configuration, asset, key)
        process = _Process(configuration, asset, runtime, environment, self._sleepers, key=key)
        with self._lock:
            self._all.append(process)
        return process

    def give_back(self, process: "_Process") -> None:
        """Keep a process for the next invocation; forget it if it was killed."""
        with self._lock:
            if process.alive:
                self._idle[process.configuration.signature].append(process)
            else:
                self._all.remove(process)

    def stop(self) -> None:
        """Kill all processes, and remove the unpacked code of the functions."""
        with self._lock:
            for process in self._all:
                process.kill()
            self._all.clear()
            self._idle.clear()
        self._folder.cleanup()

    def _environment(
        self, configuration: FunctionConfiguration, asset: Path, key: str
    ) -> dict[str, str]:
        """Return all environment variables of a process; none is inherited from this process."""
        return {
            **configuration.environment,
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONUTF8": "1",
            "LAMBDA_TASK_ROOT": str(asset),
            "_HANDLER": configuration.handler,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_SESSION_TOKEN": "embedded",
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": configuration.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{uuid4().hex}",
        }

    def _asset(self, code: bytes) -> Path:
        """Return the folder of a function's unpacked code, which is unpacked once for all processes."""
        folder = Path(self._folder.name) / sha256(code).hexdigest()
        if not folder.exists():
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(folder)
        return folder

    def _runtime(self) -> Path:
        """Return a folder with links to boto3, its dependencies and time_machine in this environment."""
        folder = Path(self._folder.name) / "runtime"
        if not folder.exists():
            folder.mkdir()
            for name in (*_RUNTIME_PACKAGES, "_time_machine"):
                spec = importlib.util.find_spec(name)
                if spec is None or spec.origin is None:
                    continue
                origin = Path(spec.origin)
                source = origin.parent if origin.name == "__init__.py" else origin
                (folder / source.name).symlink_to(source)
        return folder


class _Process:
    """One process of a function, which handles one invocation at a time."""

    def __init__(  # noqa: PLR0913 - what the process is made of
        self,
        configuration: FunctionConfiguration,
        asset: Path,
        runtime: Path,
        environment: dict[str, str],
        sleepers: Sleepers,
        *,
        key: str,
    ) -> None:
        self.configuration = configuration
        self._sleepers = sleepers
        self.stream = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.key = key
        self.alive = True
        self._ended_by = ""
        answers, worker_end = os.pipe()
        arguments = [str(asset), str(runtime), configuration.handler, str(worker_end)]
        self._process = subprocess.Popen(  # noqa: S603 - our own worker
            [sys.executable, "-S", "-P", str(_WORKER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[worker_end],
            env=environment,
            cwd=asset,
            text=True,
        )
        os.close(worker_end)
        self._usage = psutil.Process(self._process.pid)
        self._loaded = False
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self._log = _lines(self._process.stdout)
        self._answers = _lines(os.fdopen(answers, encoding="utf-8"))

    def call(self, event: Any, request_id: str, now: float, *, waits: bool) -> InvocationResult:
        """Invoke the handler and wait for its result; a timeout or an exit of the process is a failure.

        Args:
            event: the event, in JSON types.
            request_id: the request id.
            now: the cloud's time, in seconds since 1970; the process sees this time.
            waits: whether a timeout by `end` lasts until the function's timeout on the cloud's clock.
        """
        timeout = self.configuration.timeout
        request = {"event": event, "request_id": request_id, "now": now, "timeout": timeout}
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._awake(timeout if self._loaded else _INIT_SECONDS + timeout)
            if answer == READY:
                self._loaded = True
                answer = self._awake(timeout)
        except OSError:
            answer = ""
        lines = [f"START RequestId: {request_id} Version: $LATEST"]
        if answer:
            lines += self._printed()
            parsed = json.loads(answer)
            failed = "error" in parsed
            payload = parsed["error" if failed else "result"]
        else:
            is_struck = self._ended_by == TIMEOUT
            if is_struck and waits:
                self._sleepers.sleep_until(now + timeout)
            failed = True
            payload = self._failure(request_id, timed_out=answer is None or is_struck)
            lines += [*self._printed(), payload["errorMessage"]]
        lines.append(f"END RequestId: {request_id}")
        return InvocationResult(json.dumps(payload), failed, request_id, lines)

    def end(self, answer: str) -> None:
        """End the process during an invocation, whose failure is then a kill or, for `timeout`, a timeout."""
        self._ended_by = answer
        self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """Kill the process and wait for its end."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):  # unread input is lost
                self._process.stdin.close()

    def _awake(self, seconds: float) -> str | None:
        """Return the next line as `_answer` does, after the sleeps of the function, which count as used."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        answer = self._answer(seconds)
        while answer and answer.startswith(_SLEEP):
            pause = json.loads(answer)["sleep"]
            woke = self._sleepers.sleep(min(pause, seconds))
            seconds -= pause
            if seconds <= 0:
                return None
            self._process.stdin.write(json.dumps({"now": woke}) + "\n")
            self._process.stdin.flush()
            answer = self._answer(seconds)
        return answer

    def _answer(self, seconds: float) -> str | None:
        """Return the next line of the process: empty if it ended, None if the invocation timed out.

        Lambda reserves a share of a processor for each function; here, functions compete with all other
        processes. So `seconds` must have passed, and the process must have used that much processor time,
        or none for 5 seconds, or `seconds` must have passed ten times.
        """
        began, used = time.monotonic(), self._used()
        moved, last = began, used
        wait = seconds
        while True:
            with suppress(queue.Empty):
                return self._answers.get(timeout=wait)
            wait = 0.1
            now, current = time.monotonic(), self._used()
            if current > last:
                moved, last = now, current
            spent = current - used >= seconds or now - began >= _MAX_TIMEOUTS * seconds
            if spent or now - moved >= _IDLE_SECONDS:
                return None

    def _used(self) -> float:
        """Return the seconds of processor time that the process used; 0 once it ended."""
        with suppress(psutil.Error):
            times = self._usage.cpu_times()
            return float(times.user + times.system)
        return 0.0

    def _failure(self, request_id: str, *, timed_out: bool) -> dict[str, str]:
        seconds = self.configuration.timeout
        if timed_out:
            message = f"RequestId: {request_id} Task timed out after {seconds}.00 seconds"
            error_type = "Sandbox.Timedout"
        else:
            status = self._process.wait()
            reason = f"exit status {status}"
            if status < 0:
                reason = f"signal: {(signal.strsignal(-status) or str(-status)).lower()}"
            message = f"RequestId: {request_id} Error: Runtime exited with error: {reason}"
            error_type = "Runtime.ExitError"
        self.kill()
        return {"errorType": error_type, "errorMessage": message}

    def _printed(self) -> list[str]:
        lines = []
        while line := self._log.get():
            text, marker, _ = line.rstrip("\n").partition(END_OF_LOG)
            if text or not marker:
                lines.append(text)
            if marker:
                break
        return lines


def _lines(stream: IO[str]) -> queue.SimpleQueue[str]:
    """Read a stream's lines in a thread; an empty line marks the end."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    return lines
