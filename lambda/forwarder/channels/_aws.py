"""Says what an error of an AWS call means for a message that was to be sent."""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from forwarder.channels import SendStatus

__all__ = ["status_of"]

_AGAIN: Final = frozenset({
    "Throttling", "ThrottlingException", "TooManyRequestsException", "LimitExceededException",
    "InternalFailure", "InternalServiceError", "InternalServiceErrorException", "ServiceUnavailable",
    "RequestTimeout", "RequestTimeoutException", "ExpiredTokenException", "ExpiredToken",
})  # fmt: skip
_FIRST_SERVER_ERROR: Final = 500
# The connection was not made, so nothing was sent.
_NOT_SENT: Final = (
    ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ProxyConnectionError, SSLError,
)  # fmt: skip


def status_of(error: ClientError | BotoCoreError) -> SendStatus:
    """Return what an error of an AWS call means; an error that is not known closes the channel."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _AGAIN or status >= _FIRST_SERVER_ERROR:
            return SendStatus.AGAIN
        return SendStatus.CLOSED
    return SendStatus.AGAIN if isinstance(error, _NOT_SENT) else SendStatus.UNKNOWN
