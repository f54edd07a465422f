"""The interface through which the hooks use the cloud: the services that moto's functions call."""

from typing import Protocol

from local_cloud._protocol import Cloud
from local_cloud.cloudformation import Engine
from local_cloud.services.alarms import Alarms
from local_cloud.services.deliveries import Deliveries
from local_cloud.services.functions import Functions
from local_cloud.services.log_groups import LogGroups
from local_cloud.services.messaging import Mails
from local_cloud.services.permissions import Permissions

__all__ = ["HookedCloud"]


class HookedCloud(Cloud, Protocol):
    """A cloud whose services are called by hooks; each is looked up when a hook runs."""

    @property
    def alarms(self) -> Alarms:
        """State changes of alarms, and their history."""

    @property
    def deliveries(self) -> Deliveries:
        """Deliveries from one service to another."""

    @property
    def functions(self) -> Functions:
        """Invocations of functions."""

    @property
    def log_groups(self) -> LogGroups:
        """Log lines, subscriptions and metric filters."""

    @property
    def mails(self) -> Mails:
        """The mail server."""

    @property
    def permissions(self) -> Permissions:
        """The permissions of functions' roles."""

    @property
    def stacks(self) -> Engine:
        """The stacks."""
