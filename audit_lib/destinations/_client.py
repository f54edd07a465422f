"""Creates boto3 clients without botocore's retries, which could send records twice unnoticed."""

import encodings.idna  # noqa: F401 - the first call imports it, which may be too late in a fork
from collections.abc import Callable
from typing import Any, Final

from botocore.config import Config

__all__ = ["client_of"]

_CONFIG: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})


def client_of(service: str) -> Callable[[], Any]:
    """Return a function that creates a boto3 client of a service, in a new session.

    The client waits 5 seconds for a connection and 10 seconds for a response, and does not retry.
    """

    def client() -> Any:
        from boto3.session import Session  # noqa: PLC0415 - not needed with `client=`

        return Session().client(service, config=_CONFIG)  # type: ignore[call-overload]

    return client
