"""Sends the dead letters of a trail's functions to these again, for `audit redrive`."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from audit_rules import Names

__all__ = ["Redriven", "redrive"]

_PARTS: Final = ("Router", "Matcher", "Teller", "Forwarder")


@dataclass(frozen=True, slots=True)
class Redriven:
    """The result for one dead letter: the function, and the error of its invocation, empty without one."""

    function: str
    error: str = ""


def redrive(
    names: Names, queues: Mapping[str, str], client: Callable[[str], Any]
) -> Iterator[Redriven]:
    """Invoke the functions with their dead letters, and delete each letter whose invocation succeeded.

    A letter whose invocation fails again stays in its queue. All work may be done again without harm: what is in
    the audit log group twice is told once.

    Args:
        names: the names of the trail.
        queues: the URLs of its queues, by their logical ids.
        client: returns the boto3 client of a service.
    """
    functions = dict(
        zip(_PARTS, (names.router, names.matcher, names.teller, names.forwarder), strict=True)
    )
    for logical_id, url in queues.items():
        for part, function in functions.items():
            if logical_id.startswith(f"{part}DeadLetters"):
                yield from _redrive_queue(function, url, client)


def _redrive_queue(function: str, url: str, client: Callable[[str], Any]) -> Iterator[Redriven]:
    sqs, lambda_client = client("sqs"), client("lambda")
    while True:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=900, WaitTimeSeconds=1
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        for message in messages:
            invoked = lambda_client.invoke(FunctionName=function, Payload=message["Body"].encode())
            if "FunctionError" in invoked:
                error = json.loads(invoked["Payload"].read() or b"{}")
                yield Redriven(function, str(error.get("errorMessage", "unknown error")))
                continue
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield Redriven(function)
