"""The CloudFormation types that the embedded cloud makes, with the properties that it understands.

What is not listed fails the deployment with its name; nothing is skipped.
"""

from audit_ops.local.resources.registry import Made, Resources, UnknownResourceError

__all__ = ["Made", "Resources", "UnknownResourceError"]
