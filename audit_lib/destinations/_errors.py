"""What an error of a service means: try again, refuse what was sent, or give up for now."""

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

__all__ = ["PartlyRefusedError", "RefusedError", "Retrying", "is_content", "is_unknown"]

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
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
    """A service will never take this, however often it is tried."""


class PartlyRefusedError(Exception):
    """A service took the call and not all of its lines: `positions` are those that it did not."""

    def __init__(self, positions: Iterable[int], why: str) -> None:
        super().__init__(why)
        self.positions = frozenset(positions)


class Retrying:
    """Tries a call again while that may help. While a service is down, a call has one try."""

    def __init__(self, retry_for: float) -> None:
        """Begin with a service that is up.

        Args:
            retry_for: for how many seconds a call is tried again.
        """
        self._retry_for = retry_for
        self._down = False

    def run(self, call: Callable[[], None], *, once: bool = False) -> None:
        """Make a call, until it succeeds or there is no use in another try.

        Raises:
            Exception: what the last try raised.
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
                sleep(uniform(pause / 2, pause))  # noqa: S311 - so that not all come at once
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self._down = False
                return


def is_content(error: Exception) -> bool:
    """Return whether it is about what was sent, rather than about the service or our rights."""
    return isinstance(error, RefusedError | ParamValidationError) or _code(error) in _CONTENT


def is_unknown(error: BaseException) -> bool:
    """Return whether the service may have taken what was sent all the same."""
    if isinstance(error, EndpointConnectionError):
        return False
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(error, HTTPClientError | ConnectionError) or not isinstance(
        error, BotoCoreError | RefusedError
    )


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return is_unknown(error) or _code(error) in _TRANSIENT
    return isinstance(error, HTTPClientError | ConnectionError | CredentialRetrievalError | OSError)


def _code(error: Exception) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
