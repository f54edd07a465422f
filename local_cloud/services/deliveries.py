"""What services do in each other's name, and whether the policies let them.

A subscription's lines, an alarm's message, a topic's message, a schedule's event, a dead letter: what
is refused is told in the log, and goes where it goes on AWS.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.kms.models import kms_backends
from moto.logs.models import LogGroup
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local_cloud.services.functions import Outcome, Spec
from local_cloud.services.messaging import Undelivered
from local_cloud.services.policies import Request, allowed

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["Deliveries"]

log = logging.getLogger(__name__)


class Deliveries:
    """Between the services of one cloud."""

    def __init__(self, cloud: "LocalCloud") -> None:
        self._cloud = cloud
        self._account, self._region = cloud.account, cloud.region

    def check_key(
        self, key: str, *, service: str, actions: Sequence[str], context: Mapping[str, str]
    ) -> None:
        """Refuse a key that a service may not use.

        Raises:
            PermissionError: its policy does not allow it.
        """
        for action in actions:
            if not self._key_allows(key, service=service, action=action, context=context):
                raise PermissionError(f"{service} may not {action} with {key}: its policy says no")

    def logs_may_invoke(self, group: LogGroup, function_arn: str) -> bool:
        """Whether a log group's subscription may invoke a function."""
        return self._may_invoke("logs.amazonaws.com", f"{group.arn}:*", function_arn)

    def deliver(
        self,
        service: str,
        source_arn: str,
        function_arn: str,
        event: Any,
        *,
        undelivered: Undelivered | None = None,
    ) -> None:
        """Invoke a function for a service, where the function's policy lets it.

        Else `undelivered` goes to its queue, where the queue's policy lets the service put it there.
        """
        if self._may_invoke(service, source_arn, function_arn):
            self._cloud.functions.invoke_later(_function_name(function_arn), event)
            return
        log.warning("%s may not invoke %s: its policy says no", service, function_arn)
        if undelivered is None or not undelivered.queue_arn:
            return
        request = Request(
            action="sqs:SendMessage",
            resource=undelivered.queue_arn,
            service=service,
            context={"aws:SourceArn": source_arn, "aws:SecureTransport": "true"},
        )
        name = undelivered.queue_arn.rpartition(":")[2]
        policy = sqs_backends[self._account][self._region].get_queue(name).policy
        if policy and allowed(json.loads(policy)["Statement"], request):
            self._send(undelivered.queue_arn, undelivered.body, {})
        else:
            log.warning("%s may not put into %s: its policy says no", service, name)

    def deliver_lines(self, group: LogGroup, function_arn: str, event: dict[str, Any]) -> None:
        """Give a function lines of a log group that it is subscribed to."""
        self.deliver("logs.amazonaws.com", f"{group.arn}:*", function_arn, event)

    def schedule_fires(
        self, rule_arn: str, target: Mapping[str, Any], event: dict[str, Any]
    ) -> None:
        """Invoke the target of a schedule."""
        queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
        self.deliver(
            "events.amazonaws.com", rule_arn, target["Arn"], event,
            undelivered=Undelivered(queue_arn, event),
        )  # fmt: skip

    def alarm_speaks(self, topic_arn: str, subject: str, message: str) -> None:
        """Publish for an alarm: the topic has to let it, and the topic's key.

        Where one does not, CloudWatch's action fails, and nobody hears of it but the alarm's history.
        """
        topic = sns_backends[self._account][self._region].topics[topic_arn]
        context = {"aws:SourceAccount": self._account, "aws:SecureTransport": "true"}
        speaker = "cloudwatch.amazonaws.com"
        request = Request(
            action="sns:Publish", resource=topic_arn, service=speaker, context=context
        )
        key = topic.kms_master_key_id
        may = allowed(json.loads(topic.policy)["Statement"], request) and (
            not key
            or all(
                self._key_allows(key, service=speaker, action=action, context=context)
                for action in ("kms:Decrypt", "kms:GenerateDataKey")
            )
        )
        if may:
            self._cloud.client("sns").publish(TopicArn=topic_arn, Subject=subject, Message=message)
        else:
            log.warning("alarms may not publish to %s: its policy or its key's says no", topic_arn)

    def send_dead_letter(self, spec: Spec, event: Any, outcome: Outcome) -> None:
        """Keep an event that a function failed on three times, if its role lets it."""
        request = Request(action="sqs:SendMessage", resource=spec.dead_letter_arn)
        if spec.dead_letter_arn and self._cloud.permissions.role_may(spec.role_arn, request):
            attributes = {
                "RequestID": ("String", outcome.request_id),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", outcome.message[:1024]),
            }
            self._send(spec.dead_letter_arn, event, attributes)
        else:
            log.warning(
                "function %s: an event is lost, for it has no dead-letter queue that it"
                " may write to",
                spec.name,
            )

    def _may_invoke(self, service: str, source_arn: str, function_arn: str) -> bool:
        function = lambda_backends[self._account][self._region].get_function(function_arn)
        statements = [_without_resource(each) for each in function.policy.statements]
        name, _, domain = service.partition(".")
        # A service goes by two names: its own, and that of its region.
        return any(
            allowed(
                statements,
                Request(
                    action="lambda:InvokeFunction",
                    resource=function_arn,
                    service=principal,
                    context={"AWS:SourceArn": source_arn, "AWS:SourceAccount": self._account},
                ),
            )
            for principal in (service, f"{name}.{self._region}.{domain}")
        )

    def _key_allows(
        self, key: str, *, service: str, action: str, context: Mapping[str, str]
    ) -> bool:
        found = kms_backends[self._account][self._region].describe_key(key.rpartition("/")[2])
        request = Request(action=action, resource=found.arn, service=service, context=context)
        return allowed(json.loads(found.policy)["Statement"], request)

    def _send(self, queue_arn: str, body: Any, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Put a message into a queue; attributes by their names: type and text."""
        sqs = self._cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(body),
            MessageAttributes={
                name: {"DataType": kind, "StringValue": text}
                for name, (kind, text) in attributes.items()
            },
        )


def _function_name(arn: str) -> str:
    return arn.split(":function:")[1].partition(":")[0]


def _without_resource(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Moto writes the version into a permission's resource; the permission is for the function."""
    return {name: value for name, value in statement.items() if name != "Resource"}
