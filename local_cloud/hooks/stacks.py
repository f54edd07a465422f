"""CloudFormation: every operation is ours."""

from moto.cloudformation.responses import CloudFormationResponse

from local_cloud.cloudformation import operations
from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches

__all__ = ["install"]


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Replace moto's operations by ours."""
    # How moto turns its own models into answers; ours have AWS's shape already.
    patches.swap(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {})
    for name, operation in operations(cloud, cloud.stacks).items():
        if name in vars(CloudFormationResponse):
            patches.replace(CloudFormationResponse, name, "self", operation)
        else:
            patches.add(CloudFormationResponse, name, operation)
