"""The teller: sends what waits for a channel, one message at a time, behind the channel's door."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final, assert_never

from audit_rules import AuditConfig, Rule, Severity
from forwarder.channels import NotificationSender, SendResult, SendStatus
from forwarder.door import Batch, Door, DoorLostError, Doors
from forwarder.notification import Notification, Reason
from forwarder.outbox import NOTICE, Item, Key, Outbox, State
from forwarder.stages.match import own_word
from forwarder.stages.read import FoundRecord, found_records
from forwarder.stages.render import Renderer
from forwarder.telling_log import TellingLog, Told
from forwarder.text import clean, shortened

__all__ = ["Teller"]

PACE_MS: Final = 20_000
"""The time between two messages of a rule to a channel; what comes meanwhile is one message."""
GAP_MS: Final = 1_000
"""The time between two messages to a channel: Slack allows one a second."""
MAX_RECORDS: Final = 1000
_READ_AT_ONCE: Final = 100
_MAX_BATCH_CHARACTERS: Final = 20_000_000  # parsed, it takes several times as much memory
_MAX_WAIT_MS: Final = 25_000  # a later message is sent by a later invocation
_SEND_SECONDS: Final = 60  # the time that an invocation keeps for sending and marking one message
_FIRST_BACK_OFF_MS: Final = 1_000
_MAX_BACK_OFF_MS: Final = 15 * 60_000
_CLOSED_MS: Final = 15 * 60_000
_STUCK_MS: Final = 14 * 24 * 3600_000
_HOURLY_MS: Final = 3600_000
_FIRST_RESEND_MS: Final = 5_000
_MAX_SENDS: Final = 16
_LATE_MS: Final = 5 * 60_000
_MAX_SUSPECTS: Final = 100
_MAX_NOTICE_LENGTH: Final = 1000
_DIGESTS_IN_LOG: Final = 20


@dataclass(slots=True)
class _Telling:
    """One invocation for one channel: its door, the keys that were handed over, and what it did."""

    door: Door
    keys: list[Key]
    left_ms: Callable[[], float]
    log: TellingLog | None = None
    reason: str = ""
    is_own: bool = False
    """Whether the message is about the trail's own records: it leaves no such record itself."""
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Teller:
    """Sends the items that wait for a channel, and marks them.

    Attributes:
        config: the configuration.
        outbox: the outbox.
        doors: the doors of the channels.
        renderer: renders the notifications.
        channels: the senders, by the name of the channel.
        notice: puts a notice for other channels; called with their names, the text, and an id.
        wake: invokes this function again for a channel.
        now_ms: returns the current time in ms since 1970.
        sleep: waits for some seconds.
    """

    config: AuditConfig
    outbox: Outbox
    doors: Doors
    renderer: Renderer
    channels: Mapping[str, NotificationSender]
    notice: Callable[[Sequence[str], str, str], None]
    wake: Callable[[str], object]
    now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    sleep: Callable[[float], None] = time.sleep

    def sweep(self) -> list[str]:
        """Wake this function for each channel that has something to send now; return their names."""
        due = [name for name in self.channels if self._is_due(name)]
        for name in due:
            self.wake(name)
        return due

    def _is_due(self, channel: str) -> bool:
        door, now_ms = self.doors.look(channel), self.now_ms()
        if door.next_ms > now_ms or (door.owner and door.until_ms > now_ms):
            return False
        return door.batch is not None or bool(self._waiting(channel, limit=1))

    def tell(
        self,
        channel: str,
        keys: Sequence[Key],
        *,
        owner: str,
        left_ms: Callable[[], float],
        log: TellingLog | None = None,
    ) -> Counter[str]:
        """Send what waits for a channel, until nothing does, or only later.

        Args:
            channel: the name of the channel.
            keys: the keys of items that were put a moment ago, which the index may not have yet.
            owner: an id of the invocation that no other one has.
            left_ms: returns how long the invocation can still run, in ms.
            log: where the audit records of what was told are written; None for nowhere.

        Returns:
            The number of items by what was done with them.

        Raises:
            botocore.exceptions.ClientError: a call failed; a batch on the door is sent again.
        """
        if channel not in self.channels:  # it was removed, and is perhaps back tomorrow
            return Counter()
        keys = [key for key in keys if key.channel == channel]
        taken = self.doors.take(channel, keys, owner=owner, now_ms=self.now_ms())
        if taken is None:
            return Counter()
        door, handed_over = taken
        if door.batch is not None:  # it may have been sent
            batch = replace(door.batch, sends=max(door.batch.sends, 1))
            door = replace(door, batch=batch)
        telling = _Telling(door, handed_over, left_ms, log)
        try:
            while self._tell_once(telling):
                pass
        except DoorLostError as error:
            print(json.dumps({"teller": channel, "lost": str(error)}))  # noqa: T201
        return telling.counts

    def _tell_once(self, telling: _Telling) -> bool:
        """Send at most one message; return False once the door is released."""
        door = telling.door
        if door.batch is None and not telling.keys and not self._waiting(door.channel, limit=1):
            return self._go_on(telling)
        if not self._wait_until(telling, door.next_ms):
            return False
        if door.batch is None:
            telling.door, waiting = self._with_next_batch(telling)
            door = telling.door
            if door.batch is None:
                return door.next_ms > self.now_ms() or self._go_on(telling)
        else:
            waiting = self._still_waiting(door.keys(door.batch))
        result = self._send(telling, door.batch, waiting) if waiting else None
        if result is None:
            changes = _uncertain(door, door.batch, door.batch.digests if waiting else ())
            telling.door = self.doors.write(door, batch=None, **changes)
            return True
        self._note(telling, door.batch, [item.key for item in waiting], result)
        return True

    def _send(self, telling: _Telling, batch: Batch, waiting: Sequence[Item]) -> SendResult | None:
        """Send the message about items; return None if their rule was removed: they go on waiting.

        A record that cannot be shown is refused, like one that the channel refuses: it must not keep back others.
        """
        try:
            notification = self._notification(batch, waiting)
            if notification is None:
                return None
            telling.reason = notification.reason.name
            telling.is_own = any(own_word(record) for record in _records(waiting))
            return self.channels[telling.door.channel].send(notification, is_plain=batch.is_plain)
        except Exception as error:  # noqa: BLE001 - of rendering; the senders return their errors
            # Not the text of the error: it may contain a value of a record, or an address.
            about = f"the records cannot be shown ({type(error).__name__})"
            return SendResult(SendStatus.REFUSED, about)

    def _go_on(self, telling: _Telling) -> bool:
        """Release the door; if somebody knocked meanwhile, keep it and return True."""
        knocked = self.doors.release(telling.door)
        telling.keys = knocked or []
        return knocked is not None

    def _wait_until(self, telling: _Telling, time_ms: int) -> bool:
        """Wait until a time; if that is too late for this invocation, release the door, and return False."""
        wait_ms = time_ms - self.now_ms()
        if telling.left_ms() - max(wait_ms, 0) < _SEND_SECONDS * 1000 or wait_ms > _MAX_WAIT_MS:
            self.doors.leave(telling.door)
            return False
        if wait_ms > 0:
            self.sleep(wait_ms / 1000)
        return True

    def _still_waiting(self, keys: Sequence[Key]) -> list[Item]:
        """Return the items of some keys that wait, in order of time."""
        found = self.outbox.read(keys).values()
        waiting = [item for item in found if item.state is State.WAITING]
        return sorted(waiting, key=_in_time)

    def _with_next_batch(self, telling: _Telling) -> tuple[Door, list[Item]]:
        """Return the door with the records of the next message, and their items; without if there are none."""
        door, now_ms = telling.door, self.now_ms()
        waiting = self._waiting(door.channel, limit=MAX_RECORDS)
        for key in telling.keys:
            if not self._is_quiet(key.rule) and key not in waiting.setdefault(key.rule, []):
                waiting[key.rule].append(key)
        telling.keys = []
        suspects = door.suspects
        others = {
            rule: [key for key in keys if key.digest not in suspects.get(rule, ())]
            for rule, keys in waiting.items()
        }
        if not any(others.values()):  # only what was refused: once more, after a pause
            others, suspects = waiting, {}
        paced = {rule: until for rule, until in door.paced.items() if until > now_ms}
        ready = {rule: keys for rule, keys in others.items() if keys and rule not in paced}
        found: tuple[int, str, Iterator[list[Item]]] | None = None
        for rule, keys in ready.items():
            parts = self._waiting_parts(keys)
            part = next(parts, None)
            if part and (found is None or (part[0].arrived_ms, rule) < found[:2]):
                found = part[0].arrived_ms, rule, chain([part], parts)
        if found is None:
            late = [paced[rule] for rule, keys in others.items() if keys and rule in paced]
            next_ms = min(late, default=door.next_ms)
            return self.doors.write(door, paced=paced, suspects=suspects, next_ms=next_ms), []
        _, rule, parts = found
        items = next(parts)[:1] if rule == NOTICE else _bounded(parts)
        digests = tuple(item.key.digest for item in items)
        is_uncertain = any(item.perhaps_sent for item in items) or not set(digests).isdisjoint(
            door.uncertain.get(rule, ())
        )
        batch = Batch(rule=rule, digests=digests, sends=int(is_uncertain))
        return self.doors.write(door, batch=batch, paced=paced, suspects=suspects), items

    def _waiting_parts(self, keys: Sequence[Key]) -> Iterator[list[Item]]:
        """Yield the items that still wait, of keys that may be those of items told a moment ago."""
        for at in range(0, len(keys), _READ_AT_ONCE):
            if waiting := self._still_waiting(keys[at : at + _READ_AT_ONCE]):
                yield waiting

    def _note(self, telling: _Telling, batch: Batch, keys: list[Key], result: SendResult) -> None:
        """Note the result of a message on its items and on the door."""
        door, now_ms = telling.door, self.now_ms()
        telling.counts[result.status] += len(keys)
        if result.status is not SendStatus.SENT:
            self._log(door, batch, result)
        match result.status:
            case SendStatus.SENT:
                changes = self._sent(telling, batch, keys, result)
            case SendStatus.AGAIN:
                changes = _failing(door, batch, _back_off_ms(door, result, now_ms), now_ms)
            case SendStatus.CLOSED:
                told = door.others_told or self._tell_others(door, batch, result, now_ms)
                changes = _failing(door, batch, _CLOSED_MS, now_ms)
                changes |= {"closed": result.about, "others_told": told}
            case SendStatus.REFUSED:
                changes = self._refused(telling, batch, keys, result)
            case SendStatus.UNKNOWN:
                changes = self._unknown(telling, batch, keys, result)
            case _:
                assert_never(result.status)
        telling.door = self.doors.write(door, **changes)

    def _sent(
        self, telling: _Telling, batch: Batch, keys: list[Key], result: SendResult
    ) -> dict[str, Any]:
        now_ms, door = self.now_ms(), telling.door
        if telling.log is not None and not telling.is_own:
            telling.log.add(
                Told(
                    rule="" if batch.rule == NOTICE else batch.rule,
                    channel=door.channel,
                    reason=telling.reason,
                    message_id=result.about,
                    digests=[key.digest for key in keys],
                    perhaps_repeat=batch.sends > 0,
                )
            )
        self.outbox.end(keys, State.TOLD, now_ms=now_ms, about=result.about)
        pace = {} if batch.rule == NOTICE else {batch.rule: now_ms + PACE_MS}
        uncertain = {
            rule: [each for each in digests if rule != batch.rule or each not in batch.digests]
            for rule, digests in door.uncertain.items()
        }
        return {
            "batch": None,
            "next_ms": now_ms + GAP_MS,
            "paced": door.paced | pace,
            "suspects": {},
            "doubted": door.suspects or door.doubted,
            "uncertain": {rule: digests for rule, digests in uncertain.items() if digests},
            "failing_since_ms": 0,
            "tries": 0,
            "closed": "",
            "others_told": False,
        }

    def _refused(
        self, telling: _Telling, batch: Batch, keys: list[Key], result: SendResult
    ) -> dict[str, Any]:
        """Send it as plain text; split it if that is refused too; at last, put the remaining one aside.

        It ends as refused if it is refused again after the channel accepted another message: a channel may
        refuse everything for some time.
        """
        now_ms, door, digest = self.now_ms(), telling.door, batch.digests[0]
        if not batch.is_plain or len(batch.digests) > 1:
            size = len(batch.digests) // 2 if batch.is_plain else len(batch.digests)
            part = replace(batch, digests=batch.digests[:size], is_plain=True)
            rest = _uncertain(door, batch, batch.digests[size:])
            return rest | {"batch": part, "next_ms": now_ms + GAP_MS}
        if digest in door.doubted.get(batch.rule, ()):
            ended = self.outbox.end(keys, State.REFUSED, now_ms=now_ms, about=result.about)
            telling.counts[State.REFUSED] += len(ended)
            return {"batch": None, "next_ms": now_ms + GAP_MS}
        suspects = door.suspects | {batch.rule: [*door.suspects.get(batch.rule, ()), digest]}
        if sum(map(len, suspects.values())) > _MAX_SUSPECTS:
            suspects = {}
        changes = _failing(door, batch, _doubling_ms(door), now_ms)
        changes |= _uncertain(door, batch, batch.digests)
        return changes | {"batch": None, "suspects": suspects}

    def _unknown(
        self, telling: _Telling, batch: Batch, keys: list[Key], result: SendResult
    ) -> dict[str, Any]:
        """Send exactly the same again, and nothing else before it; give up a single record at last."""
        now_ms, door, changes = self.now_ms(), telling.door, dict[str, Any]()
        sends, digests = batch.sends + 1, batch.digests
        if sends >= _MAX_SENDS:
            if len(digests) == 1:
                ended = self.outbox.end(keys, State.UNSURE, now_ms=now_ms, about=result.about)
                telling.counts[State.UNSURE] += len(ended)
                return {"batch": None, "next_ms": now_ms + GAP_MS}
            sends, digests = _MAX_SENDS // 2, digests[: len(digests) // 2]
            changes = _uncertain(door, batch, batch.digests[len(digests) :])
        pause = min(_FIRST_RESEND_MS << (sends - 1), _HOURLY_MS)
        return changes | {
            "batch": replace(batch, sends=sends, digests=digests),
            "next_ms": now_ms + pause,
            "failing_since_ms": door.failing_since_ms or now_ms,
        }

    def _tell_others(self, door: Door, batch: Batch, result: SendResult, now_ms: int) -> bool:
        """Tell the other channels of the rules that use a closed one; return whether they were told.

        A notice that meets a closed channel never causes another notice.
        """
        if batch.rule == NOTICE:
            return False
        others = {
            other
            for rule in self.config.rules
            if door.channel in rule.channels
            for other in rule.channels
        } - {door.channel}
        if others:
            text = f"Messages cannot be sent: {result.about}. They wait until it works again."
            id_ = f"closed#{door.channel}#{door.failing_since_ms or now_ms}"
            self.notice(sorted(others), text, id_)
        return True

    def _waiting(self, channel: str, *, limit: int) -> dict[str, list[Key]]:
        return self.outbox.waiting(channel, self._is_quiet, limit)

    def _is_quiet(self, rule_id: str) -> bool:
        """Return whether a rule's items go on waiting: in its quiet hours, or while the rule is removed."""
        if rule_id == NOTICE:
            return False
        rule = self._rule(rule_id)
        return rule is None or self._in_quiet_hours(rule, self.now_ms())

    def _rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.config.rules if rule.id == rule_id), None)

    def _in_quiet_hours(self, rule: Rule, at_ms: int) -> bool:
        local = datetime.fromtimestamp(at_ms / 1000, self.config.time_zone)
        return rule.quiet_hours is not None and rule.quiet_hours.includes(local)

    def _notification(self, batch: Batch, items: Sequence[Item]) -> Notification | None:
        """Return the notification about items; None if their rule was removed: they go on waiting."""
        if batch.rule == NOTICE:
            return Notification(
                rule_id="none",
                title="A message of the audit trail",
                description=shortened(clean(items[0].line), _MAX_NOTICE_LENGTH) or "(empty)",
                owner="everybody",
                severity=Severity.LOW,
                reason=Reason[items[0].why],
                perhaps_repeat=batch.sends > 0,
            )
        rule = self._rule(batch.rule)
        if rule is None:
            return None
        first = items[0]
        reason = Reason.COUNTED if rule.threshold > 1 else Reason[first.why]
        if reason is Reason.FOUND and first.arrived_ms - first.at_ms < _LATE_MS:
            reason = Reason.ARRIVED
        if self._in_quiet_hours(rule, first.arrived_ms):
            reason = Reason.HELD
        records = _records(items)
        notification = self.renderer.notification(rule, records, reason)
        return replace(notification, perhaps_repeat=batch.sends > 0)

    def _log(self, door: Door, batch: Batch, result: SendResult) -> None:
        digests = list(batch.digests[:_DIGESTS_IN_LOG])
        about = {"rule": batch.rule, "status": result.status, "problem": result.about}
        print(json.dumps({"teller": door.channel, **about, "records": digests}))  # noqa: T201


