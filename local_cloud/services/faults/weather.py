"""The faults in force, and what they do to calls, messages and invocations."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from typing import Any, Final, Unpack

from local_cloud.services.clock import Clock
from local_cloud.services.faults.specification import (
    LATE,
    TIMEOUT,
    Fault,
    FaultParameters,
    fault_of,
)

__all__ = ["SILENCE_SECONDS", "Faults", "UnansweredError"]

SILENCE_SECONDS: Final = 0.1
"""The real time after which the connection of a call that is not answered is closed."""

log = logging.getLogger(__name__)


class UnansweredError(ConnectionError):
    """A call is not answered; the server closes its connection."""


@dataclass(slots=True)
class _Call:
    """A call to AWS that is being handled in this thread.

    Attributes:
        is_own: whether the cloud itself makes it, so that no fault affects it.
        status: the status of its response, if a fault changed it.
        retry_after: the header `Retry-After` of its response.
        is_silent: whether it is not answered.
    """

    is_own: bool
    status: int = 0
    retry_after: float | None = None
    is_silent: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers that a fault adds to its response."""
        return {} if self.retry_after is None else {"Retry-After": f"{self.retry_after:g}"}


@dataclass(slots=True)
class _FunctionCalls:
    """The AWS calls of an invocation.

    Attributes:
        function: the function's name.
        end: ends the process of the invocation; called with `killed` or `timeout`.
        number: the number of calls so far.
    """

    function: str
    end: Callable[[str], None]
    number: int = 0


_CALL: Final[ContextVar[_Call | None]] = ContextVar("call", default=None)


class Faults:
    """The faults of one cloud.

    Args:
        clock: the cloud's clock.
        receivers: returns the types of receivers, each with the AWS service and operation that a message to
            it goes through, or None if the receiver itself can fail.
        functions: returns the names of the functions.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        receivers: Callable[[], Mapping[str, tuple[str, str] | None]],
        functions: Callable[[], Iterable[str]],
    ) -> None:
        self._clock = clock
        self._receivers = receivers
        self._functions = functions
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._invocations: dict[str, _FunctionCalls] = {}

    def add(self, **given: Unpack[FaultParameters]) -> Fault:
        """Put a fault in force until its seconds are over or its count is used up, or it is ended.

        Returns:
            The fault; as a context manager, it ends with the block.

        Raises:
            FaultError: a parameter is missing, not known, or has a value that is not understood.
        """
        fault = fault_of(
            given, now=self._clock.now(), receivers=self._receivers(), functions=self._functions()
        )
        fault.end = partial(self._end, fault)
        with self._lock:
            self._faults.append(fault)
        return fault

    def end_all(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return the faults in force in JSON types: their parameters, `struck`, and what is left.

        `struck` is the number of calls, messages or invocations that a fault affected. `seconds_left` and
        `count_left` are there if it ends by itself.
        """
        now = self._clock.now()
        with self._lock:
            return [
                {
                    **fault.given,
                    "struck": fault.struck,
                    **({"seconds_left": ceil(fault.ends_at - now)} if fault.ends_at < inf else {}),
                    **({"count_left": int(fault.left)} if fault.left < inf else {}),
                }
                for fault in self._in_force()
            ]

    # ── calls to AWS

    @contextmanager
    def call(self) -> Generator[_Call]:
        """Handle a call to AWS in this block; calls that are made to handle it are the cloud's own.

        Raises:
            UnansweredError: a fault says that the call is not answered; after 0.1 seconds of real time.
        """
        call = _Call(is_own=_CALL.get() is not None)
        token = _CALL.set(call)
        try:
            yield call
        finally:
            _CALL.reset(token)
        if call.is_silent:
            time.sleep(SILENCE_SECONDS)
            raise UnansweredError("a fault: this call is not answered")

    @contextmanager
    def own_work(self) -> Generator[None]:
        """Make calls to AWS in this block as the cloud itself, which no fault affects."""
        token = _CALL.set(_Call(is_own=True))
        try:
            yield
        finally:
            _CALL.reset(token)

    def strike(
        self, services: Collection[str], operation: str, *, by_function: bool
    ) -> Fault | None:
        """Return the fault that the call of this thread meets, if its answer replaces that of the service.

        A call that meets the answer `late` is carried out, and not answered.
        """
        call = _CALL.get()
        if call is None or call.is_own:
            return None
        fault = self._take(
            lambda each: (
                not set(services).isdisjoint(each.services)
                and each.operation in {"", operation}
                and (by_function or each.everybody)
            )
        )
        if fault is None:
            return None
        call.is_silent = fault.answer in {TIMEOUT, LATE}
        call.retry_after = fault.retry_after
        return None if fault.answer == LATE else fault

    def set_status(self, status: int) -> None:
        """Set the status of the response to the call of this thread."""
        if (call := _CALL.get()) is not None:
            call.status = status

    # ── messages to receivers

    def message(self, receiver: str) -> Fault | None:
        """Return the fault that a message to a receiver of a type meets."""
        return self._take(lambda each: each.receiver == receiver)

    # ── invocations of functions

    def fails_before(self, function: str) -> bool:
        """Return whether an invocation of a function fails before it begins."""
        return self._take(lambda e: e.function == function and e.answer == "error") is not None

    @contextmanager
    def invocation(
        self, access_key: str, function: str, end: Callable[[str], None]
    ) -> Generator[None]:
        """Count the calls of an invocation in this block, by the access key of its process."""
        self._invocations[access_key] = _FunctionCalls(function, end)
        try:
            yield
        finally:
            del self._invocations[access_key]

    @contextmanager
    def function_call(self, access_key: str) -> Generator[None]:
        """Handle a call of the process with an access key in this block, unless a fault ends the process.

        Raises:
            UnansweredError: the process was ended, before the block or, with `after`, after it.
        """
        calls = self._invocations.get(access_key)
        fault = None
        if calls is not None:
            calls.number += 1
            function, number = calls.function, calls.number
            fault = self._take(
                lambda each: (
                    each.function == function and each.answer != "error" and each.at_call == number
                )
            )
        if calls is None or fault is None:
            yield
            return
        try:
            if fault.after:
                yield
        finally:
            calls.end(str(fault.answer))
        raise UnansweredError("a fault: the process of this call was ended")

    def _take(self, affects: Callable[[Fault], bool]) -> Fault | None:
        """Return the first fault in force that affects something, and count that."""
        with self._lock:
            for fault in self._in_force():
                if affects(fault):
                    log.info("fault: %s", fault.given)
                    fault.struck += 1
                    fault.left -= 1
                    return fault
        return None

    def _in_force(self) -> list[Fault]:
        now = self._clock.now()
        self._faults = [each for each in self._faults if each.left > 0 and each.ends_at > now]
        return self._faults

    def _end(self, fault: Fault) -> None:
        with self._lock:
            self._faults = [each for each in self._faults if each is not fault]
