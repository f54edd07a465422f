"""Implements CloudFormation for the CDK CLI and boto3, in place of moto's implementation.

api         the API operations
engine      creates, updates, imports and deletes stacks; rolls back when a resource fails
planning    computes the changes of a change set
parameters  resolves parameters, pseudo parameters, resources and exports
stacks      the data of a stack
template    parses a template, and resolves its conditions and intrinsic functions
"""

from local_cloud.cloudformation.api import operations
from local_cloud.cloudformation.engine import Engine

__all__ = ["Engine", "operations"]
