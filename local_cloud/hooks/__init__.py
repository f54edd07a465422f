"""Every change to moto, and the check that moto is the version they were written for.

patches      replaces, adds, restores; rejects another version of moto
access       the clock, permissions
logs         CloudWatch Logs: groups, streams, events
log_filters  CloudWatch Logs: filters, saved queries
alarms       CloudWatch alarms
messages     SNS, SES
functions    Lambda
stacks       CloudFormation
"""

from local_cloud.hooks import access, alarms, functions, log_filters, logs, messages, stacks
from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches

__all__ = ["Patches", "hooked"]


def hooked(cloud: HookedCloud) -> Patches:
    """Change moto for one cloud; `undo` restores everything.

    Raises:
        HookError: a function of moto does not exist or has other parameters; nothing is changed.
    """
    patches = Patches()
    try:
        for place in (access, logs, log_filters, alarms, messages, functions, stacks):
            place.install(patches, cloud)
    except BaseException:
        patches.undo()
        raise
    return patches
