"""Patches moto to read the cloud's clock, to check each call's permissions, and to let it meet faults."""

import json
import logging
from functools import partial
from typing import Any

from botocore.exceptions import ConnectionClosedError
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.errors import COMMON_ERROR_CODES
from moto.core.exceptions import ServiceException
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket
from werkzeug.exceptions import HTTPException

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.faults import COMMON_CODES, UnansweredError, error_of
from local_cloud.services.honoured import HONOURED, not_honoured
from local_cloud.services.keys import key_problem
from local_cloud.services.policies import AccessRequest, effects

__all__ = ["NOT_SUPPORTED", "install"]

_ACCESS_DENIED = "AccessDeniedException"
NOT_SUPPORTED = "UnsupportedParameterException"
"""The error code for a parameter that is not honoured."""
_CODES = (_ACCESS_DENIED, NOT_SUPPORTED, "DecryptionFailure", "KMSDisabled", "KmsDisabled")

log = logging.getLogger(__name__)


class _RefusedError(ServiceException):
    """An error of any service; in this module, because moto looks for the error's model here."""


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Make moto read the cloud's clock, and evaluate IAM and bucket policies.

    A call with the access key of a Lambda function is denied unless its execution role allows it; calls
    with other keys are not checked. A call that needs a KMS key which is not enabled fails for every caller,
    and so does a call with a parameter that is not in `services.honoured`. A call that passes these checks meets
    the faults in force. Bucket policies are evaluated with their conditions.
    """
    cloud.clock.install()
    patches.later(cloud.clock.uninstall)
    for code in (*_CODES, *COMMON_CODES):  # any service may return them
        COMMON_ERROR_CODES.append(code)
        patches.later(partial(COMMON_ERROR_CODES.remove, code))

    def refuse_if(response: Any, operation: str, given: dict[str, Any], actual: str = "") -> None:
        signature = response.headers.get("Authorization", "")
        scope = signature.partition("Credential=")[2].split("/")
        if len(scope) < 4:
            return
        service = {"monitoring": "cloudwatch"}.get(scope[3], scope[3])
        by_function = cloud.permissions.knows(scope[0])
        if by_function:
            refusal = cloud.permissions.refusal(scope[0], service, operation, given)
            if refusal:
                log.warning("%s", refusal)
                raise _refused(response, _ACCESS_DENIED, refusal)
        if problem := key_problem(cloud.region, service, operation, given):
            raise _refused(response, *problem)
        called = actual or operation
        _check_parameters(response, called)
        name = response.boto3_service_name
        if fault := cloud.faults.strike((service, name), called, by_function=by_function):
            status = fault.answer if isinstance(fault.answer, int) else 500  # which nobody receives
            code, status = error_of(name, called, status)
            refused = _refused(response, code, f"a fault of the embedded cloud: {fault.answer}")
            cloud.faults.set_status(status)
            raise refused

    def authorize(response: Any, resource: str = "*") -> None:  # noqa: ARG001 - moto's own parameter
        operation = response._get_action()  # noqa: SLF001 - moto has no other way
        refuse_if(response, operation, _parameters(response))

    def authorize_s3(
        response: Any, bucket_name: str | None = None, key_name: str | None = None
    ) -> None:
        given = {"Bucket": bucket_name or "*", "Key": key_name}
        action = response.data.get("Action", "(unknown)")
        refuse_if(response, action, given, actual=_s3_operation(response))

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
    _bucket_policies(patches)
    _calls_in_this_process(patches, cloud)


def _calls_in_this_process(patches: Patches, cloud: HookedCloud) -> None:
    def process_request(stubber: BotocoreStubber, request: Any) -> Any:
        try:
            with cloud.faults.call() as call:
                answer = original(stubber, request)
        except UnansweredError as error:
            raise ConnectionClosedError(endpoint_url=request.url, request=request) from error
        if answer is None:
            return None
        status, headers, body = answer
        return call.status or status, {**headers, **call.headers}, body

    original = patches.replace(BotocoreStubber, "process_request", "self request", process_request)


def _bucket_policies(patches: Patches) -> None:
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


def _parameters(response: Any) -> dict[str, Any]:
    """Return the parameters of a call in any of AWS's protocols; those of a path override the others."""
    return {**_in_body(response), **response.uri_match}


def _in_body(response: Any) -> dict[str, Any]:
    if given := _json_body(response):
        return given
    parameters = response._get_params()  # noqa: SLF001 - moto's own way for the other protocols
    return parameters if isinstance(parameters, dict) else {}


def _json_body(response: Any) -> dict[str, Any]:
    """Return the JSON object in a call's body; empty for any other body."""
    given = response.body
    if not isinstance(given, dict):  # some of moto's services have read it already
        try:
            given = json.loads(given) if given else {}
        except ValueError:
            return {}
    return given if isinstance(given, dict) else {}


def _s3_operation(response: Any) -> str:
    """Return the operation of a call to S3; `Action` is the permission that it needs."""
    operation = response._get_action_from_method_and_request_uri(response.normalized_request)  # noqa: SLF001
    return operation or "(unknown)"


def _check_parameters(response: Any, operation: str) -> None:
    """Reject a call with a parameter that is not honoured, by its name."""
    service = response.boto3_service_name
    if operation not in HONOURED.get(service, {}):
        return
    if unknown := not_honoured(service, operation, _decoded(response, operation)):
        text = (
            f"the embedded cloud does not support the parameter {', '.join(unknown)} of"
            f" {service} {operation}, so that it is not ignored in silence; leave it out"
        )
        log.warning("%s", text)
        raise _refused(response, NOT_SUPPORTED, text)


def _decoded(response: Any, operation: str) -> dict[str, Any]:
    """Return a call's parameters by the names of botocore's model of the service."""
    model = get_service_model(response.boto3_service_name)
    request = response.normalized_request
    protocol = determine_request_protocol(model, request.content_type)
    if protocol == "json":
        return _json_body(response)
    parser = PROTOCOL_PARSERS[protocol](model.operation_model(operation))
    parsed: dict[str, Any] = parser.parse({
        "body": response.raw_body, "headers": request.headers, "method": request.method,
        "url_params": response.uri_match, "url_path": request.path, "values": request.values,
    })  # fmt: skip
    return parsed


def _refused(response: Any, code: str, message: str) -> Exception:
    """Return the exception that makes moto send an error in the protocol of the called service."""
    if response.boto3_service_name == "s3":
        return S3ClientError(code, message)
    refused = ActionResult(_RefusedError(code, message))
    status, headers, body = response.serialized(refused)
    response.response_headers.update(headers)
    error = HTTPException(description=body)
    error.code = status
    return error
