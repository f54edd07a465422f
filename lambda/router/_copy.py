"""Copies log events, unchanged, to the audit log group; sends rejected events to an SQS queue.

The limits of PutLogEvents:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import gzip
import json
import re
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from router._delivery import DeliveredEvent, Delivery
from router._settings import RouterSettings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import RejectedLogEventsInfoTypeDef
    from mypy_boto3_sqs import SQSClient

__all__ = ["Copier", "batches"]

MAX_BATCH_BYTES: Final = 1_048_576
EVENT_OVERHEAD_BYTES: Final = 26
MAX_BATCH_EVENTS: Final = 10_000
MAX_BATCH_SPAN_MS: Final = 24 * 3600 * 1000 - 1
_MAX_STREAM_NAME: Final = 512


class Copier:
    """Copies the log events of deliveries to the audit log group, in a log stream for each source stream."""

    def __init__(
        self,
        *,
        logs: "CloudWatchLogsClient",
        sqs: "SQSClient",
        lambda_client: "LambdaClient",
        settings: RouterSettings,
    ) -> None:
        self._lambda = lambda_client
        self._logs = logs
        self._sqs = sqs
        self._settings = settings

    def copy(self, delivery: Delivery) -> dict[str, int]:
        """Write all events; send those that CloudWatch Logs rejects (expired, too old, too new) to the queue.

        The matcher gets these too, so that people are told of them. Creates the log stream if it does not exist. Prints the metric `RejectedRecords` if there are any.

        Returns:
            The number of events by result: `copied` and `rejected`.

        Raises:
            botocore.exceptions.ClientError: a call failed; the delivery must be retried, which can write
                events twice.
        """
        stream = stream_name(delivery)
        rejected: list[DeliveredEvent] = []
        for batch in batches(delivery.events):
            for event, reason in self._put(stream, batch):
                self._send_to_queue(delivery, event, reason)
                rejected.append(event)
        if rejected:
            print(_metric("RejectedRecords", len(rejected)))  # noqa: T201
            self._match(rejected)
        return {"copied": len(delivery.events) - len(rejected), "rejected": len(rejected)}

    def _match(self, events: list[DeliveredEvent]) -> None:
        """Invoke the matcher with rejected events; they are in the queue, so an error is only printed."""
        for event in events:
            payload = {
                "messageType": "DATA_MESSAGE",
                "logEvents": [{"timestamp": event.timestamp, "message": event.message}],
            }
            data = b64encode(gzip.compress(json.dumps(payload).encode())).decode()
            try:
                self._lambda.invoke(
                    FunctionName=self._settings.matcher,
                    InvocationType="Event",
                    Payload=json.dumps({"awslogs": {"data": data}}).encode(),
                )
            except (ClientError, BotoCoreError) as error:  # such as a line of over 256 KB
                print(json.dumps({"rejected record not matched": str(error)}))  # noqa: T201

    def _put(self, stream: str, batch: list[DeliveredEvent]) -> list[tuple[DeliveredEvent, str]]:
        """Write one batch; return the events that CloudWatch Logs rejected, with the reasons."""
        try:
            answer = self._put_once(stream, batch)
        except self._logs.exceptions.ResourceNotFoundException:
            # Another instance may have created it in the meantime.
            with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
                self._logs.create_log_stream(
                    logGroupName=self._settings.audit_log_group, logStreamName=stream
                )
            answer = self._put_once(stream, batch)
        return _rejected(batch, answer)

    def _put_once(self, stream: str, batch: list[DeliveredEvent]) -> "RejectedLogEventsInfoTypeDef":
        answer = self._logs.put_log_events(
            logGroupName=self._settings.audit_log_group,
            logStreamName=stream,
            logEvents=[{"timestamp": e.timestamp, "message": e.message} for e in batch],
        )
        return answer.get("rejectedLogEventsInfo", {})

    def _send_to_queue(self, delivery: Delivery, event: DeliveredEvent, reason: str) -> None:
        body = {
            "reason": reason,
            "logGroup": delivery.log_group,
            "logStream": delivery.log_stream,
            "timestamp": event.timestamp,
            "message": event.message,
        }
        self._sqs.send_message(
            QueueUrl=self._settings.rejected_queue_url, MessageBody=json.dumps(body)
        )


def stream_name(delivery: Delivery) -> str:
    """Return the log stream for a delivery: `GROUP/STREAM`, cut after 512 characters.

    `:` and `*`, which a stream name cannot contain, become `_`.
    """
    name = f"{delivery.log_group.strip('/')}/{delivery.log_stream}"
    return re.sub(r"[:*]", "_", name)[:_MAX_STREAM_NAME]


def batches(events: Iterable[DeliveredEvent]) -> Iterator[list[DeliveredEvent]]:
    """Yield the events in order of time, in batches that PutLogEvents accepts.

    A batch has at most 10,000 events and 1,048,576 bytes (26 more for each event), and spans less than
    24 hours.
    """
    batch: list[DeliveredEvent] = []
    size = 0
    for event in sorted(events, key=lambda each: each.timestamp):
        length = len(event.message.encode()) + EVENT_OVERHEAD_BYTES
        if batch and (
            size + length > MAX_BATCH_BYTES
            or len(batch) == MAX_BATCH_EVENTS
            or event.timestamp - batch[0].timestamp > MAX_BATCH_SPAN_MS
        ):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += length
    if batch:
        yield batch


def _rejected(
    batch: list[DeliveredEvent], info: "RejectedLogEventsInfoTypeDef"
) -> list[tuple[DeliveredEvent, str]]:
    expired = info.get("expiredLogEventEndIndex", 0)  # end indexes are exclusive
    too_old = info.get("tooOldLogEventEndIndex", 0)
    too_new = info.get("tooNewLogEventStartIndex", len(batch))
    return [
        *((event, "expired") for event in batch[:expired]),
        *((event, "too old") for event in batch[expired:too_old]),
        *((event, "too new") for event in batch[too_new:]),
    ]


def _metric(name: str, value: int) -> str:
    """Return a metric as a log line in the CloudWatch embedded metric format."""
    definition = {"Namespace": "Audit", "Dimensions": [[]], "Metrics": [{"Name": name}]}
    # The current time, because CloudWatch rejects metrics that are as old as the rejected records.
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]}
    return json.dumps({"_aws": about, name: value})
