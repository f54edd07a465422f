"""`LocalCloud`: AWS in this process, as far as the audit trail needs it."""

import json
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import boto3
from moto import mock_aws
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.kms.models import kms_backends
from moto.logs.models import LogGroup, logs_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from audit_ops.local.alarms import Alarms, Metrics
from audit_ops.local.clock import Clock
from audit_ops.local.cloudformation import Engine
from audit_ops.local.deployment import deploy
from audit_ops.local.functions import Functions, Outcome, Spec
from audit_ops.local.hooks import hooked
from audit_ops.local.hooks.functions import dead_letter_arn, log_group
from audit_ops.local.log_groups import (
    EVENT_OVERHEAD_BYTES,
    MAX_BATCH_BYTES,
    MAX_EVENTS,
    LogGroups,
)
from audit_ops.local.messaging import Mails, Schedules, Undelivered
from audit_ops.local.permissions import Permissions
from audit_ops.local.policies import Request, allowed
from audit_ops.local.server import Control, serving

__all__ = ["LocalCloud"]

_STEP_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.005

log = logging.getLogger(__name__)


class Receivers(Protocol):
    """The other end of the channels, as far as the cloud speaks of it."""

    @property
    def webhooks(self) -> str:
        """The beginning of a webhook's address; a name follows."""

    def told(self) -> list[dict[str, Any]]:
        """What came, in JSON's types."""