def _records(items: Sequence[Item]) -> list[FoundRecord]:
    """Return the records of items in order of time; when they arrived stands for when they were ingested."""
    arrivals = {(item.at_ms, item.line): item.arrived_ms for item in items}
    return [
        replace(record, ingested_ms=arrivals[record.timestamp_ms, record.line])
        for record in found_records(arrivals)
    ]


def _bounded(parts: Iterable[list[Item]]) -> list[Item]:
    """Return items in order of time: as many as fit into a message and into the memory."""
    found: list[Item] = []
    size = 0
    for part in parts:
        found += part
        size += sum(len(item.line) for item in part)
        if size > _MAX_BATCH_CHARACTERS or len(found) >= MAX_RECORDS:
            break
    return sorted(found[:MAX_RECORDS], key=_in_time)


def _in_time(item: Item) -> tuple[int, str]:
    return item.at_ms, item.key.digest


def _failing(door: Door, batch: Batch, pause_ms: float, now_ms: int) -> dict[str, Any]:
    """The channel accepted nothing; a message that was never sent before is put together anew."""
    return {
        "batch": batch if batch.sends else None,
        "next_ms": int(now_ms + pause_ms),
        "tries": door.tries + 1,
        "failing_since_ms": door.failing_since_ms or now_ms,
    }


def _uncertain(door: Door, batch: Batch, digests: Sequence[str]) -> dict[str, Any]:
    """Note that records of a batch may have been sent, because it is taken from the door."""
    if not batch.sends or not digests:
        return {}
    known = door.uncertain.get(batch.rule, [])
    new = [each for each in digests if each not in known]
    return {"uncertain": door.uncertain | {batch.rule: known + new}}


def _back_off_ms(door: Door, result: SendResult, now_ms: int) -> float:
    if door.failing_since_ms and now_ms - door.failing_since_ms > _STUCK_MS:
        return _HOURLY_MS
    if result.retry_after is not None:
        return min(max(result.retry_after * 1000, GAP_MS), _HOURLY_MS)
    return _doubling_ms(door)


def _doubling_ms(door: Door) -> int:
    return min(_FIRST_BACK_OFF_MS << min(door.tries, 20), _MAX_BACK_OFF_MS)
