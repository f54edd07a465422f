"""The CloudFormation types that the embedded cloud makes, with the properties that it understands.

What is not listed fails the deployment with its name; nothing is skipped.
"""

from audit_ops.local.resources import bootstrap, compute, storage, watching
from audit_ops.local.resources.registry import Kind, Made, kind_of

__all__ = ["Kind", "Made", "bootstrap", "compute", "kind_of", "storage", "watching"]
