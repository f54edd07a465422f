"""The interface through which the subpackages of the embedded cloud use the cloud itself.

`LocalCloud` implements it. The subpackages import this file and never `cloud.py`, which composes them.
"""

from typing import Any, Protocol

from local_cloud.services.clock import Clock

__all__ = ["Cloud"]


class Cloud(Protocol):
    """One account in one region."""

    @property
    def account(self) -> str:
        """The account's id, twelve digits."""

    @property
    def region(self) -> str:
        """The only Region."""

    @property
    def clock(self) -> Clock:
        """The cloud's time."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account's owner, who has all permissions."""

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this account and Region."""
