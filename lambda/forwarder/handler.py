"""The entry point: an alarm's message from SNS, or the sweep's schedule.

SNS and EventBridge invoke it asynchronously: whatever is raised is retried twice and ends in the
dead-letter queue.
"""

import json
from functools import cache
from typing import Any

from forwarder._settings import Settings
from forwarder.pipeline import Forwarder
from forwarder.wakeups import wakeups_in

__all__ = ["handler"]


@cache
def _forwarder() -> Forwarder:
    return Forwarder.from_settings(Settings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Tell what has to be told; give how many records met which decision."""
    turn = _forwarder().run(wakeups_in(event), owner=getattr(context, "aws_request_id", ""))
    print(json.dumps({"forwarder": turn.decisions, "failures": turn.failures}))  # noqa: T201
    turn.raise_failures()
    return turn.decisions
