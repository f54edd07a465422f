"""Delivers log events, alarms, SNS messages, scheduled events and dead letters between services.

The resource policy of the target has to allow each delivery. A denied delivery is logged with level
WARNING, and its event is sent to the dead-letter queue if one is configured, as on AWS.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from moto.logs.models import LogGroup
from moto.sqs.models import sqs_backends

from local_cloud._protocol import Cloud
from local_cloud.services.functions.configuration import FunctionConfiguration
from local_cloud.services.functions.processes import InvocationResult
from local_cloud.services.keys import is_enabled, key_named, key_uses
from local_cloud.services.messaging import DeadLetter
from local_cloud.services.permissions import Permissions
from local_cloud.services.policies import AccessRequest
from local_cloud.services.resource_policies import function_allows, queue_allows, topic_allows

__all__ = ["Deliveries"]

log = logging.getLogger(__name__)


class Deliveries:
    """The deliveries between the services of one cloud.

    Args:
        cloud: the cloud.
        invoke: starts an asynchronous invocation; called with the function's name and the event.
        permissions: the permissions of the functions' execution roles.
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
        """Invoke a function asynchronously for a service, if the function's policy allows it.

        Otherwise `dead_letter` is sent to its queue, if the queue's policy allows that to the service.

        Args:
            service: the service principal, such as `sns.amazonaws.com`.
            source_arn: the ARN of the resource that the event is from.
            function_arn: the function's ARN.
            event: the event, in JSON types.
            dead_letter: the dead letter; without one or its queue, a denied event is lost.
        """
        if function_allows(self._cloud, function_arn, service=service, source_arn=source_arn):
            self._invoke(_function_name(function_arn), event)
            return
        log.warning(
            "the policy of the function %s does not allow %s to invoke it for %s; add an"
            " AWS::Lambda::Permission",
            function_arn,
            service,
            source_arn,
        )
        if dead_letter is None or not dead_letter.queue_arn:
            return
        queue_arn = dead_letter.queue_arn
        if queue_allows(self._cloud, queue_arn, service=service, source_arn=source_arn):
            self._send(queue_arn, dead_letter.body, {})
        else:
            log.warning(
                "the policy of the queue %s does not allow sqs:SendMessage to %s for %s; the"
                " event is lost; add a statement to its AWS::SQS::QueuePolicy",
                queue_arn,
                service,
                source_arn,
            )

    def deliver_lines(self, group: LogGroup, function_arn: str, event: dict[str, Any]) -> None:
        """Invoke the function of a subscription filter with log events of the log group."""
        self.deliver("logs.amazonaws.com", f"{group.arn}:*", function_arn, event)

    def deliver_scheduled(
        self, rule_arn: str, target: Mapping[str, Any], event: dict[str, Any]
    ) -> None:
        """Invoke a target of an EventBridge rule, with the target's dead-letter queue."""
        queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
        self.deliver(
            "events.amazonaws.com", rule_arn, target["Arn"], event,
            dead_letter=DeadLetter(queue_arn, event),
        )  # fmt: skip

    def publish_alarm(self, topic_arn: str, subject: str, message: str) -> None:
        """Publish an alarm's message to a topic, if the policies of the topic and its KMS key allow it.

        Otherwise, or if the topic does not exist, the message is lost, and a warning is logged.
        """
        if topic_allows(self._cloud, topic_arn, service="cloudwatch.amazonaws.com"):
            self._cloud.client("sns").publish(TopicArn=topic_arn, Subject=subject, Message=message)
        else:
            log.warning(
                "cloudwatch.amazonaws.com is not allowed to publish to the topic %s; check that it"
                " exists, allow sns:Publish in its policy, and kms:Decrypt and kms:GenerateDataKey"
                " in the policy of its KMS key, if it has one, which must be enabled",
                topic_arn,
            )

    def send_dead_letter(
        self, configuration: FunctionConfiguration, event: Any, result: InvocationResult
    ) -> None:
        """Send an event to the function's dead-letter queue, after three failed attempts.

        If the function has no such queue, or its execution role does not allow `sqs:SendMessage` or the use
        of the queue's KMS key, or that key is not enabled, the event is lost, and a warning is logged.

        Args:
            configuration: the function's configuration.
            event: the event.
            result: the result of the last attempt, for the message attributes.
        """
        queue_arn = configuration.dead_letter_arn
        request = AccessRequest(action="sqs:SendMessage", resource=queue_arn)
        if (
            queue_arn
            and self._permissions.role_allows(configuration.role_arn, request)
            and self._takes(queue_arn, configuration.role_arn)
        ):
            attributes = {
                "RequestID": ("String", result.request_id),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", result.message[:1024]),
            }
            self._send(queue_arn, event, attributes)
        else:
            log.warning(
                "function %s: an event is lost after three failed attempts; set its"
                " DeadLetterConfig, and allow sqs:SendMessage on that queue to its role %s, and"
                " kms:GenerateDataKey and kms:Decrypt on the queue's KMS key, which must be enabled",
                configuration.name,
                configuration.role_arn,
            )

    def _takes(self, queue_arn: str, role_arn: str) -> bool:
        """Return whether a queue exists, and its KMS key, if it has one, can be used by a role."""
        region, name = self._cloud.region, queue_arn.rpartition(":")[2]
        return name in sqs_backends[self._cloud.account][region].queues and all(
            is_enabled(key_named(region, use.key))
            and self._permissions.may_use_key(role_arn, "sqs", use.key, action)
            for use in key_uses(region, "sqs", "SendMessage", {"QueueUrl": name})
            for action in use.actions
        )

    def _send(self, queue_arn: str, body: Any, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Send a JSON message to a queue; `attributes` maps a name to data type and text."""
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
