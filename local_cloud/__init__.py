"""The embedded cloud: the AWS services of an audit trail in this process, built on moto.

Each package uses the ones below it:

cloud            `LocalCloud`: start, deploy, put lines, move the clock; composes the rest
server           every AWS API over HTTP, and pages about the cloud itself
deployment       deploys the stacks of a cloud assembly       (assembly: reads its files)
hooks/           all patches of moto
cloudformation/  templates, stacks and change sets
resources/       the supported CloudFormation resource types
services/        behavior that moto lacks: deliveries, log filters, alarms, messages, functions, time, faults
receivers/       the servers that receive notifications, one for each channel type
errors           the exceptions of this package

`LocalCloud` is imported on first use, because moto's import takes a second; reading an assembly and
catching errors do not need it.
"""

from typing import TYPE_CHECKING

from local_cloud.errors import DeployError, LocalCloudError

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["DeployError", "LocalCloud", "LocalCloudError"]


def __getattr__(name: str) -> type["LocalCloud"]:
    if name != "LocalCloud":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from local_cloud.cloud import LocalCloud  # noqa: PLC0415 - on first use, see above

    return LocalCloud
