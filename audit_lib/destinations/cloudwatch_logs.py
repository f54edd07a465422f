"""Sends audit records to CloudWatch Logs, for applications whose standard output is not collected."""

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from time import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from botocore.exceptions import ClientError

from audit_lib._configuration import Config, get_config
from audit_lib._record import put_log_events

from ._batching import BatchingHandler
from ._checks import checked_name
from ._client import client_of
from ._entries import Entry, Limits, milliseconds_of
from ._errors import NoAnswerError, PartlyRefusedError, RefusedError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import RejectedLogEventsInfoTypeDef

__all__ = ["CloudWatchLogsHandler"]

_LEEWAY_MS: Final = 60 * 1000  # until the call arrives
_RACE_MS: Final = 10 * 1000


class CloudWatchLogsHandler(BatchingHandler):
    """Writes each record as a log event to an existing log group; creates the log stream if missing.

    A call has at most 10,000 events, 1,048,576 bytes and less than 24 hours from the first to the last
    event. A record older than 14 days or more than 2 hours ahead is not sent, with a margin of one
    minute; its failure policy applies, as it does for events that the service rejects.

    It needs the permissions `logs:CreateLogStream` and `logs:PutLogEvents`, and makes no other calls.
    """

    kind = "CloudWatch Logs, log group"
    limits: ClassVar = Limits(
        events=put_log_events.EVENTS,
        batch_bytes=put_log_events.BATCH_BYTES,
        line_bytes=put_log_events.MESSAGE_BYTES,
        event_overhead_bytes=put_log_events.EVENT_OVERHEAD_BYTES,
    )

    def __init__(  # noqa: PLR0913 - all but the group have a default
        self,
        group: str,
        stream: str | None = None,
        *,
        client: "Callable[[], CloudWatchLogsClient] | None" = None,
        flush_interval: float = 0.5,
        queue_bytes: int = 16 * 1024 * 1024,
        retry_for: float = 30.0,
        spool_place: str | None = None,
    ) -> None:
        """Create a client; no call is made yet.

        Args:
            group: the log group's name.
            stream: the log stream's name; processes may share it. Default: `<host>/<process id>`.
            client: creates the `logs` client of a process. Default: boto3's client.
            flush_interval: how many seconds a record may wait, so that others are sent with it.
            queue_bytes: the size of the queue; when it is full, calls that write a record wait.
            retry_for: for how many seconds a temporary error is retried.
            spool_place: what distinguishes the spool from that of another destination with the same
                name, such as an account. Default: the region of the client.

        Raises:
            ConfigurationError: an argument has a wrong value.
            botocore.exceptions.BotoCoreError: the client cannot be created, for example without a
                region.
        """
        self._stream_name = None if stream is None else checked_name("stream", stream)
        super().__init__(
            group,
            client or client_of("logs"),
            flush_interval=flush_interval,
            queue_bytes=queue_bytes,
            retry_for=retry_for,
            spool_place=spool_place,
            argument="group",
        )

    def _begin(self) -> None:
        super()._begin()
        self._latest = 0  # the time of the last event of the chain

    @property
    def log_stream(self) -> str:
        """The name of the log stream that this process writes to."""
        if self._stream_name is not None:
            return self._stream_name
        host = socket.gethostname().replace(":", "-").replace("*", "-")
        return f"{host}/{os.getpid()}"

    def _groups(self, entries: list[Entry]) -> Iterable[list[Entry]]:
        """Sort by time, divide calls that would span 24 hours, and refuse events too old or too new."""
        oldest, newest = put_log_events.accepted_times(int(time() * 1000), _LEEWAY_MS)
        timed = [(entry.milliseconds, entry) for entry in entries]
        for found, refused in (
            ("older than 14 days", [entry for at, entry in timed if at < oldest]),
            ("more than 2 hours ahead", [entry for at, entry in timed if at > newest]),
        ):
            if refused:
                error = RefusedError(f"the service does not accept an event {found}")
                self._refuse(refused, get_config(), error)
        group: list[Entry] = []
        first = 0
        for at, entry in sorted(timed, key=lambda pair: pair[0]):
            if not oldest <= at <= newest:
                continue
            if group and not put_log_events.fits_span(first, at):
                yield group
                group = []
            if not group:
                first = at
            group.append(entry)
        if group:
            yield group

    def _may_seal(self, bodies: list[bytes]) -> bool:
        """Return whether the sealing line, whose time is now, is less than 24 hours after the first event."""
        now_ms = int(time() * 1000) + _LEEWAY_MS
        return put_log_events.fits_span(milliseconds_of(bodies[0]), now_ms)

    def _attempt(self, bodies: list[bytes], config: Config) -> None:
        """Send; first begin a new chain if the first event is over 10 seconds older than the last sent.

        The service returns events in the order of their times, so a chain must not go back in time.
        """
        if milliseconds_of(bodies[0]) < self._latest - _RACE_MS:
            self._leave_chain()
            self._latest = 0
        super()._attempt(bodies, config)

    def _send(self, lines: Sequence[bytes]) -> None:
        events: list[Any] = []
        latest = self._latest
        for line in lines:
            # Of two threads, the one with the earlier time may have queued its record later.
            latest = max(latest, milliseconds_of(line))
            events.append({"timestamp": latest, "message": line[:-1].decode("ascii")})
        client: CloudWatchLogsClient = self._client
        try:
            answer = self._put_events(client, events)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            self._make_stream(client)
            answer = self._put_events(client, events)
        self._latest = latest
        if rejected := answer.get("rejectedLogEventsInfo"):
            raise PartlyRefusedError(
                _rejected(rejected, len(events)), f"the service rejected {rejected}"
            )

    def _put_events(self, client: "CloudWatchLogsClient", events: list[Any]) -> Any:
        answer = client.put_log_events(
            logGroupName=self.target, logStreamName=self.log_stream, logEvents=events
        )
        # None of its members is in each answer; the id is in the header `x-amzn-RequestId`.
        if not answer.get("ResponseMetadata", {}).get("RequestId"):
            raise NoAnswerError("the answer is not that of the service: it has no request id")
        return answer

    def _make_stream(self, client: "CloudWatchLogsClient") -> None:
        try:
            client.create_log_stream(logGroupName=self.target, logStreamName=self.log_stream)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise


def _rejected(info: "RejectedLogEventsInfoTypeDef", number: int) -> set[int]:
    """Return the positions of rejected events; AWS's end indexes are exclusive, the start is inclusive."""
    end = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    start = info.get("tooNewLogEventStartIndex", number)
    return {*range(end), *range(start, number)}
