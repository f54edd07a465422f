"""`LocalCloud`: starts and stops the embedded cloud, deploys to it, and moves its clock."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, Self

import boto3
from botocore.config import Config
from moto import mock_aws
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends

from local_cloud.cloudformation import Engine
from local_cloud.deployment import deploy
from local_cloud.errors import LocalCloudError
from local_cloud.hooks import hooked
from local_cloud.server import Control, serving
from local_cloud.services.alarms import Alarms
from local_cloud.services.clock import Clock
from local_cloud.services.deliveries import Deliveries
from local_cloud.services.faults import Faults
from local_cloud.services.functions import Functions
from local_cloud.services.log_agent import put_lines
from local_cloud.services.log_groups import LogGroups
from local_cloud.services.messaging import Mails, Schedules
from local_cloud.services.metrics import Metrics
from local_cloud.services.permissions import Permissions

__all__ = ["LocalCloud"]

_STEP_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.005
_ONE_CLOUD: Final = threading.Lock()


class Receivers(Protocol):
    """The receivers of notifications, as the `/_cloud` pages and `health` need them."""

    @property
    def addresses(self) -> Mapping[str, str]:
        """The address of each receiver, by the type of channel."""

    @property
    def aws_calls(self) -> Mapping[str, tuple[str, str] | None]:
        """The AWS service and operation that messages go through, by the type of channel; None for none."""

    def notifications(self) -> list[dict[str, Any]]:
        """Return the notifications that arrived, in JSON types."""


class LocalCloud:
    """One AWS account in one Region, in this process; a context manager that starts and stops it.

    moto's state is global to the process, so one cloud runs at a time. boto3 clients created while it
    runs use it: the `AWS_*` environment variables are set for it, and restored at the end. The processes
    of Lambda functions reach the same state over HTTP, at `endpoint`.

    Args:
        region: the code of the cloud's only Region.
        port: the port on localhost that serves AWS's APIs; 0 picks a free port.
        smtp: host and port of the mail server that receives what SES accepts; None for none.
        receivers: the receivers of notifications; the pages at `/_cloud` show what arrived.

    Attributes:
        faults: the faults that a test asks for.
        endpoint: the URL of AWS's APIs and the `/_cloud` pages; set when the cloud starts.
        stopping: an event, set when a request to `/_cloud/stop` asks the cloud to stop.
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
        self.clock = Clock()
        self.faults = Faults(
            clock=self.clock,
            receivers=lambda: receivers.aws_calls if receivers else {},
            functions=self._function_names,
        )
        self._control = Control(
            health=self.health,
            notifications=receivers.notifications if receivers else list,
            actions={
                "advance": lambda given: self.advance(_number(given["seconds"])),
                "settle": lambda _: self.settle(),
                "stop": lambda _: self.stopping.set(),
            },
            faults=self.faults,
        )
        self._ticking = threading.RLock()
        self.permissions = Permissions(region=region)
        self.mails = Mails(smtp)
        self.deliveries = Deliveries(
            self,
            invoke=self._invoke_later,
            permissions=self.permissions,
        )
        metrics = Metrics()
        self.alarms = Alarms(
            clock=self.clock, metrics=metrics, publish=self.deliveries.publish_alarm
        )
        self.log_groups = LogGroups(
            clock=self.clock, deliver=self.deliveries.deliver_lines, metrics=metrics
        )
        self.schedules = Schedules(clock=self.clock, deliver=self.deliveries.deliver_scheduled)
        self.stacks = Engine(self)
        self._mock = mock_aws()
        self._environment: dict[str, str | None] = dict.fromkeys(
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "embedded"
        )
        self._environment |= {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
        # Of the shell: they would lead clients in this process to another account or another cloud.
        elsewhere = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]
        self._environment |= dict.fromkeys((*elsewhere, "AWS_PROFILE", "AWS_SESSION_TOKEN"))
        self._started = ExitStack()
        self.client = cache(self._client)

    def __enter__(self) -> Self:
        """Start the cloud.

        Raises:
            HookError: the installed moto is not the pinned version.
            LocalCloudError: an embedded cloud already runs in this process.
            PortTakenError: the port cannot be bound; usually another program listens on it.
        """
        with ExitStack() as started:
            started.callback(self.log_groups.close)
            if not _ONE_CLOUD.acquire(blocking=False):
                raise LocalCloudError(
                    "an embedded cloud runs in this process already, and a process can run only"
                    " one; leave the `with` block of the first before you start another"
                )
            started.callback(_ONE_CLOUD.release)
            started.callback(_set, {name: os.environ.get(name) for name in self._environment})
            _set(self._environment)
            self._mock.start()
            started.callback(self._mock.stop)
            started.callback(hooked(self).undo)
            self.endpoint = started.enter_context(serving(self._port, self._control, self.faults))
            self.functions = Functions(
                self,
                endpoint=self.endpoint,
                permissions=self.permissions,
                faults=self.faults,
                send_dead_letter=self.deliveries.send_dead_letter,
            )
            started.callback(self.functions.stop)
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the queued invocations, stop the cloud, and discard its state."""
        self._started.close()

    def _invoke_later(self, function: str, event: Any) -> None:
        self.functions.invoke_later(
            function, event
        )  # `functions` exists once the cloud has started

    def _client(self, service: str) -> Any:
        """Return a boto3 client of a service, with the permissions of the account's owner: all."""
        config = Config(ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # not in its stubs
        return boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]

    def deploy(self, assembly: Path) -> list[str]:
        """Deploy the stacks of a cloud assembly in the order of its manifest; return their names.

        Raises:
            AssemblyError: the folder is not a cloud assembly, or a file of it cannot be read.
            DeployError: a stack could not be created or updated; the stacks before it stay deployed.
        """
        with self.faults.own_work():
            return deploy(self, self.stacks, assembly)

    def put_lines(self, log_group: str, lines: Sequence[str], *, stream: str = "app") -> None:
        """Put lines into a log stream as log events with the current time, as a log agent does.

        The log group must exist; the stream is created if missing. Empty lines are skipped.
        """
        put_lines(self, log_group, lines, stream=stream)

    def settle(self, *, timeout: float = 60.0) -> None:
        """Start what is due, evaluate the alarms, and wait until no function runs and no event is queued.

        Retries and schedules that are due later on the cloud's clock are not waited for. If all running
        functions sleep, the clock moves to the time when the first of them wakes.

        Args:
            timeout: how long to wait, in seconds of real time.

        Raises:
            TimeoutError: functions still run after `timeout` seconds.
            Exception: an error of the cloud itself in an asynchronous invocation.
        """
        end = time.monotonic() + timeout
        while True:
            self.tick()
            self.functions.raise_faults()
            if not self.functions.busy:
                self.tick()  # a function that just ended may have changed an alarm
                if not self.functions.busy:
                    return
            if time.monotonic() > end:
                raise TimeoutError(
                    f"functions are still running after {timeout} seconds; check their log groups,"
                    " or pass a larger timeout"
                )
            if (wake := self.functions.next_wake) is not None:
                self.clock.move(max(wake - self.clock.now(), 0))
            time.sleep(_POLL_SECONDS)

    def tick(self) -> None:
        """Start the invocation retries and schedules that are due, and evaluate the alarms."""
        with self._ticking, self.faults.own_work():
            self.functions.tick()
            self.schedules.tick()
            self.alarms.tick()

    def advance(self, seconds: float) -> None:
        """Move the clock forward in steps of at most 60 seconds, and `settle` before and after each.

        The time that functions sleep meanwhile is part of the seconds; it can exceed them.

        Raises:
            ValueError: the seconds are negative, infinite or not a number.
            TimeoutError: functions still run 60 seconds of real time after a step.
        """
        self.clock.check(seconds)
        end = self.clock.offset + seconds
        self.settle()
        while (left := end - self.clock.offset) > 0:
            self.clock.move(min(left, _STEP_SECONDS))
            self.settle()

    def health(self) -> dict[str, Any]:
        """Return the state of the cloud in JSON types: stacks, functions, log groups, alarms, time.

        Log groups map to their number of log events, alarms and stacks to their state.
        """
        groups = logs_backends[self.account][self.region].groups
        alarms = cloudwatch_backends[self.account][self.region].alarms
        return {
            "status": "running",
            "endpoint": self.endpoint,
            "account": self.account,
            "region": self.region,
            "time": datetime.fromtimestamp(self.clock.now(), UTC).isoformat(timespec="seconds"),
            "stacks": {stack.name: stack.status for stack in self.stacks.stacks.values()},
            "functions": sorted(self._function_names()),
            "log_groups": {
                name: sum(len(stream.events) for stream in group.streams.values())
                for name, group in sorted(groups.items())
            },
            "alarms": {name: alarm.state_value for name, alarm in sorted(alarms.items())},
            "receivers": dict(self._receivers.addresses) if self._receivers else {},
        }

    def _function_names(self) -> list[str]:
        functions = lambda_backends[self.account][self.region].list_functions()
        return [function.function_name for function in functions]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this account and Region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def _number(seconds: Any) -> float:
    try:
        return float(seconds)
    except (ValueError, TypeError) as error:
        raise ValueError(f"seconds: found {seconds!r:.60}, not a number") from error


def _set(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
