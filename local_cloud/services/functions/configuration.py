"""Reads the current configuration of a function, and keeps the parts of it that moto drops."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from moto.awslambda.models import LambdaFunction, lambda_backends

from local_cloud._protocol import Cloud

__all__ = [
    "FunctionConfiguration",
    "configuration_of",
    "dead_letter_arn_of",
    "keep_new",
    "keep_updated",
    "log_group_of",
]

_KEPT: Final = ("DeadLetterConfig", "LoggingConfig")
"""The members of a function's configuration that moto drops."""
_KEPT_AS: Final = "kept_configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfiguration:
    """The configuration and code of a function.

    Attributes:
        code: the deployment package, a ZIP file.
        timeout: the timeout in seconds.
        memory_mb: the memory size in MB.
        dead_letter_arn: the ARN of the dead-letter queue; empty for none.
    """

    name: str
    handler: str
    code: bytes = field(repr=False)
    environment: Mapping[str, str]
    timeout: int
    memory_mb: int
    role_arn: str
    log_group: str
    dead_letter_arn: str = ""

    @property
    def signature(self) -> str:
        """A hash of code, handler, environment, memory and role; a process serves only one signature."""
        parts = (self.handler, self.environment, self.memory_mb, self.role_arn)
        return sha256(repr(parts).encode() + self.code).hexdigest()


def configuration_of(cloud: Cloud, name: str) -> FunctionConfiguration:
    """Return the current configuration of the function of a name."""
    found = lambda_backends[cloud.account][cloud.region].get_function(name)
    return FunctionConfiguration(
        name=name,
        handler=str(found.handler),
        code=found.code_bytes,
        environment=dict(found.environment_vars),
        timeout=int(found.timeout),
        memory_mb=int(found.memory_size),
        role_arn=found.role,
        log_group=log_group_of(found),
        dead_letter_arn=dead_letter_arn_of(found),
    )


def keep_new(function: LambdaFunction, given: Mapping[str, Any]) -> None:
    """Store `DeadLetterConfig` and `LoggingConfig` of a new function, which moto drops."""
    vars(function)[_KEPT_AS] = {name: given[name] for name in _KEPT if given.get(name)}


def keep_updated(function: LambdaFunction, given: Mapping[str, Any]) -> None:
    """Store `DeadLetterConfig` and `LoggingConfig` of an update, which moto drops, if it has them."""
    vars(function)[_KEPT_AS] |= {name: given[name] for name in _KEPT if name in given}


def dead_letter_arn_of(function: LambdaFunction) -> str:
    """Return the ARN of a function's dead-letter queue; empty for none."""
    return str(vars(function)[_KEPT_AS].get("DeadLetterConfig", {}).get("TargetArn", ""))


def log_group_of(function: LambdaFunction) -> str:
    """Return the name of a function's log group; `/aws/lambda/<function name>` by default."""
    default = f"/aws/lambda/{function.function_name}"
    return str(vars(function)[_KEPT_AS].get("LoggingConfig", {}).get("LogGroup", default))
