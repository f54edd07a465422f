# ruff: noqa: T201 - the printed lines are the function's log
"""The program of a function's process: loads the handler, and runs it for each invocation.

Run as `python -S -P worker.py ASSET RUNTIME HANDLER ANSWERS`. It can import the standard library, the
function's code in the folder ASSET, and the packages in the folder RUNTIME (boto3). An invocation is a line
of JSON on standard input, its result a line of JSON on the file descriptor ANSWERS; standard output and
standard error are the function's log. A `time.sleep` of the main thread lasts until the cloud's clock has
moved: its line on ANSWERS is `{"sleep": seconds}`, and a line with the new time follows on standard input.
"""

import importlib
import json
import logging
import os
import sys
import threading
import time
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

END_OF_LOG = "\x00end of invocation"
READY = "loaded\n"
"""The line before the first answer: the handler is loaded, and the function's timeout starts."""


def _context(request: dict[str, Any]) -> SimpleNamespace:
    deadline = time.time() + request["timeout"]  # the cloud's time, which also passes in a sleep
    return SimpleNamespace(
        aws_request_id=request["request_id"],
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version="$LATEST",
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        get_remaining_time_in_millis=lambda: int((deadline - time.time()) * 1000),
    )


def _failure(error: BaseException, request_id: str) -> dict[str, Any]:
    trace = error.__traceback__
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(trace.tb_next if trace else None),
    }


class _CloudTime:
    """Replaces `time.sleep` of the main thread by one on the cloud's clock; other threads use the real one."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers
        self._sleep = time.sleep
        self.move_to: Callable[[float], None] = lambda _: None

    def sleep(self, seconds: float) -> None:
        if threading.current_thread() is not threading.main_thread() or seconds <= 0:
            self._sleep(seconds)
            return
        self._answers.write(json.dumps({"sleep": seconds}) + "\n")
        self._answers.flush()
        self.move_to(json.loads(sys.stdin.readline())["now"])


class _LogHandler(logging.Handler):
    """The log handler of Lambda's root logger: prints level, time, request id and message."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        instant = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = self.format(record)
        print(
            f"[{record.levelname}]\t{instant}.{record.msecs:03.0f}Z\t{self.request_id}\t{text}",
            flush=True,
        )


def main(asset: str, runtime: str, handler: str, descriptor: str) -> None:
    """Handle invocations until standard input ends.

    Args:
        asset: the folder of the function's code.
        runtime: the folder of the packages of Lambda's runtime.
        handler: the handler, `<module>.<function>`.
        descriptor: the number of the file descriptor for the results.
    """
    answers = os.fdopen(int(descriptor), "w", encoding="utf-8")
    sys.path[:0] = [asset]
    sys.path.append(runtime)
    import time_machine  # noqa: PLC0415 - importable from here on

    clock = _CloudTime(answers)
    time.sleep = clock.sleep  # type: ignore[assignment] # mypy reads it as more general
    function = None
    log_handler = _LogHandler()
    logging.getLogger().addHandler(log_handler)
    for line in sys.stdin:
        request = json.loads(line)
        log_handler.request_id = request["request_id"]
        with time_machine.travel(request["now"], tick=True) as cloud_time:
            clock.move_to = cloud_time.move_to
            try:
                if function is None:
                    module, _, name = handler.rpartition(".")
                    function = getattr(importlib.import_module(module), name)
                    answers.write(READY)
                    answers.flush()
                answer = {"result": function(request["event"], _context(request))}
                encoded = json.dumps(answer)
            except Exception as error:  # noqa: BLE001 - the function's error, returned to its caller
                failure = _failure(error, request["request_id"])
                print(f"[ERROR] {failure['errorType']}: {failure['errorMessage']}")
                print("Traceback (most recent call last):")
                print("".join(failure["stackTrace"]).rstrip("\n"))
                encoded = json.dumps({"error": failure})
        print(END_OF_LOG, flush=True)
        sys.stderr.flush()
        answers.write(encoded + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
