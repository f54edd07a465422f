"""Invokes the Lambda functions of the cloud: synchronously, or by queuing an event."""

import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from local_cloud._protocol import Cloud
from local_cloud.services.faults import Faults
from local_cloud.services.functions.asynchronous import AsynchronousInvocations
from local_cloud.services.functions.configuration import FunctionConfiguration, configuration_of
from local_cloud.services.functions.logs import write_function_log
from local_cloud.services.functions.processes import InvocationResult, ProcessPool
from local_cloud.services.functions.sleepers import Sleepers
from local_cloud.services.permissions import Permissions

__all__ = ["Functions"]

log = logging.getLogger(__name__)


class Functions:
    """The invocations of the cloud's Lambda functions.

    Args:
        cloud: the cloud.
        endpoint: the URL that functions send their AWS calls to.
        permissions: the permissions of the functions' execution roles.
        faults: the faults that invocations meet.
        send_dead_letter: called after three failed attempts of an asynchronous invocation, with the
            function's configuration, the event and the last result.
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        endpoint: str,
        permissions: Permissions,
        faults: Faults,
        send_dead_letter: Callable[[FunctionConfiguration, Any, InvocationResult], None],
    ) -> None:
        self._cloud = cloud
        self._permissions = permissions
        self._faults = faults
        self._send_dead_letter = send_dead_letter
        self._sleepers = Sleepers(cloud.clock)
        self._processes = ProcessPool(
            region=cloud.region,
            endpoint=endpoint,
            permissions=permissions,
            sleepers=self._sleepers,
        )
        self._asynchronous = AsynchronousInvocations(
            clock=cloud.clock, invoke=partial(self._invoke, waits=True), give_up=self._give_up
        )

    def invoke(self, name: str, event: Any) -> InvocationResult:
        """Invoke a function and wait for its result; write its output to its log group.

        An error of the function is a result with `failed`, not an exception; it is not retried.
        """
        return self._invoke(name, event, str(uuid4()))

    def invoke_later(self, name: str, event: Any) -> str:
        """Queue an asynchronous invocation, with two retries if it fails; return its request id."""
        return self._asynchronous.add(name, event)

    def tick(self) -> None:
        """Queue the events whose retry is due on the cloud's clock."""
        self._asynchronous.tick()

    @property
    def busy(self) -> bool:
        """Whether an event is queued or being handled; retries that are not yet due do not count."""
        return self._asynchronous.busy

    @property
    def next_wake(self) -> float | None:
        """When the first invocation wakes, on the cloud's clock, if all that run sleep; else None."""
        return self._sleepers.next_wake(self._asynchronous.running)

    def raise_faults(self) -> None:
        """Raise the latest error of the embedded cloud in an asynchronous invocation, if there was one."""
        self._asynchronous.raise_faults()

    def stop(self) -> None:
        """Wait until the queued events are handled, and end all processes; pending retries are discarded.

        Functions that sleep wake at once.
        """
        self._sleepers.stop()
        self._asynchronous.stop()
        self._processes.stop()

    def _invoke(
        self, name: str, event: Any, request_id: str, *, waits: bool = False
    ) -> InvocationResult:
        """Invoke a function; with `waits`, a timeout that a fault asks for lasts on the cloud's clock."""
        configuration = configuration_of(self._cloud, name)
        process = self._processes.take(configuration)
        try:
            if self._faults.fails_before(name):
                result = _failed_before(request_id)
            else:
                with self._faults.invocation(process.key, name, process.end):
                    result = process.call(event, request_id, self._cloud.clock.now(), waits=waits)
        finally:
            self._processes.give_back(process)
        with self._faults.own_work():
            write_function_log(
                self._cloud, self._permissions, configuration, process.stream, result.log
            )
        if result.failed:
            log.warning(
                "function %s failed: %s; see its log group %s",
                name,
                result.message,
                configuration.log_group,
            )
        return result

    def _give_up(self, name: str, event: Any, result: InvocationResult) -> None:
        with self._faults.own_work():
            self._send_dead_letter(configuration_of(self._cloud, name), event, result)


def _failed_before(request_id: str) -> InvocationResult:
    """Return the result of an invocation that fails before its handler runs."""
    message = "a fault of the embedded cloud: the invocation fails before its first call"
    error = {"errorType": "Runtime.Unknown", "errorMessage": message, "requestId": request_id}
    lines = [f"START RequestId: {request_id} Version: $LATEST", f"[ERROR] {message}"]
    lines.append(f"END RequestId: {request_id}")
    return InvocationResult(json.dumps(error), failed=True, request_id=request_id, log=lines)
