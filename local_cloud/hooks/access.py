"""Patches moto to read the cloud's clock, and to check the permissions of each call of a function."""

import json
import logging
from typing import Any

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from werkzeug.exceptions import HTTPException

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.policies import AccessRequest, effects

__all__ = ["install"]

_ACCESS_DENIED = "AccessDeniedException"

log = logging.getLogger(__name__)


class _AccessDeniedError(ServiceException):
    """AccessDenied of any service; in this module, because moto looks for the error's model here."""


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Make moto read the cloud's clock, and evaluate IAM and bucket policies.

    A call with the access key of a Lambda function is denied unless its execution role allows it; calls
    with other keys are not checked. Bucket policies are evaluated with their conditions.
    """
    cloud.clock.install()
    patches.later(cloud.clock.uninstall)
    COMMON_ERROR_CODES.append(_ACCESS_DENIED)  # any service may return it
    patches.later(lambda: COMMON_ERROR_CODES.remove(_ACCESS_DENIED))

    def refuse_if(response: Any, operation: str, given: dict[str, Any]) -> None:
        signature = response.headers.get("Authorization", "")
        scope = signature.partition("Credential=")[2].split("/")
        if cloud.permissions.knows(scope[0]):
            service = {"monitoring": "cloudwatch"}.get(scope[3], scope[3])
            refusal = cloud.permissions.refusal(scope[0], service, operation, given)
            if refusal:
                log.warning("%s", refusal)
                raise _denied(response, refusal)

    def authorize(response: Any, resource: str = "*") -> None:  # noqa: ARG001 - moto's own parameter
        operation = response._get_action()  # noqa: SLF001 - moto has no other way
        refuse_if(response, operation, _parameters(response))

    def authorize_s3(
        response: Any, bucket_name: str | None = None, key_name: str | None = None
    ) -> None:
        given = {"Bucket": bucket_name or "*", "Key": key_name}
        refuse_if(response, response.data.get("Action", "(unknown)"), given)

    def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
        """Evaluate a bucket policy with its conditions, which moto ignores."""
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        statements = json.loads(bucket.policy)["Statement"]
        secure = {"aws:SecureTransport": "true"}
        found = effects(statements, AccessRequest(action=action, resource=resource, context=secure))
        if "Deny" in found:
            return PermissionResult.DENIED
        return PermissionResult.PERMITTED if found else PermissionResult.NEUTRAL

    patches.replace(FakeBucket, "get_permission", "self action resource", get_permission)
    patches.replace(
        ActionAuthenticatorMixin,
        "_authenticate_and_authorize_normal_action",
        "self resource",
        authorize,
    )
    patches.replace(
        ActionAuthenticatorMixin,
        "_authenticate_and_authorize_s3_action",
        "self bucket_name key_name",
        authorize_s3,
    )


def _parameters(response: Any) -> dict[str, Any]:
    """Return the parameters of a call in any of AWS's protocols; those of a path override the others."""
    return {**_in_body(response), **response.uri_match}


def _in_body(response: Any) -> dict[str, Any]:
    given = response.body
    if not isinstance(given, dict):  # some of moto's services have read it already
        try:
            given = json.loads(given) if given else {}
        except ValueError:
            given = {}
    if isinstance(given, dict) and given:
        return given
    parameters = response._get_params()  # noqa: SLF001 - moto's own way for the other protocols
    return parameters if isinstance(parameters, dict) else {}


def _denied(response: Any, message: str) -> HTTPException:
    """Return the error response AccessDeniedException in the protocol of the called service."""
    refused = ActionResult(_AccessDeniedError(_ACCESS_DENIED, message))
    status, headers, body = response.serialized(refused)
    response.response_headers.update(headers)
    error = HTTPException(description=body)
    error.code = status
    return error
