"""The client of a service, whose retries are ours: botocore's would send records twice unseen."""

import encodings.idna  # noqa: F401 - a first call imports it; in a forked child it may be too late
from collections.abc import Callable
from typing import Any, Final

from botocore.config import Config

__all__ = ["client_of"]

_CONFIG: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})


def client_of(service: str) -> Callable[[], Any]:
    """Return what makes the client of a service, with a session of its own: they are per process."""

    def client() -> Any:
        from boto3.session import Session  # noqa: PLC0415 - who brings a client needs no boto3

        return Session().client(service, config=_CONFIG)  # type: ignore[call-overload]

    return client
