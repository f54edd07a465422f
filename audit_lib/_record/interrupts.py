"""Recognises exceptions that a signal handler raised, which must go on to the application.

A signal handler runs between two instructions of the main thread, so its exception (the soft time limit of
Celery, the timeout of RQ) appears to come from whatever runs at that moment.
"""

import signal
from collections.abc import Iterator
from types import CodeType
from typing import Any

__all__ = ["Suppressed", "from_signal_handler"]


class Suppressed:
    """A context manager that suppresses any `Exception` that no signal handler raised."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> bool:
        """Return whether the exception is suppressed."""
        return isinstance(error, Exception) and not from_signal_handler(error)


def from_signal_handler(error: BaseException) -> bool:
    """Return whether an exception was raised in the handler of a signal, or in what it called."""
    trace = error.__traceback__
    codes: set[CodeType] | None = None
    while trace is not None:
        if codes is None:
            codes = set(_handler_codes())
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _handler_codes() -> Iterator[CodeType]:
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        if not callable(handler):  # the default, or ignored
            continue
        while hasattr(handler, "func"):  # `functools.partial`
            handler = handler.func
        if not hasattr(handler, "__code__"):
            handler = getattr(handler, "__func__", type(handler).__call__)
        if (code := getattr(handler, "__code__", None)) is not None:
            yield code