class LocalCloud:
    """One account in one region. moto's state is the process's, so there is one cloud at a time.

    In this process, boto3's clients go straight to it; functions' processes reach the same state
    over HTTP, at `endpoint` on localhost.

    Args:
        region: the only region.
        port: where AWS's APIs are served on localhost; 0 is one that is free.
        smtp: host and port of a mail server that takes what SES accepts.
        receivers: what `/_cloud` says of the receivers around it.

    Attributes:
        stopping: set when somebody asked over HTTP that it ends.
    """

    account: Final = DEFAULT_ACCOUNT_ID

    def __init__(
        self,
        *,
        region: str = "eu-west-1",
        port: int = 0,
        smtp: tuple[str, int] | None = None,
        receivers: Receivers | None = None,
    ) -> None:
        self.region = region
        self.stopping = threading.Event()
        self._port = port
        self._receivers = receivers
        self._control = Control(
            health=self.health,
            notifications=receivers.told if receivers else list,
            actions={
                "advance": lambda given: self.advance(float(given["seconds"])),
                "settle": lambda _: self.settle(),
                "stop": lambda _: self.stopping.set(),
            },
        )
        self._ticking = threading.RLock()
        self.clock = Clock()
        self.permissions = Permissions(region=region)
        self.mails = Mails(smtp)
        metrics = Metrics()
        self.alarms = Alarms(clock=self.clock, metrics=metrics, publish=self._alarm_speaks)
        self.log_groups = LogGroups(clock=self.clock, deliver=self._deliver_lines, metrics=metrics)
        self.schedules = Schedules(clock=self.clock, deliver=self._schedule_fires)
        self.stacks = Engine(self)
        self._mock = mock_aws()
        self._environment = dict.fromkeys(
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "embedded"
        )
        self._environment |= {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
        self._started = ExitStack()
        self.client = cache(self._client)

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            HookError: moto is not the one that is pinned.
            PortTakenError: something listens on its port.
        """
        with ExitStack() as started:
            started.callback(_restore, {name: os.environ.get(name) for name in self._environment})
            os.environ.update(self._environment)
            started.callback(self.log_groups.close)
            self._mock.start()
            started.callback(self._mock.stop)
            started.callback(hooked(self).undo)
            self.endpoint = started.enter_context(serving(self._port, self._control))
            self.functions = Functions(clock=self.clock, endpoint=self.endpoint, host=self)
            started.callback(self.functions.stop)
            self._started = started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; its state is gone."""
        self._started.close()

    def _client(self, service: str) -> Any:
        """Give a boto3 client; the owner's, whom nothing is refused."""
        return boto3.client(service, region_name=self.region)  # type: ignore[call-overload]

    def deploy(self, assembly: Path) -> list[str]:
        """Deploy the stacks of a cloud assembly; give their names.

        Raises:
            DeployError: a stack could not be made.
        """
        return deploy(self, assembly)

    def put_lines(self, log_group: str, lines: Sequence[str], *, stream: str = "app") -> None:
        """Ship log lines now, as an agent beside an application does, in legal batches."""
        logs = self.client("logs")
        # A function's processes write at the same time: another may be faster.
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=log_group, logStreamName=stream)
        batch: list[dict[str, Any]] = []
        size = 0
        for line in filter(None, lines):  # an empty line is no event
            length = len(line.encode()) + EVENT_OVERHEAD_BYTES
            if batch and (size + length > MAX_BATCH_BYTES or len(batch) == MAX_EVENTS):
                logs.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=batch)
                batch, size = [], 0
            batch.append({"timestamp": self.clock.now_ms(), "message": line})
            size += length
        if batch:
            logs.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=batch)

    def settle(self, *, timeout: float = 60.0) -> None:
        """Wait until everything that follows from what happened so far has happened.

        Raises:
            TimeoutError: it takes longer than `timeout` seconds of real time.
        """
        end = time.monotonic() + timeout
        while True:
            self.tick()
            self.functions.raise_faults()
            if not self.functions.busy:
                self.tick()  # what has just ended may have moved an alarm
                if not self.functions.busy:
                    return
            if time.monotonic() > end:
                raise TimeoutError(f"functions are still running after {timeout} seconds")
            time.sleep(_POLL_SECONDS)

    def tick(self) -> None:
        """Look at the clock: start what is due, evaluate the alarms."""
        with self._ticking:
            self.functions.tick()
            self.schedules.tick()
            self.alarms.tick()

    def advance(self, seconds: float) -> None:
        """Move the clock minute by minute, so that all that falls in between happens in its turn.

        Raises:
            ValueError: the seconds are negative.
            TimeoutError: a step does not settle.
        """
        self.clock.check(seconds)
        self.settle()
        while seconds > 0:
            step = min(seconds, _STEP_SECONDS)
            self.clock.move(step)
            self.settle()
            seconds -= step

    def health(self) -> dict[str, Any]:
        """Say what runs, in JSON's types."""
        functions = lambda_backends[self.account][self.region].list_functions()
        groups = logs_backends[self.account][self.region].groups
        alarms = cloudwatch_backends[self.account][self.region].alarms
        return {
            "status": "running",
            "endpoint": self.endpoint,
            "account": self.account,
            "region": self.region,
            "time": datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="seconds"),
            "stacks": {stack.name: stack.status for stack in self.stacks.stacks.values()},
            "functions": sorted(function.function_name for function in functions),
            "log_groups": {
                name: sum(len(stream.events) for stream in group.streams.values())
                for name, group in sorted(groups.items())
            },
            "alarms": {name: alarm.state_value for name, alarm in sorted(alarms.items())},
            "webhooks": self._receivers.webhooks if self._receivers else "",
        }

    def create_bucket(self, name: str) -> None:
        """Make a bucket; the first region is where one is when nothing is said."""
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.client("s3").create_bucket(
            Bucket=name, **({} if self.region == "us-east-1" else where)
        )

    def arn(self, service: str, resource: str) -> str:
        """Give the ARN of a resource here."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

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
            self.functions.invoke_later(_function_name(function_arn), event)
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
        policy = sqs_backends[self.account][self.region].get_queue(name).policy
        if policy and allowed(json.loads(policy)["Statement"], request):
            self._send(undelivered.queue_arn, undelivered.body, {})
        else:
            log.warning("%s may not put into %s: its policy says no", service, name)

    def _deliver_lines(self, group: LogGroup, function_arn: str, event: dict[str, Any]) -> None:
        self.deliver("logs.amazonaws.com", f"{group.arn}:*", function_arn, event)

    def _schedule_fires(
        self, rule_arn: str, target: Mapping[str, Any], event: dict[str, Any]
    ) -> None:
        queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn", "")
        self.deliver(
            "events.amazonaws.com", rule_arn, target["Arn"], event,
            undelivered=Undelivered(queue_arn, event),
        )  # fmt: skip

    def _may_invoke(self, service: str, source_arn: str, function_arn: str) -> bool:
        function = lambda_backends[self.account][self.region].get_function(function_arn)
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
                    context={"AWS:SourceArn": source_arn, "AWS:SourceAccount": self.account},
                ),
            )
            for principal in (service, f"{name}.{self.region}.{domain}")
        )

    def _key_allows(
        self, key: str, *, service: str, action: str, context: Mapping[str, str]
    ) -> bool:
        found = kms_backends[self.account][self.region].describe_key(key.rpartition("/")[2])
        request = Request(action=action, resource=found.arn, service=service, context=context)
        return allowed(json.loads(found.policy)["Statement"], request)

    def _alarm_speaks(self, topic_arn: str, subject: str, message: str) -> None:
        """Publish for an alarm: the topic has to let it, and the topic's key.

        Where one does not, CloudWatch's action fails, and nobody hears of it but the alarm's history.
        """
        topic = sns_backends[self.account][self.region].topics[topic_arn]
        context = {"aws:SourceAccount": self.account, "aws:SecureTransport": "true"}
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
            self.client("sns").publish(TopicArn=topic_arn, Subject=subject, Message=message)
        else:
            log.warning("alarms may not publish to %s: its policy or its key's says no", topic_arn)

    def function(self, name: str) -> Spec:
        """Give a function as it is configured now."""
        found = lambda_backends[self.account][self.region].get_function(name)
        return Spec(
            name=name,
            handler=str(found.handler),
            code=found.code_bytes,
            environment=dict(found.environment_vars),
            timeout=int(found.timeout),
            memory_mb=int(found.memory_size),
            role_arn=found.role,
            log_group=log_group(found),
            dead_letter_arn=dead_letter_arn(found),
        )

    def write_function_log(self, spec: Spec, stream: str, lines: list[str]) -> None:
        """Write what a function printed, if its role lets it: else it is lost, as on AWS."""
        group = f"log-group:{spec.log_group}"
        needed = {
            "logs:CreateLogStream": f"{group}:log-stream:{stream}",
            "logs:PutLogEvents": f"{group}:log-stream:{stream}",
        }
        is_new = spec.log_group not in logs_backends[self.account][self.region].groups
        if is_new:
            needed["logs:CreateLogGroup"] = group
        for action, resource in needed.items():
            request = Request(action=action, resource=self.arn("logs", resource))
            if not self.permissions.role_may(spec.role_arn, request):
                log.warning("function %s may not write its log: %s", spec.name, action)
                return
        if is_new:
            self.client("logs").create_log_group(logGroupName=spec.log_group)
        self.put_lines(spec.log_group, lines, stream=stream)

    def send_dead_letter(self, spec: Spec, event: Any, outcome: Outcome, request_id: str) -> None:
        """Keep an event that a function failed on three times, if its role lets it."""
        request = Request(action="sqs:SendMessage", resource=spec.dead_letter_arn)
        if spec.dead_letter_arn and self.permissions.role_may(spec.role_arn, request):
            attributes = {
                "RequestID": ("String", request_id),
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

    def _send(self, queue_arn: str, body: Any, attributes: Mapping[str, tuple[str, str]]) -> None:
        """Put a message into a queue; attributes by their names: type and text."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
        sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(body),
            MessageAttributes={
                name: {"DataType": kind, "StringValue": text}
                for name, (kind, text) in attributes.items()
            },
        )


def _restore(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _function_name(arn: str) -> str:
    return arn.split(":function:")[1].partition(":")[0]


def _without_resource(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Moto writes the version into a permission's resource; the permission is for the function."""
    return {name: value for name, value in statement.items() if name != "Resource"}
