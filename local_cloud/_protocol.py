"""The interface through which the subpackages of the embedded cloud use the cloud itself.

`LocalCloud` implements it. The subpackages import this file and never `cloud.py`, which composes them.
"""

from typing import Any, Protocol

from local_cloud.services.clock import Clock

__all__ = ["Cloud"]


class Cloud(Protocol):
    """The embedded cloud: one AWS account in one Region."""

    @property
    def account(self) -> str:
        """The account's id, 12 digits."""

    @property
    def region(self) -> str:
        """The code of the cloud's only AWS Region, such as `eu-west-1`."""

    @property
    def clock(self) -> Clock:
        """The clock that all services of the cloud read."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service, with the permissions of the account's owner: all."""

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this account and Region."""
