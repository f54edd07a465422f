"""The error codes and HTTP statuses by which a service says that it fails.

They are those of botocore's model of the service. Where it has none, they are AWS's common errors:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.core.utils import get_service_model

__all__ = ["COMMON_CODES", "error_of"]

_CODES: Final[Mapping[int, tuple[str, ...]]] = {
    400: (
        "ValidationException", "InvalidParameterException", "InvalidParameterValueException",
        "BadRequestException", "InvalidArgumentException", "InvalidRequest",
    ),
    403: ("AccessDeniedException", "AccessDenied"),
    404: (
        "ResourceNotFoundException", "NotFoundException", "QueueDoesNotExist", "ParameterNotFound",
        "NoSuchKey", "NoSuchEntityException",
    ),
    429: (
        "ProvisionedThroughputExceededException", "ThrottlingException", "TooManyRequestsException",
        "RequestThrottled", "ThrottledException",
    ),
    500: ("InternalServerError", "InternalServiceError", "ServiceException"),
    503: ("ServiceUnavailableException", "ServiceUnavailable"),
}  # fmt: skip
"""The codes of each answer; a service uses the first that its model has."""
_COMMON: Final = {
    400: "ValidationException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
    429: "ThrottlingException", 500: "InternalFailure", 503: "ServiceUnavailable",
}  # fmt: skip
_COMMON_XML: Final = _COMMON | {400: "ValidationError", 403: "AccessDenied", 429: "Throttling"}
_S3: Final = _COMMON_XML | {404: "NoSuchKey", 429: "SlowDown", 500: "InternalError"}
_SERVER_ERRORS: Final = (500, 503)
COMMON_CODES: Final = sorted({*_COMMON.values(), *_COMMON_XML.values(), *_S3.values()})
"""The codes that no model of a service needs to have."""


def error_of(service: str, operation: str, answer: int) -> tuple[str, int]:
    """Return the error code and the HTTP status by which an operation gives an answer.

    The code is one that the operation's model has, else, except for 500 and 503, one of the service's, else
    AWS's common one. The status is that of the code's model; codes without one have the status 400 in JSON
    protocols, as AWS sends them, but for 500 and 503.

    Args:
        service: the service's name in boto3.
        operation: the API operation.
        answer: 400, 403, 404, 429, 500 or 503.
    """
    model = get_service_model(service)
    if service == "s3":
        return _S3[answer], 503 if answer == 429 else answer
    is_json = "json" in model.protocol or "cbor" in model.protocol
    status = answer if answer in _SERVER_ERRORS or not is_json else 400
    for shape in _shapes(model, operation, answer):
        known = shape.metadata.get("error", {})
        return shape.name, int(known.get("httpStatusCode", status))
    code = (_COMMON if is_json else _COMMON_XML)[answer]
    return code, 400 if answer == 429 else status


def _shapes(model: Any, operation: str, answer: int) -> Iterator[Any]:
    """Yield the modelled errors that mean an answer, the operation's first."""
    own = (
        model.operation_model(operation).error_shapes if operation in model.operation_names else []
    )
    for shapes in (own, [] if answer in _SERVER_ERRORS else model.error_shapes):
        by_name = {shape.name: shape for shape in shapes}
        yield from (by_name[code] for code in _CODES[answer] if code in by_name)
