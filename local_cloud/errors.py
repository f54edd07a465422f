"""The exceptions of the embedded cloud.

* LocalCloudError
  * AssemblyError           a folder is not a cloud assembly
  * DeployError             a stack of an assembly could not be created or updated
  * FaultError              a fault that a test asks for is not understood; also a ValueError
  * HookError               moto is not the version that the hooks were written for
  * PortTakenError          the port cannot be bound
  * StackError              CloudFormation rejects a call; returned as ValidationError
  * TemplateError           a template is invalid or not supported; returned as ValidationError
  * UnknownConditionError   a policy has a condition operator or element that is not evaluated
"""

__all__ = [
    "AssemblyError",
    "DeployError",
    "FaultError",
    "HookError",
    "LocalCloudError",
    "PortTakenError",
    "StackError",
    "TemplateError",
    "UnknownConditionError",
]


class LocalCloudError(Exception):
    """The base class of all exceptions of the embedded cloud; also raised if one already runs."""


class AssemblyError(LocalCloudError):
    """A folder is not a cloud assembly: a file is missing or cannot be read."""


class DeployError(LocalCloudError):
    """A stack could not be created or updated; the message names the stack and the reason."""


class FaultError(LocalCloudError, ValueError):
    """A fault that a test asks for is not understood; the message names the parameter and what to write."""


class HookError(LocalCloudError):
    """moto is not the version that the hooks were written for; raised when the cloud starts."""


class PortTakenError(LocalCloudError):
    """The port cannot be bound, usually because another program listens on it; raised at the start."""


class StackError(LocalCloudError):
    """CloudFormation rejects a call on a stack; with AWS's message where one is known."""


class TemplateError(LocalCloudError):
    """A template is invalid, or the embedded cloud does not support a part of it."""


class UnknownConditionError(LocalCloudError):
    """A policy has an element or operator that is not supported; raised when it is evaluated."""
