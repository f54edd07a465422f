"""Patches moto where it behaves differently from AWS; checks that moto is the pinned version.

patches      replaces and restores attributes of moto; rejects another version of moto
access       clock, permission checks and faults of every call
logs         CloudWatch Logs: log groups, log streams, log events
log_filters  CloudWatch Logs: metric filters, subscription filters, saved queries
alarms       CloudWatch alarms
mails        SES
messages     SNS
schedules    EventBridge
functions    Lambda
stacks       CloudFormation
"""

from local_cloud.hooks import (
    access,
    alarms,
    functions,
    log_filters,
    logs,
    mails,
    messages,
    schedules,
    stacks,
)
from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches

__all__ = ["Patches", "hooked"]


def hooked(cloud: HookedCloud) -> Patches:
    """Patch moto for one cloud.

    Returns:
        The patches; their `undo` restores moto.

    Raises:
        HookError: a function of moto does not exist or has other parameters; moto is restored.
    """
    patches = Patches()
    try:
        for place in (
            access,
            logs,
            log_filters,
            alarms,
            messages,
            mails,
            schedules,
            functions,
            stacks,
        ):
            place.install(patches, cloud)
    except BaseException:
        patches.undo()
        raise
    return patches
