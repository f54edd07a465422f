"""What the destinations of AWS have in common: a bounded queue, and one thread that sends from it.

Nothing here drops a record. What a service does not take goes where its failure policy says.
"""

import encodings.idna  # noqa: F401 - a first call imports it; in a forked child it may be too late
import sys
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from logging import LogRecord
from random import uniform
from threading import Condition, RLock, Thread, get_ident
from time import monotonic, sleep, time
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import quote

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
)

from audit_lib._configuration import Settings, settings
from audit_lib._exceptions import RecordLostError
from audit_lib._output.handler import AuditHandler
from audit_lib._output.spool import Spool
from audit_lib._proof.chain import TAIL_BYTES, Chain
from audit_lib._record.document import PAYLOAD

__all__ = ["BatchingHandler", "Entry", "Limits", "PartlyRefusedError", "RefusedError", "client_of"]

# The retries are ours: what botocore tries again by itself, nobody would know to have arrived twice.
_CONFIG: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LOOK_AT_SPOOL_SECONDS: Final = 30.0
_OPENING_BYTES: Final = 1024
_LONGEST_NAME: Final = 100
_REPLAYED_AT_ONCE: Final = 500
_CONTENT: Final = frozenset({
    "InvalidArgumentException", "InvalidParameterException", "SerializationException",
    "ValidationException",
})  # fmt: skip
_TRANSIENT: Final = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InternalServerError", "LimitExceededException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestTimeout",
    "ServiceUnavailable", "ServiceUnavailableException", "Throttling", "ThrottlingException",
    "TooManyRequestsException",
})  # fmt: skip


class Limits(NamedTuple):
    """What a service takes in one call: bytes are those of lines, ends included."""

    events: int
    batch_bytes: int
    line_bytes: int
    event_overhead_bytes: int = 0


class RefusedError(Exception):
    """A service will never take this, however often it is tried."""


class PartlyRefusedError(Exception):
    """A service took the call and not all of its lines: `positions` are those that it did not."""

    def __init__(self, positions: Iterable[int], why: str) -> None:
        super().__init__(why)
        self.positions = frozenset(positions)


class Entry:
    """A record on its way: its JSON without a proof, and what is to be done if nobody takes it."""

    __slots__ = ("body", "done", "error", "policy")

    def __init__(self, body: bytes, policy: str) -> None:
        self.body = body
        self.policy = policy
        self.done = False
        self.error: RecordLostError | None = None

    @property
    def milliseconds(self) -> int:
        """When it happened, since 1970; now, if the line does not say."""
        return milliseconds_of(self.body)


def milliseconds_of(line: bytes) -> int:
    """Give the `@timestamp` that a line begins with, in milliseconds since 1970; or now."""
    try:
        return round(datetime.fromisoformat(line[15:39].decode("ascii")).timestamp() * 1000)
    except ValueError:
        return int(time() * 1000)


def client_of(service: str) -> Callable[[], Any]:
    """Give what makes the client of a service, with a session of its own: they are per process."""

    def client() -> Any:
        from boto3.session import Session  # noqa: PLC0415 - who brings a client needs no boto3

        return Session().client(service, config=_CONFIG)  # type: ignore[call-overload]

    return client


