"""What an error of AWS means for a message that was to be sent."""

import pytest
from botocore import exceptions as errors

from forwarder.channels import SendStatus
from forwarder.channels._aws import status_of
from forwarder.channels.email import _status_of


def client_error(code: str, status: int = 400, message: str = "") -> errors.ClientError:
    return errors.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },  # type: ignore[typeddict-item]
        "SendEmail",
    )


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (client_error("ThrottlingException"), "again"),
        (client_error("TooManyRequestsException", 429), "again"),
        (client_error("LimitExceededException"), "again"),
        (client_error("Anything", 500), "again"),
        (client_error("Anything", 503), "again"),
        (client_error("ExpiredTokenException", 403), "again"),
        (client_error("AccessDeniedException", 403), "closed"),
        (client_error("ResourceNotFoundException"), "closed"),
        (client_error("AccountSuspendedException"), "closed"),
        (client_error("SendingPausedException"), "closed"),
        (errors.EndpointConnectionError(endpoint_url="x"), "again"),
        (errors.ConnectTimeoutError(endpoint_url="x"), "again"),
        (errors.NoCredentialsError(), "again"),
        (errors.ReadTimeoutError(endpoint_url="x"), "unknown"),
        (errors.ConnectionClosedError(endpoint_url="x"), "unknown"),
    ],
)
def test_what_an_error_means(error: errors.ClientError | errors.BotoCoreError, means: str) -> None:
    assert status_of(error) == _status_of(error) == SendStatus(means)


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (client_error("BadRequestException"), "refused"),
        (client_error("MessageRejected", message="Transaction failed: Illegal header"), "refused"),
        (client_error("MessageRejected", message="Email address is not verified."), "closed"),
    ],
)
def test_a_mail_that_ses_rejects_is_refused_unless_the_address_is(
    error: errors.ClientError, means: str
) -> None:
    assert _status_of(error) == SendStatus(means)
