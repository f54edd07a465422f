"""Delivers from one service to another: log lines, alarms, messages, scheduled events, dead letters.

The target's policy has to allow each. A denied delivery is logged, and goes to the dead-letter queue if
there is one, as on AWS.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from moto.logs.models import LogGroup

from local_cloud._protocol import Cloud
from local_cloud.services.functions.configuration import FunctionConfiguration
from local_cloud.services.functions.processes import InvocationResult
from local_cloud.services.messaging import DeadLetter
from local_cloud.services.permissions import Permissions
from local_cloud.services.policies import AccessRequest
from local_cloud.services.resource_policies import function_allows, queue_allows, topic_allows

__all__ = ["Deliveries"]

log = logging.getLogger(__name__)


class Deliveries:
    """Deliveries between the services of one cloud.

    Args:
        cloud: the cloud.
        invoke: starts an asynchronous invocation of a function, by its name, with an event.
        permissions: the permissions of functions' roles.
    """

    def __init__(
        self, cloud: Cloud, *, invoke: Callable[[str, Any], object], permissions: Permissions
    ) -> None:
        self._cloud = cloud
        self._invoke = invoke
        self._permissions = permissions

    def deliver(
        self,
        service: str,
        source_arn: str,
        function_arn: str,
        event: Any,
        *,
        dead_letter: DeadLetter | None = None,
    ) -> None:
        """Invoke a function for a service, if the function's policy allows it.

        Otherwise `dead_letter` goes to its queue, if the queue's policy allows the service to send.
        """
        if function_allows(self._cloud, function_arn, service=service, source_arn=source_arn):
            self._invoke(_function_name(function_arn), event)
            return
        log.warning("%s may not invoke %s: its policy does not allow it", service, function_arn)
        if dead_letter is None or not dead_letter.queue_arn:
            return
        queue_arn = dead_letter.queue_arn
        if queue_allows(self._cloud, queue_arn, service=service, source_arn=source_arn):
            self._send(queue_arn, dead_letter.body, {})
        else:
            name = queue_arn.rpartition(":")[2]
            log.warning("%s may not send to %s: its policy does not allow it", service, name)

    def deliver_lines(self, group: LogGroup, function_arn: str, event: dict[str, Any]) -> None:
        """Invoke a function with lines of a log group that it is subscribed to."""
        self.deliver("logs.amazonaws.com", f"{group.arn}:*", function_arn, event)

    def deliver_scheduled(
        self, rule_arn: str, target: Mapping[str, Any], event: dict[str, Any]
    ) -> None:
        """Invoke the target of a schedule."""
        queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
        self.deliver(
            "events.amazonaws.com", rule_arn, target["Arn"], event,
            dead_letter=DeadLetter(queue_arn, event),
        )  # fmt: skip

    def publish_alarm(self, topic_arn: str, subject: str, message: str) -> None:
        """Publish an alarm's message, if the topic's policy and its key's policy allow it.

        Otherwise CloudWatch's action fails, which only the alarm's history shows.
        """
        if topic_allows(self._cloud, topic_arn, service="cloudwatch.amazonaws.com"):
            self._cloud.client("sns").publish(TopicArn=topic_arn, Subject=subject, Message=message)
        else:
            log.warning(
                "alarms may not publish to %s: its policy or its key's does not allow it", topic_arn
            )

    def send_dead_letter(
        self, configuration: FunctionConfiguration, event: Any, result: InvocationResult
    ) -> None:
        """Send an event that a function failed on three times to its dead-letter queue, if its role allows it."""
        queue_arn = configuration.dead_letter_arn
        request = AccessRequest(action="sqs:SendMessage", resource=queue_arn)
        if queue_arn and self._permissions.role_allows(configuration.role_arn, request):
            attributes = {
                "RequestID": ("String", result.request_id),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", result.message[:1024]),
            }
            self._send(queue_arn, event, attributes)
        else:
            log.warning(
                "function %s: an event is lost: the function has no dead-letter queue that its"
                " role may write to",
                configuration.name,
            )

    def _send(self, queue_arn: str, body: Any, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Send a message to a queue; `attributes` maps a name to type and text."""
        sqs = self._cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(body),
            MessageAttributes={
                name: {"DataType": type_, "StringValue": text}
                for name, (type_, text) in attributes.items()
            },
        )


def _function_name(arn: str) -> str:
    return arn.split(":function:")[1].partition(":")[0]
