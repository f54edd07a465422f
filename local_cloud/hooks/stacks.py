"""Patches moto's CloudFormation: replaces its operations by those of `local_cloud.cloudformation`."""

from moto.cloudformation.responses import CloudFormationResponse

from local_cloud.cloudformation import operations
from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches

__all__ = ["install"]


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Replace or add the operations of `cloudformation.operations`; those not in it stay moto's."""
    # moto uses these to turn its models into responses; ours already have AWS's shape.
    patches.swap(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {})
    for name, operation in operations(cloud, cloud.stacks).items():
        if name in vars(CloudFormationResponse):
            patches.replace(CloudFormationResponse, name, "self", operation)
        else:
            patches.add(CloudFormationResponse, name, operation)
