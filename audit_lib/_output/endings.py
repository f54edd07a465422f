"""Has the chains sealed at each ordinary end of a process, also at those that do not run `atexit`."""

import sys
from collections.abc import Callable
from typing import Any, Final

from audit_lib._record.processes import on_copy

__all__ = ["seal_at_end"]

_LAST: Final = -1000  # after the other finalizers, which may write records
_prepared = False


def seal_at_end(seal: Callable[[], None]) -> None:
    """Have a function called when this process ends as a worker of `multiprocessing` or Celery.

    Such a process ends with `os._exit`, without `atexit`, and on purpose: `multiprocessing` runs its
    finalizers first, and Celery's pool, also when it replaces a worker, sends a signal. Only the first
    call in a process has an effect.
    """
    global _prepared  # noqa: PLW0603 - once a process
    if _prepared:
        return
    _prepared = True
    multiprocessing: Any = sys.modules.get("multiprocessing.util")
    process: Any = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and process is not None and process.parent_process() is not None:
        multiprocessing.Finalize(None, seal, exitpriority=_LAST)
    celery: Any = sys.modules.get("celery.signals")
    if celery is not None:
        celery.worker_process_shutdown.connect(
            lambda **_: seal(), weak=False, dispatch_uid="audit_lib.seal"
        )


def _begin_child() -> None:
    global _prepared  # noqa: PLW0603 - once a process
    _prepared = False


on_copy(_begin_child)
