"""Sends audit records to Amazon Data Firehose, for S3, a data lake or a search engine, as JSON lines."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from ._batching import BatchingHandler
from ._client import client_of
from ._entries import Limits
from ._errors import member_of

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient

__all__ = ["FirehoseHandler"]


class FirehoseHandler(BatchingHandler):
    """Sends the audit records of a batch as the lines of one Firehose record.

    A Firehose record has at most 10,000 lines and 1,024,000 bytes. Its lines keep their order, and are
    accepted all or not at all; it costs less, because the service bills at least 5 KB per Firehose
    record. It needs the permission `firehose:PutRecord`.
    """

    kind = "Firehose stream"
    # A record has 1,000 KiB: https://docs.aws.amazon.com/firehose/latest/dev/limits.html
    limits: ClassVar = Limits(events=10_000, batch_bytes=1_024_000, line_bytes=1_000_000)

    def __init__(  # noqa: PLR0913 - all but the stream have a default
        self,
        stream: str,
        *,
        client: "Callable[[], FirehoseClient] | None" = None,
        flush_interval: float = 1.0,
        queue_bytes: int = 16 * 1024 * 1024,
        retry_for: float = 30.0,
        spool_place: str | None = None,
    ) -> None:
        """Create a client; no call is made yet.

        Args:
            stream: the delivery stream's name.
            client: creates the `firehose` client of a process. Default: boto3's client.
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
        super().__init__(
            stream,
            client or client_of("firehose"),
            flush_interval=flush_interval,
            queue_bytes=queue_bytes,
            retry_for=retry_for,
            spool_place=spool_place,
            argument="stream",
        )

    def _send(self, lines: Sequence[bytes]) -> None:
        client: FirehoseClient = self._client
        answer = client.put_record(DeliveryStreamName=self.target, Record={"Data": b"".join(lines)})
        member_of(answer, "RecordId")
