"""Patches moto's Lambda: runs functions in local processes, and keeps their whole configuration."""

import base64
import json
from typing import Any

from moto.awslambda.models import LambdaFunction

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.functions.configuration import (
    dead_letter_arn_of,
    keep_new,
    keep_updated,
    log_group_of,
)

__all__ = ["install"]


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Run invocations in local processes, and keep `DeadLetterConfig` and `LoggingConfig`.

    moto would run functions in Docker, drops these two parts of their configuration, and ignores the
    `Architectures` of an update.
    """

    def invoke(
        function: LambdaFunction, body: Any, request_headers: Any, response_headers: Any
    ) -> bytes:
        event = json.loads(body) if body else {}
        if request_headers.get("x-amz-invocation-type") == "Event":
            cloud.functions.invoke_later(function.function_name, event)
            return b""
        result = cloud.functions.invoke(function.function_name, event)
        response_headers["x-amz-executed-version"] = "$LATEST"
        printed = "\n".join(result.log).encode()
        response_headers["x-amz-log-result"] = base64.b64encode(printed[-4096:]).decode()
        if result.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return result.payload.encode()

    patches.replace(LambdaFunction, "invoke", "self body request_headers response_headers", invoke)

    def begin(
        function: LambdaFunction,
        account_id: str,
        spec: dict[str, Any],
        region: str,
        version: Any = 1,
    ) -> None:
        original_begin(function, account_id, spec, region, version)
        keep_new(function, spec)

    original_begin = patches.replace(
        LambdaFunction, "__init__", "self account_id spec region version", begin
    )

    def update(function: LambdaFunction, config_updates: dict[str, Any]) -> Any:
        keep_updated(function, config_updates)
        return original_update(function, config_updates)

    original_update = patches.replace(
        LambdaFunction, "update_configuration", "self config_updates", update
    )

    def update_code(function: LambdaFunction, updated_spec: dict[str, Any]) -> Any:
        if architectures := updated_spec.get("Architectures"):
            function.architectures = architectures
        return original_code(function, updated_spec)

    original_code = patches.replace(
        LambdaFunction, "update_function_code", "self updated_spec", update_code
    )

    def described(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = original_described(function, on_create)
        found["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": log_group_of(function)}
        if target := dead_letter_arn_of(function):
            found["DeadLetterConfig"] = {"TargetArn": target}
        return found

    original_described = patches.replace(
        LambdaFunction, "get_configuration", "self on_create", described
    )
