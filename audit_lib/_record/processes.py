"""Detects that the process is a copy of another one, which must not repeat its ids or its place in a chain.

`os.fork` calls the functions of `on_copy` in the child process. So does AWS Lambda SnapStart after it has
restored a snapshot. Another process id reveals a fork without Python's hooks, such as that of uWSGI. A copy
with the same process id that nothing announces (CRIU) is not detected.
"""

import os
from collections.abc import Callable
from typing import Final

__all__ = ["check_process", "on_copy"]

_callbacks: Final[list[Callable[[], object]]] = []
_getpid: Final = os.getpid
_pid = _getpid()


def on_copy(callback: Callable[[], object]) -> None:
    """Have a function called in each copy of this process; those that were added first are called first."""
    _callbacks.append(callback)


def check_process() -> None:
    """Call the functions of `on_copy` if the process was copied without Python's hooks."""
    if _getpid() != _pid:
        _copied()


def _copied() -> None:
    global _pid  # noqa: PLW0603 - that of the process
    _pid = _getpid()
    for callback in _callbacks:
        callback()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_copied)
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    try:
        from snapshot_restore_py import (  # type: ignore[import-untyped]
            register_after_restore,
        )
    except ImportError:  # a runtime without the hooks of SnapStart
        pass
    else:
        register_after_restore(_copied)
