"""Classifies the errors of AWS calls, and retries calls on temporary errors."""

from collections.abc import Callable, Iterable
from random import uniform
from time import monotonic, sleep
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
)

__all__ = [
    "PartlyRefusedError",
    "RefusedError",
    "Retrying",
    "is_about_content",
    "is_outcome_unknown",
]

_FIRST_PAUSE_SECONDS: Final = 0.1
_MAX_PAUSE_SECONDS: Final = 5.0
_CONTENT: Final = frozenset({
    "InvalidArgumentException", "InvalidParameterException", "SerializationException",
    "ValidationException",
})  # fmt: skip
_TRANSIENT: Final = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InternalServerError", "LimitExceededException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestTimeout",
    "ServiceUnavailable", "ServiceUnavailableException", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip


class RefusedError(Exception):
    """The service will never accept this content, so it is not retried."""


class PartlyRefusedError(Exception):
    """The service accepted a call, except for the lines at `positions`, counted from 0."""

    def __init__(self, positions: Iterable[int], reason: str) -> None:
        super().__init__(reason)
        self.positions = frozenset(positions)


class Retrying:
    """Retries a call on temporary errors until `retry_for` is over; later calls are then tried once.

    Temporary errors are HTTP status 500 and above, throttling, exceeded quotas, expired credentials, and
    errors of the network, of retrieving credentials, or of the operating system. After a success, or an
    error that is not temporary, calls are retried again.
    """

    def __init__(self, retry_for: float) -> None:
        """Allow retries until a call fails.

        Args:
            retry_for: for how many seconds a call is retried; no retry begins after that time.
        """
        self._retry_for = retry_for
        self._down = False

    def run(self, call: Callable[[], None], *, once: bool = False) -> None:
        """Make a call until it succeeds, fails permanently, or the next retry would be too late.

        The pause before a retry is up to 0.1 seconds, and doubles to at most 5 seconds; each is
        shortened at random by up to half.

        Args:
            call: the call.
            once: whether to try the call only once.

        Raises:
            Exception: the error of the last attempt.
        """
        until = monotonic() + (0 if once or self._down else self._retry_for)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                call()
            except Exception as error:
                self._down = _is_transient(error)
                if not self._down or monotonic() + pause > until:
                    raise
                sleep(uniform(pause / 2, pause))  # noqa: S311 - jitter
                pause = min(pause * 2, _MAX_PAUSE_SECONDS)
            else:
                self._down = False
                return


def is_about_content(error: Exception) -> bool:
    """Return whether a call failed because of its content, such as with `ValidationException`."""
    return isinstance(error, RefusedError | ParamValidationError) or _code(error) in _CONTENT


def is_outcome_unknown(error: BaseException) -> bool:
    """Return whether the service may have accepted the content although the call failed.

    That is so for HTTP status 500 and above, for a connection that fails after it was opened, and for
    exceptions that are not botocore's.
    """
    if isinstance(error, EndpointConnectionError):
        return False
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(error, HTTPClientError | ConnectionError) or not isinstance(
        error, BotoCoreError | RefusedError
    )


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return is_outcome_unknown(error) or _code(error) in _TRANSIENT
    return isinstance(error, HTTPClientError | ConnectionError | CredentialRetrievalError | OSError)


def _code(error: Exception) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
