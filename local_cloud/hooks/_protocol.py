"""The interface of the cloud that the hooks use: the services that patched functions of moto call."""

from typing import Protocol

from local_cloud._protocol import Cloud
from local_cloud.cloudformation import Engine
from local_cloud.services.alarms import Alarms
from local_cloud.services.deliveries import Deliveries
from local_cloud.services.faults import Faults
from local_cloud.services.functions import Functions
from local_cloud.services.log_groups import LogGroups
from local_cloud.services.messaging import Mails
from local_cloud.services.permissions import Permissions

__all__ = ["HookedCloud"]


class HookedCloud(Cloud, Protocol):
    """The cloud with the services that hooks call; each is looked up only when a hook runs."""

    @property
    def alarms(self) -> Alarms:
        """The evaluation of alarms, their actions and their history."""

    @property
    def deliveries(self) -> Deliveries:
        """The deliveries from one AWS service to another."""

    @property
    def faults(self) -> Faults:
        """The faults that a test asked for."""

    @property
    def functions(self) -> Functions:
        """The invocations of Lambda functions."""

    @property
    def log_groups(self) -> LogGroups:
        """The log events, subscription filters, metric filters and saved queries."""

    @property
    def mails(self) -> Mails:
        """The sender of SES messages to the mail server."""

    @property
    def permissions(self) -> Permissions:
        """The permissions of the execution roles of Lambda functions."""

    @property
    def stacks(self) -> Engine:
        """The engine of the CloudFormation stacks."""
