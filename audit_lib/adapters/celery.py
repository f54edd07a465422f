"""Celery: adds the context of a task's sender, and the task's id and name, to the task's records.

Call `install()` in the module that creates the Celery application and that both web processes and workers
import. The context is sent as the message header `audit_context`, and kept through countdowns and retries.
The id and name are in the field `task`.
"""

from typing import Any, Final

from celery import signals

from audit_lib._context import Request, current_context

__all__ = ["install"]

_HEADER: Final = "audit_context"
_open: Final[dict[str, Request]] = {}


def install() -> None:
    """Connect handlers to the Celery signals, which send the context with each task and restore it in the worker.

    Further calls have no effect.
    """
    signals.before_task_publish.connect(_send, weak=False, dispatch_uid="audit_lib.send")
    signals.task_prerun.connect(_begin, weak=False, dispatch_uid="audit_lib.begin")
    signals.task_postrun.connect(_end, weak=False, dispatch_uid="audit_lib.end")


def _send(headers: dict[str, Any] | None = None, **_: Any) -> None:
    fields = {name: value for name, value in current_context().fields.items() if name != "task"}
    if headers is not None and fields:
        headers[_HEADER] = fields


def _begin(task_id: str, task: Any, **_: Any) -> None:
    carried = getattr(task.request, _HEADER, None)
    fields = carried if isinstance(carried, dict) else {}
    _open[task_id] = Request({**fields, "task": {"id": task_id, "name": task.name}})
    _open[task_id].__enter__()


def _end(task_id: str, **_: Any) -> None:
    opened = _open.pop(task_id, None)
    if opened is not None:
        opened.__exit__()
