"""The CloudFormation types that the embedded cloud makes, with the properties that it understands.

What is not listed fails the deployment with its name; nothing is skipped.
"""

from local_cloud.resources import bootstrap, compute, monitoring, storage
from local_cloud.resources.registry import Kind, Made, kind_of

__all__ = ["Kind", "Made", "bootstrap", "compute", "kind_of", "monitoring", "storage"]
