"""Recognises exceptions that a signal handler raised, which must go on to the application.

A signal handler runs between two instructions of the main thread, so its exception (the soft time limit of
Celery, the timeout of RQ) appears to come from whatever runs at that moment.
"""

import signal
from collections.abc import Iterator
from types import CodeType
from typing import Any

__all__ = ["from_signal_handler"]


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
