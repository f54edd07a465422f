"""Lambda: functions run from their very asset, each in processes of its own.

A process is isolated: the standard library, the asset and boto3 can be imported, nothing else of
this environment; its environment variables are the function's own; its calls come back over HTTP
with an access key that stands for its role. Loading the handler is Lambda's init phase, which the
function's timeout does not count:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
Asynchronous invocations are tried three times, after
one minute and after two more on the cloud's clock, then go to the dead-letter queue:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import importlib.util
import io
import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, Protocol
from uuid import uuid4

import psutil

from local_cloud.services.clock import Clock
from local_cloud.services.permissions import Permissions
from local_cloud.services.worker import END_OF_LOG, READY

__all__ = ["Functions", "Outcome", "Spec"]

_WORKER: Final = Path(__file__).with_name("worker.py")
_RUNTIME_PACKAGES: Final = (
    "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "time_machine",
)  # fmt: skip
_RETRY_AFTER_SECONDS: Final = (60, 120)
_MAX_CONCURRENT: Final = 4
_INIT_SECONDS: Final = 10
_AT_MOST: Final = 10
"""How often its timeout a function is given while it is at work: it may be waiting for a processor."""
_IDLE_SECONDS: Final = 5
"""A function that used no processor for so long is waiting for something that does not come."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A function as it is configured now."""

    name: str
    handler: str
    code: bytes = field(repr=False)
    environment: Mapping[str, str]
    timeout: int
    memory_mb: int
    role_arn: str
    log_group: str
    dead_letter_arn: str = ""

    @property
    def signature(self) -> str:
        """What a process depends on: another signature needs another process."""
        parts = (self.handler, self.environment, self.memory_mb, self.role_arn)
        return sha256(repr(parts).encode() + self.code).hexdigest()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: its answer as JSON text, whether the function failed, what it printed."""

    payload: str
    failed: bool
    request_id: str
    log: list[str]
    """What was printed, line by line, as it stands in the log."""

    @property
    def message(self) -> str:
        """What went wrong, in the function's words or Lambda's."""
        return str(json.loads(self.payload).get("errorMessage") or "unknown")


@dataclass(slots=True)
class _Asynchronous:
    function: str
    event: Any
    request_id: str
    tries: int = 0
    due: float = 0.0


class DeadLetters(Protocol):
    """Where events go that a function failed on three times."""

    def send_dead_letter(self, spec: Spec, event: Any, outcome: Outcome) -> None:
        """Keep an event that a function failed on three times."""


class Host(Protocol):
    """What functions need of the cloud around them."""

    region: str
    permissions: Permissions

    @property
    def deliveries(self) -> DeadLetters:
        """What else services do in its name."""

    def function(self, name: str) -> Spec:
        """Give a function as it is configured now."""

    def write_function_log(self, spec: Spec, stream: str, lines: list[str]) -> None:
        """Write what a function printed."""


class Functions:
    """All functions of the cloud."""

    def __init__(self, *, clock: Clock, endpoint: str, host: Host) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._host = host
        self._folder = tempfile.TemporaryDirectory(prefix="audit-functions-")
        self._idle: dict[str, list[_Process]] = defaultdict(list)
        self._all: list[_Process] = []
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Asynchronous | None] = queue.SimpleQueue()
        self._retries: list[_Asynchronous] = []
        self._running = 0
        self._faults: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(_MAX_CONCURRENT)
        ]
        for thread in self._threads:
            thread.start()

    def invoke(self, name: str, event: Any, *, request_id: str = "") -> Outcome:
        """Invoke a function and wait for its answer."""
        spec = self._host.function(name)
        process = self._process(spec)
        try:
            outcome = process.call(event, request_id or str(uuid4()), self._clock.now())
        finally:
            with self._lock:
                if process.alive:
                    self._idle[spec.signature].append(process)
                else:
                    self._all.remove(process)
        self._host.write_function_log(spec, process.stream, outcome.log)
        if outcome.failed:
            log.warning("function %s failed: %s", name, outcome.message)
        return outcome

    def invoke_later(self, name: str, event: Any) -> str:
        """Queue an asynchronous invocation; give its request id."""
        job = _Asynchronous(name, event, str(uuid4()))
        with self._lock:
            self._running += 1
        self._queue.put(job)
        return job.request_id

    def tick(self) -> None:
        """Start the retries whose time has come."""
        now = self._clock.now()
        with self._lock:
            due = [job for job in self._retries if job.due <= now]
            self._retries = [job for job in self._retries if job.due > now]
            self._running += len(due)
        for job in due:
            self._queue.put(job)

    @property
    def busy(self) -> bool:
        """Whether something runs or is queued; a retry that waits for its time is not."""
        with self._lock:
            return self._running > 0

    def raise_faults(self) -> None:
        """Raise what went wrong in the cloud itself, which is never the functions' own failures."""
        if self._faults:
            raise self._faults.pop()

    def stop(self) -> None:
        """End all processes."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        with self._lock:
            for process in self._all:
                process.kill()
            self._all.clear()
            self._idle.clear()
        self._folder.cleanup()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                self._try(job)
            except Exception as error:  # noqa: BLE001 - a fault of the cloud itself: `settle` raises it
                self._faults.append(error)
            finally:
                with self._lock:
                    self._running -= 1

    def _try(self, job: _Asynchronous) -> None:
        outcome = self.invoke(job.function, job.event, request_id=job.request_id)
        if not outcome.failed:
            return
        if job.tries < len(_RETRY_AFTER_SECONDS):
            job.due = self._clock.now() + _RETRY_AFTER_SECONDS[job.tries]
            job.tries += 1
            with self._lock:
                self._retries.append(job)
        else:
            self._host.deliveries.send_dead_letter(
                self._host.function(job.function), job.event, outcome
            )

    def _process(self, spec: Spec) -> "_Process":
        with self._lock:
            if idle := self._idle[spec.signature]:
                return idle.pop()
            asset, runtime = self._asset(spec.code), self._runtime()
        key = f"ASIA{sha256(spec.name.encode()).hexdigest()[:16].upper()}"
        self._host.permissions.register(key, spec.role_arn)
        process = _Process(spec, asset, runtime, self._environment(spec, asset, key))
        with self._lock:
            self._all.append(process)
        return process

    def _environment(self, spec: Spec, asset: Path, key: str) -> dict[str, str]:
        """Build the whole environment: nothing of this process's own gets in."""
        return {
            **spec.environment,
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONUTF8": "1",
            "PYTHONPYCACHEPREFIX": str(Path(self._folder.name) / "pycache"),
            "LAMBDA_TASK_ROOT": str(asset),
            "_HANDLER": spec.handler,
            "AWS_REGION": self._host.region,
            "AWS_DEFAULT_REGION": self._host.region,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_SESSION_TOKEN": "embedded",
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{uuid4().hex}",
        }

    def _asset(self, code: bytes) -> Path:
        """Unpack an asset, once for all its processes."""
        folder = Path(self._folder.name) / sha256(code).hexdigest()
        if not folder.exists():
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(folder)
        return folder

    def _runtime(self) -> Path:
        """Make the folder of what Lambda's runtime brings, by links into this environment."""
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
    """One process of a function; one invocation at a time."""

    def __init__(self, spec: Spec, asset: Path, runtime: Path, environment: dict[str, str]) -> None:
        self._spec = spec
        self.stream = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.alive = True
        answers, at_its_end = os.pipe()
        arguments = [str(asset), str(runtime), spec.handler, str(at_its_end)]
        self._process = subprocess.Popen(  # noqa: S603 - our own worker
            [sys.executable, "-S", "-P", str(_WORKER), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[at_its_end],
            env=environment,
            cwd=asset,
            text=True,
        )
        os.close(at_its_end)
        self._usage = psutil.Process(self._process.pid)
        self._loaded = False
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self._log = _lines(self._process.stdout)
        self._answers = _lines(os.fdopen(answers, encoding="utf-8"))

    def call(self, event: Any, request_id: str, now: float) -> Outcome:
        """Invoke the handler."""
        timeout = self._spec.timeout
        request = {"event": event, "request_id": request_id, "now": now, "timeout": timeout}
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._answer(timeout if self._loaded else _INIT_SECONDS + timeout)
            if answer == READY:
                self._loaded = True
                answer = self._answer(timeout)
        except OSError:
            answer = ""
        lines = [f"START RequestId: {request_id} Version: $LATEST"]
        if answer:
            lines += self._printed()
            parsed = json.loads(answer)
            failed = "error" in parsed
            payload = parsed["error" if failed else "result"]
        else:
            failed, payload = True, self._death(request_id, timed_out=answer is None)
            lines += [*self._printed(), payload["errorMessage"]]
        lines.append(f"END RequestId: {request_id}")
        return Outcome(json.dumps(payload), failed, request_id, lines)

    def kill(self) -> None:
        """End it."""
        self.alive = False
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):  # what was written to it and not read is lost with it
                self._process.stdin.close()

    def _answer(self, seconds: float) -> str | None:
        """Wait for a line: empty if the process ended, None if its time is over.

        Lambda keeps a share of a processor for each function; here, they wait for one among all else
        that the machine does. Past its time, a function is ended once it used as much of a processor,
        or stopped using any.
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
            spent = current - used >= seconds or now - began >= _AT_MOST * seconds
            if spent or now - moved >= _IDLE_SECONDS:
                return None

    def _used(self) -> float:
        """Seconds of processor time that the process used; none once it ended."""
        with suppress(psutil.Error):
            times = self._usage.cpu_times()
            return float(times.user + times.system)
        return 0.0

    def _death(self, request_id: str, *, timed_out: bool) -> dict[str, str]:
        seconds = self._spec.timeout
        if timed_out:
            message = f"RequestId: {request_id} Task timed out after {seconds}.00 seconds"
            kind = "Sandbox.Timedout"
        else:
            status = self._process.wait()
            message = (
                f"RequestId: {request_id} Error: Runtime exited with error: exit status {status}"
            )
            kind = "Runtime.ExitError"
        self.kill()
        return {"errorType": kind, "errorMessage": message}

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
    """Read a stream's lines as they come; an empty one says that it ended."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    return lines
