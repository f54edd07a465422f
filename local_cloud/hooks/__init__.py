"""Every place where moto is changed, and the check that each is still what it was.

patches    replaces, adds, puts back; refuses a moto that is not the one these were written for
access     the clock, permissions
logs       CloudWatch Logs
watching   alarms, SNS, SES
functions  Lambda
stacks     CloudFormation
"""

from typing import TYPE_CHECKING

from local_cloud.hooks import access, functions, logs, stacks, watching
from local_cloud.hooks.patches import Patches

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["Patches", "hooked"]


def hooked(cloud: "LocalCloud") -> Patches:
    """Change moto for one cloud; `undo` puts everything back.

    Raises:
        HookError: a function of moto is gone or has other parameters; nothing is changed.
    """
    patches = Patches()
    try:
        for place in (access, logs, watching, functions, stacks):
            place.install(patches, cloud)
    except BaseException:
        patches.undo()
        raise
    return patches
