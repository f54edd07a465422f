"""Starts an embedded cloud and the receivers of its notifications, for the demo and for tests.

It runs in this process; `audit_ops.running` controls a cloud in another process.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, Self, Unpack

from audit_ops.running import prepare
from audit_rules import AuditConfig
from local_cloud.cloud import LocalCloud
from local_cloud.receivers import ReceivedMessage, receiver_types
from local_cloud.services.faults import Fault, FaultParameters

__all__ = ["World"]

_DAY_MINUTES: Final = 1440


class World:
    """An embedded cloud, and the servers that receive its notifications, as a context manager.

    Args:
        region: the only Region of the cloud.
        port: the port on localhost; 0 for a free one.

    Attributes:
        cloud: the cloud, available inside the `with` block.
        receivers: the receivers by channel type.
    """

    def __init__(self, *, region: str = "eu-west-1", port: int = 0) -> None:
        self.receivers = {name: receiver() for name, receiver in receiver_types().items()}
        self._region, self._port = region, port
        self._started = ExitStack()

    def __enter__(self) -> Self:
        """Start the receivers and the cloud.

        Raises:
            HookError: moto is not the pinned version.
            PortTakenError: another program listens on the port.
        """
        with ExitStack() as started:
            for receiver in self.receivers.values():
                started.enter_context(receiver)
            smtp = next((each.smtp for each in self.receivers.values() if each.smtp), None)
            self.cloud = started.enter_context(
                LocalCloud(
                    region=self._region,
                    port=self._port,
                    smtp=smtp,
                    receivers=self,
                )
            )
            for name, receiver in self.receivers.items():
                receiver.fault = partial(self.cloud.faults.message, name)
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the cloud and the receivers."""
        self._started.close()

    def prepare(self, config: AuditConfig) -> None:
        """Create what a trail requires: its source log groups, and its channels' secrets and senders."""
        prepare(self.cloud.client, config, self.addresses)

    def put_lines(self, log_group: str, lines: Sequence[str]) -> None:
        """Write lines to a log group, and wait until the cloud has processed them.

        Raises:
            TimeoutError: the pending work takes longer than 60 seconds of real time.
        """
        self.cloud.put_lines(log_group, lines)
        self.cloud.settle()

    def fault(self, **given: Unpack[FaultParameters]) -> Fault:
        """Make a service, a channel's receiver or a function fail, as `POST /_cloud/faults` does.

            with world.fault(service="slack", answer=503, seconds=600):
                ...

        Without `seconds` and `count`, the fault is in force until it is ended. `wait_until_quiet` ends all.

        Returns:
            The fault. As a context manager, it ends with the block; `end` ends it, and `struck` is the number
            of calls, messages or invocations that it affected.

        Raises:
            FaultError: a parameter is missing, not known, or has a value that is not understood.
        """
        return self.cloud.faults.add(**given)

    def wait_until_quiet(self) -> None:
        """End all faults, and advance the cloud's clock by minutes until no alarm is in ALARM; then empty the receivers.

        Raises:
            TimeoutError: an alarm stays in ALARM for a day of the clock.
        """
        self.cloud.faults.end_all()
        for _ in range(_DAY_MINUTES):
            if "ALARM" not in self.cloud.health()["alarms"].values():
                for receiver in self.receivers.values():
                    receiver.received.clear()
                return
            self.cloud.advance(60)
        alarms = self.cloud.health()["alarms"]
        names = [name for name, state in alarms.items() if state == "ALARM"]
        raise TimeoutError(
            f"the alarms {names} are in ALARM after a day of the cloud's clock; check their"
            " TreatMissingData"
        )

    @property
    def addresses(self) -> dict[str, str]:
        """The address of each receiver, by channel type."""
        return {name: receiver.address for name, receiver in self.receivers.items()}

    @property
    def aws_calls(self) -> dict[str, tuple[str, str] | None]:
        """The AWS service and operation that messages go through, by channel type; None for none."""
        return {name: receiver.AWS_CALL for name, receiver in self.receivers.items()}

    def received(self) -> list[tuple[str, ReceivedMessage]]:
        """Return the messages of all receivers in order of arrival, each with its channel type."""
        arrived = [
            (name, message)
            for name, receiver in self.receivers.items()
            for message in receiver.received
        ]
        return sorted(arrived, key=lambda each: each[1].arrived)

    def notifications(self, channel: str = "") -> list[dict[str, Any]]:
        """Return the received messages as JSON types: `type`, `channel`, and the members of the type.

        Slack adds `message`; e-mail adds `to`, `subject` and `text`.

        Args:
            channel: the name of a channel in `audit.toml`, for its messages alone; between channels, the
                order is that of arrival, which may be any.
        """
        return [
            {
                "type": name,
                "channel": message.channel,
                **self.receivers[name].as_json(message.original),
            }
            for name, message in self.received()
            if channel in {"", message.channel}
        ]
