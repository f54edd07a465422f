"""The exceptions of this package.

* LocalCloudError
  * AssemblyError           a folder is not a cloud assembly
  * DeployError             a stack of an assembly could not be created or changed
  * HookError               moto is not the version that the hooks were written for
  * PortTakenError          another program listens on the port
  * StackError              CloudFormation rejects a call; answered as ValidationError
  * TemplateError           a template cannot be used; answered as ValidationError
  * UnknownConditionError   a policy has a condition operator that is not evaluated
"""

__all__ = [
    "AssemblyError",
    "DeployError",
    "HookError",
    "LocalCloudError",
    "PortTakenError",
    "StackError",
    "TemplateError",
    "UnknownConditionError",
]


class LocalCloudError(Exception):
    """The base class of all exceptions of this package."""


class AssemblyError(LocalCloudError):
    """A folder is not a cloud assembly; raised when its manifest is read."""


class DeployError(LocalCloudError):
    """A stack could not be created or changed; the message names the stack, the resource and the reason."""


class HookError(LocalCloudError):
    """moto is not the version that the hooks were written for; raised when the cloud starts."""


class PortTakenError(LocalCloudError):
    """Another program listens on the port; raised when the cloud starts."""


class StackError(LocalCloudError):
    """A stack cannot be found, created or changed; with CloudFormation's message where it has one."""


class TemplateError(LocalCloudError):
    """A template cannot be used; with CloudFormation's message where it has one."""


class UnknownConditionError(LocalCloudError):
    """A policy has a condition operator that is not evaluated; raised when the evaluation reaches it."""
