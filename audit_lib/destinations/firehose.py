"""Amazon Data Firehose: to S3, a data lake or a search engine, one JSON line a record."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from ._batching import BatchingHandler
from ._client import client_of
from ._entries import Limits

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient

__all__ = ["FirehoseHandler"]


class FirehoseHandler(BatchingHandler):
    """Sends all lines of a call as one Firehose record, each line with its end.

    So they keep their order, all of them are taken or none, and the service, which bills each of
    its records as 5 KB at least, bills a few. It needs `firehose:PutRecord`.
    """

    kind = "Firehose stream"
    # A record has 1,000 KiB: https://docs.aws.amazon.com/firehose/latest/dev/limits.html
    limits: ClassVar = Limits(events=10_000, batch_bytes=1_024_000, line_bytes=1_000_000)

    def __init__(
        self,
        stream: str,
        *,
        client: "Callable[[], FirehoseClient] | None" = None,
        flush_interval: float = 1.0,
        queue_bytes: int = 16 * 1024 * 1024,
        retry_for: float = 30.0,
    ) -> None:
        """Make a client, and call nothing yet.

        Args:
            stream: the delivery stream's name.
            client: makes the `firehose` client of a process; boto3's default, when left out.
            flush_interval: how many seconds a record waits for others to go with it.
            queue_bytes: how much may wait before the call that writes a record waits too.
            retry_for: for how many seconds what may pass is tried again.

        Raises:
            botocore.exceptions.BotoCoreError: no client can be made, such as without a region.
        """
        super().__init__(
            stream,
            client or client_of("firehose"),
            flush_interval=flush_interval,
            queue_bytes=queue_bytes,
            retry_for=retry_for,
        )

    def _send(self, lines: Sequence[bytes]) -> None:
        client: FirehoseClient = self._client
        client.put_record(DeliveryStreamName=self.target, Record={"Data": b"".join(lines)})
