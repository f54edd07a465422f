"""What the destinations of AWS have in common: records are queued, and sent from one thread.

Nothing here drops a record. What a service does not take goes where its failure policy says.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from logging import LogRecord
from typing import Any, ClassVar, Final

from audit_lib._configuration import Config, get_config
from audit_lib._exceptions import RecordLostError
from audit_lib._output.handler import AuditHandler
from audit_lib._output.spool import Spool
from audit_lib._proof.chain import TAIL_BYTES
from audit_lib._record.document import PAYLOAD

from ._entries import Entry, Limits, batches, by_policy
from ._errors import PartlyRefusedError, RefusedError, Retrying, is_content, is_unknown
from ._linking import Linking
from ._queue import EntryQueue
from ._sender import Sender
from ._spooling import spool_of

__all__ = ["BatchingHandler"]

_REPLAYED_AT_ONCE: Final = 500


class BatchingHandler(AuditHandler):
    """Queues each record, and sends what is queued in one call, from a thread of its own.

    The queue is bounded: when it is full, the call that writes a record waits. A record whose
    failure policy is `raise` is with the service when the call returns; any other one is within
    `flush_interval` seconds and a call, and `flush()` waits for all of them. The end of the process, of a
    `multiprocessing` child too, sends what is left; `kill -9` loses what is queued, which standard
    output would not. A process that forks shares nothing of it with its child.
    """

    limits: ClassVar[Limits]
    kind: ClassVar[str]
    """What its targets are, for people."""

    def __init__(
        self,
        target: str,
        client: Callable[[], Any],
        *,
        flush_interval: float,
        queue_bytes: int,
        retry_for: float,
    ) -> None:
        # Now, for what it imports: a thread may be about to fork, and its child could never import.
        # And first: what cannot be made is none of the handlers that end with the process.
        made: Any = client()
        super().__init__()
        self.target = target  # as the service names it
        self._make_client = client
        self._client = made
        self._flush_interval = flush_interval
        self._queue_bytes = queue_bytes
        self._retry_for = retry_for
        self._linking = Linking()
        self._begin()

    def _begin(self) -> None:
        """Begin with nothing queued and no thread, as in a forked process."""
        self._lost: RecordLostError | None = None
        self._retrying = Retrying(self._retry_for)
        self._queue = EntryQueue(self.limits, self._queue_bytes)
        self._sender = Sender(
            self._queue,
            name=f"audit_lib to {self.place}",
            flush_interval=self._flush_interval,
            send=self._send_all,
            replay=self._replay,
            spool_waits=self._spool_waits,
            seal=self.seal,
        )

    @property
    def place(self) -> str:
        """What the records go to, for people."""
        return f"{self.kind} {self.target}"

    @abstractmethod
    def _send(self, lines: Sequence[bytes]) -> None:
        """Send lines, their ends included, in one call.

        Raises:
            PartlyRefusedError: some of them are not there.
            Exception: none of them is, or nobody knows.
        """

    def _groups(self, entries: list[Entry]) -> Iterable[list[Entry]]:
        """Return what may go into a call together, in its order."""
        return [entries]

    def handle(self, record: LogRecord) -> bool:
        """Queue the record. What botocore says of the sending itself would never end, so not that."""
        if self._sender.is_here and not hasattr(record, PAYLOAD):
            return False
        return super().handle(record)

    def flush(self) -> None:
        """Wait until all records so far are with the service, or where their policies say.

        Raises:
            RecordLostError: some are nowhere; it is raised once.
        """
        last = self._queue.last
        if last is not None and not self._sender.is_here:
            self._sender.settle(last)
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def seal(self) -> None:
        """Send what is queued, and end the chain; a later record is sent at once."""
        with suppress(RecordLostError):
            self.flush()
        self._sender.ending = True
        with self._sender.lock:
            self._sender.drain()
            if (line := self._linking.sealing()) is not None:
                # A chain without a seal is what a crash leaves, too.
                with self._sender.sending(), suppress(Exception):
                    self._send([line])

    def close(self) -> None:
        """Send what is queued, end the chain and the thread; a later record is sent at once."""
        self.seal()
        self._sender.close()
        super().close()

    def begin_child(self) -> None:
        """Forget what the process that this one was forked from is at: it sends its own records."""
        super().begin_child()
        self._begin()
        self._client = None  # its connections are the other process's

    def _longest(self, config: Config) -> int:
        return min(config.requested_bytes or self.limits.line_bytes, self.limits.line_bytes)

    def _spool(self, config: Config, *, refused: bool = False) -> Spool | None:
        if config.spool is None:
            return None
        kept_by = type(self).__name__.removesuffix("Handler").lower()
        return spool_of(config.spool, kept_by, self.target, refused=refused)

    def _spool_waits(self) -> bool:
        spool = self._spool(get_config())
        return spool is not None and spool.waiting

    def _begin_chain(self, why: str) -> None:
        self._linking.leave(why)

    def _deliver(self, body: bytes, action: object) -> None:
        config = get_config()
        entry = Entry(body, config.failure_policy(action))
        if self._sender.is_here:  # it would send, and be sent, without end
            self._refuse([entry], config, RuntimeError("made while sending others"))
        elif len(body) + TAIL_BYTES > self.limits.line_bytes:  # another formatter's
            found = f"{len(body)} bytes, and it takes {self.limits.line_bytes - TAIL_BYTES}"
            self._refuse([entry], config, RefusedError(found))
        else:
            self._sender.put(entry)
            if entry.policy == "raise" or self._sender.ending:
                self._sender.settle(entry)
        if entry.error is not None:
            raise entry.error

    def _send_all(self, entries: list[Entry]) -> None:
        config = get_config()
        try:
            for batch in self._batches(entries):
                self._send_or_refuse(batch, config)
                self._queue.settle(batch)
        except BaseException as error:
            self._leave_chain()
            self._refuse([entry for entry in entries if not entry.done], config, error)
            raise
        finally:
            self._queue.settle(entries)

    def _batches(self, entries: list[Entry]) -> Iterable[list[Entry]]:
        for group in self._groups(entries):
            yield from batches(group, self.limits)

    def _send_or_refuse(self, batch: list[Entry], config: Config, *, again: bool = False) -> None:
        """Send a batch; `again` is for one that was in the spool, and may stay there."""
        try:
            bodies = [entry.body for entry in batch]
            self._retrying.run(lambda: self._attempt(bodies, config), once=again)
        except PartlyRefusedError as error:
            refused = [batch[position] for position in sorted(error.positions)]
            self._refuse(refused, config, RefusedError(str(error)))
        except Exception as error:
            if not is_content(error):
                if again:
                    raise
                self._refuse(batch, config, error)
            elif len(batch) == 1:
                self._refuse(batch, config, RefusedError(str(error)))
            else:  # one of them is to blame, and the others shall not suffer for it
                middle = len(batch) // 2
                self._send_or_refuse(batch[:middle], config, again=again)
                self._send_or_refuse(batch[middle:], config, again=again)

    def _attempt(self, bodies: list[bytes], config: Config) -> None:
        """Send documents in one call, as the next lines of the chain."""
        seal = config.chain and self._sender.ending
        opened, lines = (
            self._linking.lines(bodies, seal=seal)
            if config.chain
            else (0, [body + b"\n" for body in bodies])
        )
        try:
            if self._client is None:
                self._client = self._make_client()
            self._send(lines)
        except PartlyRefusedError as error:
            self._leave_chain()
            ours = {position - opened for position in error.positions} & set(range(len(bodies)))
            raise PartlyRefusedError(ours, str(error)) from error
        except BaseException as error:
            if is_unknown(error):  # they may be there: no other line may have their places
                self._leave_chain()
            else:
                self._linking.forget()
            raise
        self._linking.keep(sealed=seal)

    def _replay(self) -> None:
        """Send what waits in the file since the service did not take it."""
        config = get_config()
        spool = self._spool(config)
        if spool is None or not spool.waiting:
            return

        def send(lines: list[bytes]) -> None:
            entries = [Entry(line[:-1], "spool") for line in lines]
            for batch in self._batches(entries):
                self._send_or_refuse(batch, config, again=True)

        with suppress(Exception):  # they stay, and whoever comes next tries again
            spool.replay(send, at_once=_REPLAYED_AT_ONCE)

    def _refuse(self, entries: list[Entry], config: Config, error: BaseException) -> None:
        """Bring records that the service did not take to where their policies say."""
        spool = self._spool(config, refused=isinstance(error, RefusedError))
        for together in by_policy(entries):
            lines = b"".join(entry.body + b"\n" for entry in together)
            try:
                self._apply_policy(lines, spool, together[0].policy, error)
            except RecordLostError as lost:
                if together[0].policy == "raise":  # its caller waits for it
                    together[0].error = lost
                else:
                    self._lost = lost
