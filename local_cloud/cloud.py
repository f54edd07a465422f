"""`LocalCloud`: AWS in this process, as far as the audit trail needs it."""

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, Self

import boto3
from moto import mock_aws
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends

from local_cloud.cloudformation import Engine
from local_cloud.deployment import deploy
from local_cloud.hooks import hooked
from local_cloud.hooks.functions import dead_letter_arn, log_group
from local_cloud.server import Control, serving
from local_cloud.services.alarms import Alarms, Metrics
from local_cloud.services.clock import Clock
from local_cloud.services.deliveries import Deliveries
from local_cloud.services.functions import Functions, Spec
from local_cloud.services.log_groups import (
    EVENT_OVERHEAD_BYTES,
    MAX_BATCH_BYTES,
    MAX_EVENTS,
    LogGroups,
)
from local_cloud.services.messaging import Mails, Schedules
from local_cloud.services.permissions import Permissions
from local_cloud.services.policies import Request

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
        self.deliveries = Deliveries(self)
        metrics = Metrics()
        self.alarms = Alarms(
            clock=self.clock, metrics=metrics, publish=self.deliveries.alarm_speaks
        )
        self.log_groups = LogGroups(
            clock=self.clock, deliver=self.deliveries.deliver_lines, metrics=metrics
        )
        self.schedules = Schedules(clock=self.clock, deliver=self.deliveries.schedule_fires)
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

    def __exit__(self, *_: object) -> None:
        """Stop it; its state is gone."""
        self._started.close()

    def _client(self, service: str) -> Any:
        """Give a boto3 client; the owner's, whom nothing is refused."""
        return boto3.client(service, region_name=self.region)  # type: ignore[call-overload]

    def deploy(self, assembly: Path) -> list[str]:
        """Deploy the stacks of a cloud assembly; give their names.

        Raises:
            AssemblyError: the folder is not a cloud assembly.
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


def _restore(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
