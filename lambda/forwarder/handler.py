"""The Lambda handler of the forwarder, for alarms (SNS), the sweep (EventBridge) and urgent records.

The function is invoked asynchronously. After an exception, Lambda retries twice and then sends the
event to the dead-letter queue.
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
    """Handle the triggers in the event, and log the number of records by decision as JSON.

    Returns:
        The number of each `Decision`; a record counts once for each channel that it was claimed for.

    Raises:
        ForwardingError: a trigger or a notification failed; the others were handled.
    """
    invocation = _forwarder().run(triggers_in(event), owner=getattr(context, "aws_request_id", ""))
    print(json.dumps({"forwarder": invocation.decisions, "failures": invocation.failures}))  # noqa: T201
    invocation.raise_failures()
    return invocation.decisions
