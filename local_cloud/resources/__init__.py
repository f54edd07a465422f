"""The CloudFormation types that the embedded cloud supports, with the properties that it evaluates.

A type or property that is not listed fails the deployment, which names it; nothing is skipped.
"""

from local_cloud.resources import bootstrap, compute, monitoring, storage
from local_cloud.resources.registry import PhysicalResource, ResourceType, type_named

__all__ = [
    "PhysicalResource",
    "ResourceType",
    "bootstrap",
    "compute",
    "monitoring",
    "storage",
    "type_named",
]
