"""The CloudFormation resource types and properties that the embedded cloud supports.

A template with any other type or property is rejected, with a message that names each.
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
