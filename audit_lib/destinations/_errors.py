"""Classifies the errors of AWS calls, and retries calls on temporary errors."""

from collections.abc import Callable, Iterable
from random import uniform
from time import monotonic, sleep
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from audit_lib._record.interrupts import from_signal_handler

__all__ = [
    "NoAnswerError",
    "PartlyRefusedError",
    "RefusedError",
    "Retrying",
    "is_about_content",
    "is_outcome_unknown",
    "is_without_credentials",
    "member_of",
]

_FIRST_PAUSE_SECONDS: Final = 0.1
_MAX_PAUSE_SECONDS: Final = 5.0
_CONTENT: Final = frozenset({
    "InvalidArgumentException", "InvalidParameterException", "SerializationException",
    "ValidationException",
})  # fmt: skip
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})
# Those of botocore's retries (`botocore.retries.standard`), and a status that a proxy gives as the code.
_TRANSIENT: Final = _EXPIRED | frozenset({
    "408", "429", "BandwidthLimitExceeded", "InternalServerError", "LimitExceededException",
    "PriorRequestNotComplete", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
    "RequestThrottled", "RequestThrottledException", "RequestTimeout", "RequestTimeoutException",
    "ServiceUnavailable", "ServiceUnavailableException", "SlowDown", "ThrottledException",
    "Throttling", "ThrottlingException", "TooManyRequestsException",
})  # fmt: skip
_TRANSIENT_STATUS: Final = frozenset({408, 429})


class RefusedError(Exception):
    """The service will never accept this content, so it is not retried."""


class PartlyRefusedError(Exception):
    """The service accepted a call, except for the lines at `positions`, counted from 0."""

    def __init__(self, positions: Iterable[int], reason: str) -> None:
        super().__init__(reason)
        self.positions = frozenset(positions)


class NoAnswerError(OSError):
    """A call succeeded by its HTTP status, but its answer is not the service's: a proxy may have made it."""


def member_of(answer: Any, field: str) -> Any:
    """Return a member that each answer of the service has.

    Raises:
        NoAnswerError: the answer does not have the member.
    """
    if field not in answer:
        raise NoAnswerError(f"the answer is not that of the service: it has no {field}")
    return answer[field]


class Retrying:
    """Retries a call on temporary errors until `retry_for` is over; later calls are then tried once.

    Temporary errors are HTTP status 408, 429, 500 and above, throttling, exceeded quotas, expired
    credentials, answers that are not the service's, and errors of the network, of retrieving credentials,
    or of the operating system. After a success, or an error that is not temporary, calls are retried again.
    """

    def __init__(self, retry_for: float, retried: Callable[[Exception], None]) -> None:
        """Allow retries until a call fails.

        Args:
            retry_for: for how many seconds a call is retried; no retry begins after that time.
            retried: receives each error after which a call is retried.
        """
        self._retry_for = retry_for
        self._retried = retried
        self._down = False

    def run(self, call: Callable[[], None], *, once: bool = False) -> None:
        """Make a call until it succeeds, fails permanently, or the next retry would be too late.

        The pause before a retry is up to 0.1 seconds, and doubles to at most 5 seconds; each is
        shortened at random by up to half.

        Args:
            call: the call.
            once: whether to try the call only once.

        Raises:
            Exception: the error of the last attempt, or what a signal handler raised.
        """
        until = monotonic() + (0 if once or self._down else self._retry_for)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                call()
            except Exception as error:
                if from_signal_handler(error):
                    raise
                self._down = _is_transient(error)
                if not self._down or monotonic() + pause > until:
                    raise
                self._retried(error)
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
        return _status(error) >= 500
    return isinstance(error, HTTPClientError | ConnectionError) or not isinstance(
        error, BotoCoreError | RefusedError
    )


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = _status(error)
        return status >= 500 or status in _TRANSIENT_STATUS or _code(error) in _TRANSIENT
    network = HTTPClientError | ConnectionError | CredentialRetrievalError | OSError
    return isinstance(error, network) or _is_unreadable(error)


def is_without_credentials(error: BaseException) -> bool:
    """Return whether a call failed since its client has no valid credentials; a new client looks for others."""
    if isinstance(error, ClientError):
        return _code(error) in _EXPIRED
    return isinstance(error, NoCredentialsError | PartialCredentialsError)


def _is_unreadable(error: BaseException) -> bool:
    """Return whether botocore could not read an answer, such as a list instead of an object."""
    if isinstance(error, ResponseParserError):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "botocore.parsers"


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _code(error: Exception) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
