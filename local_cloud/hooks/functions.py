"""Lambda: invocations go to processes of ours, and moto keeps all of the configuration."""

import base64
import json
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import LambdaFunction

from local_cloud.hooks.patches import Patches

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["dead_letter_arn", "install", "log_group"]

_KEPT = ("DeadLetterConfig", "LoggingConfig")
_KEPT_AS = "kept_configuration"


def install(patches: Patches, cloud: "LocalCloud") -> None:
    """Run functions, and keep what moto does not keep of them."""

    def invoke(
        function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
    ) -> bytes:
        event = json.loads(body) if body else {}
        if request_headers.get("x-amz-invocation-type") == "Event":
            cloud.functions.invoke_later(function.function_name, event)
            return b""
        outcome = cloud.functions.invoke(function.function_name, event)
        response_headers["x-amz-executed-version"] = "$LATEST"
        printed = "\n".join(outcome.log).encode()
        response_headers["x-amz-log-result"] = base64.b64encode(printed[-4096:]).decode()
        if outcome.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return outcome.payload.encode()

    patches.replace(LambdaFunction, "invoke", "self body request_headers response_headers", invoke)

    def begin(
        function: LambdaFunction,
        account_id: str,
        spec: dict[str, Any],
        region: str,
        version: Any = 1,
    ) -> None:
        original_begin(function, account_id, spec, region, version)
        vars(function)[_KEPT_AS] = {name: spec[name] for name in _KEPT if spec.get(name)}

    original_begin = patches.replace(
        LambdaFunction, "__init__", "self account_id spec region version", begin
    )

    def update(function: LambdaFunction, config_updates: dict[str, Any]) -> Any:
        vars(function)[_KEPT_AS] |= {
            name: config_updates[name] for name in _KEPT if name in config_updates
        }
        return original_update(function, config_updates)

    original_update = patches.replace(
        LambdaFunction, "update_configuration", "self config_updates", update
    )

    def described(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = original_described(function, on_create)
        found["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": log_group(function)}
        if target := dead_letter_arn(function):
            found["DeadLetterConfig"] = {"TargetArn": target}
        return found

    original_described = patches.replace(
        LambdaFunction, "get_configuration", "self on_create", described
    )


def dead_letter_arn(function: LambdaFunction) -> str:
    """Give the dead-letter queue of a function; empty when it has none."""
    return str(vars(function)[_KEPT_AS].get("DeadLetterConfig", {}).get("TargetArn", ""))


def log_group(function: LambdaFunction) -> str:
    """Give the log group that a function writes to."""
    default = f"/aws/lambda/{function.function_name}"
    return str(vars(function)[_KEPT_AS].get("LoggingConfig", {}).get("LogGroup", default))
