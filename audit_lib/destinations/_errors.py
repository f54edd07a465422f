"""Classifies the errors of a service: retry, reject the content, or give up for now."""

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
    """The service will never accept this content."""


class PartlyRefusedError(Exception):
    """The service accepted a call but not the lines at `positions`."""

    def __init__(self, positions: Iterable[int], reason: str) -> None:
        super().__init__(reason)
        self.positions = frozenset(positions)


class Retrying:
    """Retries a call on temporary errors. While a service is down, each call is tried once."""

    def __init__(self, retry_for: float) -> None:
        """Begin in the state that the service is up.

        Args:
            retry_for: for how many seconds a call is retried.
        """
        self._retry_for = retry_for
        self._down = False

    def run(self, call: Callable[[], None], *, once: bool = False) -> None:
        """Make a call until it succeeds, fails permanently, or the time is over.

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
    """Return whether an error is caused by the content, not by the service or by permissions."""
    return isinstance(error, RefusedError | ParamValidationError) or _code(error) in _CONTENT


def is_outcome_unknown(error: BaseException) -> bool:
    """Return whether the service may have accepted the content in spite of the error."""
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
