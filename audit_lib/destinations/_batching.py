"""The base class of the destination handlers: records are queued, and sent in batches by one thread.

A record that the service does not accept is handled by its failure policy; none is dropped silently.
"""

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from logging import LogRecord
from typing import Any, ClassVar, Final

from audit_lib._configuration import Config, get_config
from audit_lib._exceptions import RecordLostError
from audit_lib._output.handler import AuditHandler
from audit_lib._output.spool import Spool
from audit_lib._output.spool_names import spool_name
from audit_lib._output.tally import tally
from audit_lib._proof.chain import TAIL_BYTES
from audit_lib._record.document import PAYLOAD
from audit_lib._record.interrupts import from_signal_handler

from ._checks import checked_count, checked_name, checked_seconds
from ._entries import Entry, Limits, batches, by_policy
from ._errors import (
    PartlyRefusedError,
    RefusedError,
    Retrying,
    is_about_content,
    is_outcome_unknown,
    is_without_credentials,
)
from ._linking import Linking
from ._queue import EntryQueue
from ._sender import Sender, is_sending

__all__ = ["BatchingHandler"]

_REPLAYED_AT_ONCE: Final = 500


class BatchingHandler(AuditHandler):
    """Queues each record, and sends the queue from one thread, many records in one call.

    The queue is bounded in bytes: when it is full, the call that writes a record waits. For a record
    whose failure policy is `raise`, the call returns once the service has accepted it, or raises
    `RecordLostError`. So it does in a daemonic child of `multiprocessing`, such as a worker of a `Pool`,
    which is killed when it has nothing to do. The thread takes other records from the queue after at most `flush_interval`
    seconds, later only while it sends or retries earlier ones; `flush()` waits for all of them. At the
    end of the process, also of a `multiprocessing` child, the rest is sent; `kill -9` loses queued
    records, unlike with standard output. A forked process has its own queue and thread.

    A call is retried for `retry_for` seconds on temporary errors; then the failure policies of its
    records apply. If the content causes the error, the batch is halved until the record is found.
    """

    limits: ClassVar[Limits]
    kind: ClassVar[str]
    """The service and kind of target, such as `DynamoDB table`, for messages."""

    def __init__(  # noqa: PLR0913 - those of the handlers
        self,
        target: str,
        client: Callable[[], Any],
        *,
        flush_interval: float,
        queue_bytes: int,
        retry_for: float,
        spool_place: str | None,
        argument: str,
    ) -> None:
        """Check the arguments and create a client; `argument` is the name of `target` in messages."""
        self.target = checked_name(argument, target)  # its name in the service
        self._flush_interval = checked_seconds("flush_interval", flush_interval)
        self._queue_bytes = checked_count("queue_bytes", queue_bytes)
        self._retry_for = checked_seconds("retry_for", retry_for, forever=True)
        if spool_place is not None:
            checked_name("spool_place", spool_place)
        # Now, because of what it imports: another thread may fork, and its child could never import.
        # And first: a handler without a client must not be registered for the end of the process.
        made: Any = client()
        super().__init__()
        self._make_client = client
        self._client = made
        # Targets of the same name in two regions are two destinations.
        region = getattr(getattr(made, "meta", None), "region_name", None)
        self._spool_place = spool_place or (region if isinstance(region, str) else "")
        self._refused: list[tuple[list[Entry], RefusedError]] | None = None
        self._linking = Linking()
        self._begin()

    def _begin(self) -> None:
        """Create an empty queue and a sender without a thread; called again in a forked process."""
        self._lost: RecordLostError | None = None
        self._refused = None
        self._retrying = Retrying(self._retry_for, self._note_retry)
        self._queue = EntryQueue(self.limits, self._queue_bytes)
        self._sender = Sender(
            self._queue,
            name=f"audit_lib to {self.place}",
            flush_interval=self._flush_interval,
            send=self._send_all,
            replay=self._send_spooled,
            spool_waits=self._spool_waits,
            seal=self.seal,
        )

    @property
    def place(self) -> str:
        """The kind and the name of the target, for messages."""
        return f"{self.kind} {self.target}"

    @property
    def waiting(self) -> int:
        """How many records are queued or being sent."""
        return len(self._queue.unsettled())

    @abstractmethod
    def _send(self, lines: Sequence[bytes]) -> None:
        """Send lines, with their line ends, in one call.

        Raises:
            PartlyRefusedError: the service did not accept some of the lines.
            Exception: the service accepted none of the lines, or the outcome is unknown.
        """

    def _groups(self, entries: list[Entry]) -> Iterable[list[Entry]]:
        """Return groups of entries that may be sent in one call, each in the order of the call."""
        return [entries]

    def handle(self, record: LogRecord) -> bool:
        """Queue the record; ignore log records of other libraries, such as botocore, while sending.

        That is so for what any destination sends: two of them would feed each other.

        Returns:
            False if the record was ignored, because sending it would create another one without
            end; otherwise whether it passed the filters.
        """
        if is_sending() and not hasattr(record, PAYLOAD):
            return False
        return super().handle(record)

    def flush(self) -> None:
        """Wait until all queued records were accepted by the service or handled by their policies.

        Raises:
            RecordLostError: a record was lost since the last call of `flush`.
        """
        if not is_sending():
            for entry in self._queue.unsettled():  # their order may differ from that of sending
                self._sender.settle(entry)
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def seal(self) -> None:
        """Send the queue and the line that seals the chain; later records are sent by their caller.

        Records that cannot be sent are handled by their policies; `RecordLostError` is not raised.
        """
        with suppress(RecordLostError):
            self.flush()
        self._sender.ending = True
        with self._sender.lock:
            self._sender.drain()
            with self._sender.sending():
                self._seal_chain()

    def _seal_chain(self) -> None:
        """Seal the open chain in a call of its own; without a seal, it has an open end."""
        if (line := self._linking.sealing()) is None:
            return
        try:
            self._send([line])
        except Exception as error:
            if from_signal_handler(error):
                raise

    def close(self) -> None:
        """Send the queue, seal the chain and end the thread; later records are sent by their caller."""
        self.seal()
        self._sender.close()
        super().close()

    def begin_child(self) -> None:
        """In a forked process, discard the queue, thread and client, which belong to the parent process."""
        super().begin_child()
        self._begin()
        self._client = None  # its connections belong to the parent process

    def _longest(self, config: Config) -> int:
        return min(config.requested_bytes or self.limits.line_bytes, self.limits.line_bytes)

    def _spool(self, config: Config, *, refused: bool = False) -> Spool | None:
        if config.spool is None:
            return None
        kind = type(self).__name__.removesuffix("Handler").lower()
        return Spool(
            spool_name(config.spool, kind, self._spool_place, self.target, refused=refused)
        )

    def _spool_waits(self) -> bool:
        spool = self._spool(get_config())
        return spool is not None and spool.waiting

    def _begin_chain(self, relation: str) -> None:
        self._linking.leave(relation)

    def _deliver(self, body: bytes, action: object, config: Config) -> None:
        entry = Entry(body, config.failure_policy(action))
        if is_sending():  # sending it would create another one, without end
            error = RuntimeError("it was written by the thread that sends records")
            self._handle_refused([entry], config, error)
        elif len(body) + TAIL_BYTES > self.limits.line_bytes:  # from another formatter
            found = f"found {len(body)} bytes; at most {self.limits.line_bytes - TAIL_BYTES} fit"
            self._handle_refused([entry], config, RefusedError(found))
        else:
            self._sender.put(entry)
            if entry.policy == "raise" or self._sender.ending or _may_be_killed():
                self._sender.settle(entry)
        if entry.error is not None:
            raise entry.error

    def _send_all(self, entries: list[Entry]) -> None:
        config = get_config()
        try:
            for batch in self._batches(entries):
                self._send_batch(batch, config)
                self._queue.settle(batch)
        except BaseException as error:
            self._leave_chain()
            self._handle_refused([entry for entry in entries if not entry.done], config, error)
            raise
        finally:
            self._queue.settle(entries)
        if entries[-1].failed:  # others of them may have been accepted later
            tally.failing.add(self)
        else:
            tally.failing.discard(self)
        if self._sender.ending:
            self._seal_chain()

    def _batches(self, entries: list[Entry]) -> Iterable[list[Entry]]:
        for group in self._groups(entries):
            yield from batches(group, self.limits)

    def _send_batch(self, batch: list[Entry], config: Config, *, from_spool: bool = False) -> None:
        """Send a batch; apply the failure policies to the records that are not accepted.

        With `from_spool`, the call is tried once, and an error that the content did not cause is
        raised, so that the batch stays in the spool.
        """
        try:
            bodies = [entry.body for entry in batch]
            self._retrying.run(lambda: self._attempt(bodies, config), once=from_spool)
        except PartlyRefusedError as error:
            refused = [batch[position] for position in sorted(error.positions)]
            self._refuse(refused, config, RefusedError(str(error)))
        except Exception as error:
            if from_signal_handler(error):
                raise
            if not is_about_content(error):
                if from_spool:
                    raise
                self._handle_refused(batch, config, error)
            elif len(batch) == 1:
                self._refuse(batch, config, RefusedError(str(error)))
            else:  # one of them causes the error: halve the batch until it is alone
                middle = len(batch) // 2
                self._send_batch(batch[:middle], config, from_spool=from_spool)
                self._send_batch(batch[middle:], config, from_spool=from_spool)

    def _attempt(self, bodies: list[bytes], config: Config) -> None:
        """Send documents in one call, as the next lines of the chain if chains are configured.

        A document that needs the whole call is sent after the line that opens the chain.
        """
        if not config.chain:
            self._call([body + b"\n" for body in bodies], 0, len(bodies))
        else:
            beside = self.limits.bytes_beside_chain
            each = TAIL_BYTES + self.limits.event_overhead_bytes
            is_long = sum(len(body) + each for body in bodies) > beside
            if is_long and (opening := self._linking.opening(bodies[0])):
                self._call(opening, 1, 0)
                self._linking.keep(sealed=False)
            seal = self._sender.ending and not is_long and self._may_seal(bodies)
            opened, lines = self._linking.lines(bodies, seal=seal)
            self._call(lines, opened, len(bodies))
            self._linking.keep(sealed=seal)
        tally.accepted(bodies[-1], self)

    def _may_seal(self, bodies: list[bytes]) -> bool:  # noqa: ARG002 - for services with spans
        """Return whether the line that seals the chain may be in one call with documents."""
        return True

    def _call(self, lines: list[bytes], opened: int, count: int) -> None:
        """Send the lines of `count` documents, after `opened` lines, and leave or restore the chain on an error."""
        try:
            if self._client is None:
                self._client = self._make_client()
            self._send(lines)
        except PartlyRefusedError as error:
            self._leave_chain()
            ours = {position - opened for position in error.positions} & set(range(count))
            raise PartlyRefusedError(ours, str(error)) from error
        except BaseException as error:
            if is_outcome_unknown(error):  # they may have arrived: do not reuse their sequences
                self._leave_chain()
            else:
                self._linking.forget()
            if is_without_credentials(error):
                self._client = None  # a new one looks for credentials again
            raise

    def _note_retry(self, error: Exception) -> None:
        tally.retried(self, self.place, error)

    def _send_spooled(self) -> None:
        """Send the lines of the spool; they stay there on a temporary error. No error is raised.

        What a signal handler raises is raised, after the lines of the spool are safe.
        """
        config = get_config()
        try:
            spool = self._spool(config)
            if spool is not None and spool.waiting:
                spool.replay(lambda lines: self._replay_lines(lines, config), _REPLAYED_AT_ONCE)
        except Exception as error:
            if from_signal_handler(error):
                raise
            # They stay in the spool until the next attempt.

    def _replay_lines(self, lines: list[bytes], config: Config) -> None:
        """Send lines of the spool, and move refused ones only if all of the lines can leave the spool."""
        self._refused = []
        try:
            for batch in self._batches([Entry(line[:-1], "spool") for line in lines]):
                self._send_batch(batch, config, from_spool=True)
            refused, self._refused = self._refused, None
            for entries, error in refused:
                self._handle_refused(entries, config, error)
        finally:
            self._refused = None

    def _refuse(self, entries: list[Entry], config: Config, error: RefusedError) -> None:
        """Apply the failure policies to refused records, those of the spool after the rest is sent."""
        if self._refused is None:
            self._handle_refused(entries, config, error)
        else:
            self._refused.append((entries, error))

    def _handle_refused(self, entries: list[Entry], config: Config, error: BaseException) -> None:
        """Apply the failure policies to records that the service did not accept."""
        spool = self._spool(config, refused=isinstance(error, RefusedError))
        for entry in entries:
            entry.failed = True
        for together in by_policy(entries):
            lines = b"".join(entry.body + b"\n" for entry in together)
            try:
                self._apply_policy(lines, spool, together[0].policy, error)
            except RecordLostError as lost:
                if together[0].policy == "raise":  # its caller raises it
                    together[0].error = lost
                else:
                    self._lost = lost


def _may_be_killed() -> bool:
    """Return whether this process is a daemonic child of `multiprocessing`, such as a worker of a `Pool`.

    Its parent ends it by SIGTERM, also after `with Pool() as pool:`, without a chance to send the queue.
    """
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.current_process().daemon is True
