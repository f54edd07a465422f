"""The entry point: an alarm's message from SNS, or the sweep's schedule.

SNS and EventBridge invoke it asynchronously: whatever is raised is retried twice and ends in the
dead-letter queue.
"""

import json
from functools import cache
from typing import Any

from forwarder._settings import ForwarderSettings
from forwarder.pipeline import Forwarder
from forwarder.triggers import triggers_in

__all__ = ["handler"]


@cache
def _forwarder() -> Forwarder:
    return Forwarder.from_settings(ForwarderSettings.from_environment())


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Tell what has to be told; give how many records met which decision."""
    invocation = _forwarder().run(triggers_in(event), owner=getattr(context, "aws_request_id", ""))
    print(json.dumps({"forwarder": invocation.decisions, "failures": invocation.failures}))  # noqa: T201
    invocation.raise_failures()
    return invocation.decisions
