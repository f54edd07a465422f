"""CloudFormation: templates to stacks, as the CDK CLI and boto3 speak with it.

template   a template's text, its conditions and intrinsic functions
engine     make, change, delete; rolled back when something fails
api        the operations, in the place of moto's
"""

from local_cloud.cloudformation.api import operations
from local_cloud.cloudformation.engine import Engine, Stack

__all__ = ["Engine", "Stack", "operations"]
