# ruff: noqa: T201 - what is printed here is the function's log
"""Inside a function's process: loads the handler from its asset, and answers invocations.

Run as `python -S -P worker.py ASSET RUNTIME HANDLER ANSWERS`. What can be imported is the standard library,
the asset, and RUNTIME, which holds what Lambda's own runtime brings (boto3). An invocation is a line
of JSON on standard input, its answer a line on the file descriptor ANSWERS; standard output and error are the
function's log.
"""

import importlib
import json
import os
import sys
import time
import traceback
from types import SimpleNamespace
from typing import Any

END_OF_LOG = "\x00end of invocation"


def _context(request: dict[str, Any]) -> SimpleNamespace:
    deadline = time.monotonic() + request["timeout"]
    return SimpleNamespace(
        aws_request_id=request["request_id"],
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version="$LATEST",
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        get_remaining_time_in_millis=lambda: int((deadline - time.monotonic()) * 1000),
    )


def _failure(error: BaseException) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def main(asset: str, runtime: str, handler: str, descriptor: str) -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(int(descriptor), "w", encoding="utf-8")
    sys.path[:0] = [asset]
    sys.path.append(runtime)
    import time_machine  # noqa: PLC0415 - only now can it be found

    function = None
    for line in sys.stdin:
        request = json.loads(line)
        with time_machine.travel(request["now"], tick=True):
            try:
                if function is None:
                    module, _, name = handler.rpartition(".")
                    function = getattr(importlib.import_module(module), name)
                answer = {"result": function(request["event"], _context(request))}
                encoded = json.dumps(answer)
            except Exception as error:  # noqa: BLE001 - it is the function's, and goes to its caller
                failure = _failure(error)
                print(f"[ERROR] {failure['errorType']}: {failure['errorMessage']}")
                print("".join(failure["stackTrace"]))
                encoded = json.dumps({"error": failure})
        print(END_OF_LOG, flush=True)
        sys.stderr.flush()
        answers.write(encoded + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
