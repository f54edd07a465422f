"""CloudFormation: templates to stacks, as the CDK CLI and boto3 speak with it.

template   a template's text, its conditions and intrinsic functions
engine     make, change, delete; rolled back when something fails
api        the operations, in the place of moto's
"""

from audit_ops.local.cloudformation.api import operations
from audit_ops.local.cloudformation.engine import Engine, Stack, StackError

__all__ = ["Engine", "Stack", "StackError", "operations"]
