"""CloudFormation: templates to stacks, as the CDK CLI and boto3 call it.

api         the operations, instead of moto's
engine      creates, changes and deletes stacks; rolls back when something fails
planning    what a change set would do
parameters  the values of a template's references
stacks      a stack as data
template    a template's text, its conditions and intrinsic functions
"""

from local_cloud.cloudformation.api import operations
from local_cloud.cloudformation.engine import Engine

__all__ = ["Engine", "operations"]