class BatchingHandler(AuditHandler):
    """Queues each record, and sends what is queued in one call, from a thread of its own.

    The queue is bounded: when it is full, the call that writes a record waits. A record whose
    failure policy is `raise` is with the service when the call returns; any other one is within
    `linger` seconds and a call, and `flush()` waits for all of them. The end of the process, of a
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
        linger: float,
        queue_bytes: int,
        give_up: float,
    ) -> None:
        # Now, for what it imports: a thread may be about to fork, and its child could never import.
        # And first: what cannot be made is none of the handlers that end with the process.
        made: Any = client()
        super().__init__()
        self.target = target  # as the service names it
        self._make_client = client
        self._client = made
        self._linger = linger
        self._most_queued = queue_bytes
        self._give_up = give_up
        self._begin()

    def _begin(self) -> None:
        self._changed = Condition()
        self._sending = RLock()
        self._sender = 0  # the thread that is sending
        self._queue: deque[Entry] = deque()
        self._queued = 0  # bytes, of those that are being sent too
        self._last: Entry | None = None
        self._lost: RecordLostError | None = None
        self._hurry = False
        self._down = False
        self._closing = False
        self._worker: Thread | None = None

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
        """Give what may go into a call together, in its order."""
        return [entries]

    def handle(self, record: LogRecord) -> bool:
        """Queue the record. What botocore says of the sending itself would never end, so not that."""
        if self._sender == get_ident() and not hasattr(record, PAYLOAD):
            return False
        return super().handle(record)

    def flush(self) -> None:
        """Wait until all records so far are with the service, or where their policies say.

        Raises:
            RecordLostError: some are nowhere; it is raised once.
        """
        last = self._last
        if last is not None and self._sender != get_ident():
            self._settle(last)
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def seal(self) -> None:
        """Send what is queued, and end the chain; a later record is sent at once."""
        with suppress(RecordLostError):
            self.flush()
        self._ending = True
        with self._sending:
            self._drain()
            if self._chain is not None and self._chain.sequence >= 0:
                self._sender = get_ident()
                with suppress(Exception):  # a chain without a seal is what a crash leaves, too
                    self._send([self._chain.sealing()])
                self._sender = 0
            self._chain = None

    def close(self) -> None:
        """Send what is queued, end the chain and the thread; a later record is sent at once."""
        self.seal()
        with self._changed:
            worker = self._worker
            self._closing = True
            self._changed.notify_all()
        if worker is not None and worker.ident != get_ident():  # it may be at the spool
            worker.join(_LONGEST_PAUSE_SECONDS)
        super().close()

    def begin_child(self) -> None:
        """Forget what the process that this one was forked from is at: it sends its own records."""
        super().begin_child()
        self._begin()
        self._client = None  # its connections are the other process's

    def _longest(self, now: Settings) -> int:
        return min(now.said_bytes or self.limits.line_bytes, self.limits.line_bytes)

    def _spool(self, now: Settings) -> Spool | None:
        """Give a file of this destination alone: no other one may take what it did not get."""
        if now.spool is None:
            return None
        kept_by = type(self).__name__.removesuffix("Handler").lower()
        name = quote(self.target, safe="")
        if len(name) > _LONGEST_NAME:
            name = f"{name[:_LONGEST_NAME]}-{sha256(name.encode()).hexdigest()[:8]}"
        return Spool(f"{now.spool}.{kept_by}.{name}")

    def _size(self, entry: Entry) -> int:
        return len(entry.body) + TAIL_BYTES + self.limits.event_overhead_bytes

    def _deliver(self, body: bytes, action: object) -> None:
        now = settings()
        entry = Entry(body, now.failure_policy(action))
        if self._sender == get_ident():  # it would send, and be sent, without end
            self._refuse([entry], now, RuntimeError("made while sending others"))
        elif len(body) + TAIL_BYTES > self.limits.line_bytes:  # another formatter's
            found = f"{len(body)} bytes, and it takes {self.limits.line_bytes - TAIL_BYTES}"
            self._refuse([entry], now, RefusedError(found))
        else:
            self._enqueue(entry)
            if entry.policy == "raise" or self._ending:
                self._settle(entry)
        if entry.error is not None:
            raise entry.error

    def _enqueue(self, entry: Entry) -> None:
        size = self._size(entry)
        with self._changed:
            while self._queued and self._queued + size > self._most_queued and self._works():
                self._hurry = True
                self._changed.notify_all()
                self._changed.wait(1)
            self._queue.append(entry)
            self._queued += size
            self._last = entry
            if not self._ending and self._works() and len(self._queue) == 1:
                self._changed.notify_all()
            full = self._queued > self._most_queued and not self._works()
        if full:
            self._drain()

    def _works(self) -> bool:
        """Whether there is a thread that sends; begin one where there is none."""
        if self._worker is not None and self._worker.is_alive():
            return True
        self._closing = False
        worker = Thread(target=self._work, name=f"audit_lib to {self.place}", daemon=True)
        try:
            worker.start()
        except RuntimeError:  # the interpreter is shutting down
            return False
        self._worker = worker
        for processes in ("multiprocessing", "billiard"):  # their children leave by `os._exit`
            util = sys.modules.get(f"{processes}.util")
            if util is not None:
                util.Finalize(None, self.seal, exitpriority=10)
        return True

    def _settle(self, entry: Entry) -> None:
        """Wait until an entry is sent, or where its policy says."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            while not entry.done and not self._ending and self._works():
                self._changed.wait(1)
        if not entry.done:
            self._drain()

    def _work(self) -> None:
        while True:
            with self._changed:
                # Asked before the first look: records may wait since another process's time.
                if not self._queue and not self._closing:
                    self._changed.wait(self._patience())
                if self._queue:
                    self._changed.wait_for(
                        lambda: self._hurry or self._closing or self._is_full(), self._linger
                    )
                self._hurry = False
                if self._closing and not self._queue:
                    self._worker = None
                    return
            self._drain()

    def _is_full(self) -> bool:
        return self._queued >= min(self.limits.batch_bytes, self._most_queued // 2)

    def _patience(self) -> float | None:
        spool = self._spool(settings())
        return _LOOK_AT_SPOOL_SECONDS if spool is not None and spool.waiting else None

    def _drain(self) -> None:
        """Send all that is queued, in this thread."""
        with self._sending:
            if self._sender:  # a signal handler's flush, in the middle of it
                return
            self._sender = get_ident()
            try:
                self._replay()
                while entries := self._taken():
                    self._send_all(entries)
            finally:
                self._sender = 0

    def _taken(self) -> list[Entry]:
        with self._changed:
            entries = list(self._queue)
            self._queue.clear()
        return entries

    def _send_all(self, entries: list[Entry]) -> None:
        now = settings()
        try:
            for batch in self._batches(entries):
                self._send_or_refuse(batch, now)
                self._settled(batch)
        except BaseException as error:
            self._leave_chain()
            self._refuse([entry for entry in entries if not entry.done], now, error)
            raise
        finally:
            self._settled(entries)

    def _settled(self, entries: Iterable[Entry]) -> None:
        with self._changed:
            for entry in entries:
                if not entry.done:
                    entry.done = True
                    self._queued -= self._size(entry)
            self._changed.notify_all()

    def _batches(self, entries: list[Entry]) -> Iterable[list[Entry]]:
        """Cut entries into what one call takes, with room for the lines that open and seal."""
        most_bytes = self.limits.batch_bytes - 2 * _OPENING_BYTES
        for group in self._groups(entries):
            batch: list[Entry] = []
            size = 0
            for entry in group:
                more = self._size(entry)
                if batch and (size + more > most_bytes or len(batch) + 2 >= self.limits.events):
                    yield batch
                    batch, size = [], 0
                batch.append(entry)
                size += more
            if batch:
                yield batch

    def _send_or_refuse(self, batch: list[Entry], now: Settings, *, again: bool = False) -> None:
        """Send a batch; `again` is for one that was in the spool, and may stay there."""
        try:
            self._send_linked(batch, now, 0 if again or self._down else self._give_up)
        except PartlyRefusedError as error:
            refused = [batch[position] for position in sorted(error.positions)]
            self._refuse(refused, now, RefusedError(str(error)))
        except Exception as error:
            if not _is_content(error):
                if again:
                    raise
                self._refuse(batch, now, error)
            elif len(batch) == 1:
                self._refuse(batch, now, RefusedError(str(error)))
            else:  # one of them is to blame, and the others shall not suffer for it
                middle = len(batch) // 2
                self._send_or_refuse(batch[:middle], now, again=again)
                self._send_or_refuse(batch[middle:], now, again=again)

    def _send_linked(self, batch: list[Entry], now: Settings, patience: float) -> None:
        """Send a batch as the next lines of the chain, again and again while that may help."""
        until = monotonic() + patience
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                self._attempt([entry.body for entry in batch], now)
            except Exception as error:
                self._down = _is_transient(error)
                if not self._down or monotonic() + pause > until:
                    raise
                sleep(uniform(pause / 2, pause))  # noqa: S311 - so that not all come at once
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self._down = False
                return

    def _attempt(self, bodies: list[bytes], now: Settings) -> None:
        opened, lines = self._linked(bodies, now)
        try:
            if self._client is None:
                self._client = self._make_client()
            self._send(lines)
        except PartlyRefusedError as error:
            self._leave_chain()
            ours = {position - opened for position in error.positions} & set(range(len(bodies)))
            raise PartlyRefusedError(ours, str(error)) from error
        except BaseException as error:
            if _is_unknown(error):  # they may be there: no other line may have their places
                self._leave_chain()
            elif self._chain is not None:
                self._chain.forget()
            raise
        if self._chain is not None:
            self._chain.keep()
            self._link = ""
        if self._ending:
            self._chain = None

    def _linked(self, bodies: list[bytes], now: Settings) -> tuple[int, list[bytes]]:
        """Give the lines of documents, and how many stand before them: one, if a chain opens."""
        if not now.chain:
            return 0, [body + b"\n" for body in bodies]
        lines = []
        if self._chain is None:
            self._chain = Chain()
        if self._chain.sequence < 0:
            lines.append(self._chain.opening(self._link, bodies[0]))
        opened = len(lines)
        link = self._chain.link
        lines += [link(body) if body[-2:] == b"}}" else body + b"\n" for body in bodies]
        if self._ending:
            lines.append(self._chain.sealing())
        return opened, lines

    def _replay(self) -> None:
        """Send what waits in the file since the service did not take it."""
        now = settings()
        spool = self._spool(now)
        if spool is None or not spool.waiting:
            return

        def send(lines: list[bytes]) -> None:
            entries = [Entry(line[:-1], "spool") for line in lines]
            for batch in self._batches(entries):
                self._send_or_refuse(batch, now, again=True)

        with suppress(Exception):  # they stay, and whoever comes next tries again
            spool.replay(send, at_once=_REPLAYED_AT_ONCE)

    def _refuse(self, entries: list[Entry], now: Settings, error: BaseException) -> None:
        """Bring records that the service did not take to where their policies say."""
        together: dict[object, list[Entry]] = {}
        for entry in entries:  # the callers of those that raise wait for one each
            together.setdefault(entry if entry.policy == "raise" else entry.policy, []).append(
                entry
            )
        for those in together.values():
            lines = b"".join(entry.body + b"\n" for entry in those)
            spool = self._spool(now)
            if spool is not None and isinstance(error, RefusedError):
                spool = Spool(f"{spool.path}.refused")  # to try again would be of no use
            try:
                self._rescue(lines, spool, those[0].policy, error)
            except RecordLostError as lost:
                if those[0].policy == "raise":  # its caller waits for it
                    those[0].error = lost
                else:
                    self._lost = lost


def _is_content(error: Exception) -> bool:
    """Whether it is about what was sent, rather than about the service or our rights."""
    return isinstance(error, RefusedError | ParamValidationError) or _code(error) in _CONTENT


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return _is_unknown(error) or _code(error) in _TRANSIENT
    return isinstance(error, HTTPClientError | ConnectionError | CredentialRetrievalError | OSError)


def _is_unknown(error: BaseException) -> bool:
    """Whether the service may have taken what was sent all the same."""
    if isinstance(error, EndpointConnectionError):
        return False
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(error, HTTPClientError | ConnectionError) or not isinstance(
        error, BotoCoreError | RefusedError
    )


def _code(error: Exception) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
