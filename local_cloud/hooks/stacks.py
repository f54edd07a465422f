"""CloudFormation: all of it is ours."""

from typing import TYPE_CHECKING

from moto.cloudformation.responses import CloudFormationResponse

from local_cloud.cloudformation import operations
from local_cloud.hooks.patches import Patches

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["install"]


def install(patches: Patches, cloud: "LocalCloud") -> None:
    """Put our operations in the place of moto's."""
    # How moto turns its own models into answers; ours have AWS's shape already.
    patches.swap(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {})
    for name, operation in operations(cloud).items():
        if name in vars(CloudFormationResponse):
            patches.replace(CloudFormationResponse, name, "self", operation)
        else:
            patches.add(CloudFormationResponse, name, operation)
