"""The matcher, the teller and the outbox on a fake clock, in random weather: who is told what, and how often.

The code of the forwarder runs unchanged. Each invocation is a greenlet; at each call of DynamoDB, Lambda or a
channel, another one may go on, the invocation may be killed, or the call may fail. All is decided by a seed.
"""

import heapq
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

import greenlet

from audit_rules import AuditConfig, parse_config
from forwarder.channels import SendResult, SendStatus
from forwarder.door import TIMEOUT_SECONDS, Door, Doors
from forwarder.matcher import Matcher
from forwarder.notification import Notification, Reason
from forwarder.outbox import Key, Outbox, State
from forwarder.stages.evidence import Evidence
from forwarder.stages.read import found_records
from forwarder.stages.render import Renderer
from forwarder.teller import Teller
from tests.simulation.fake_dynamodb import FakeDynamoDB, ThrottlingException

START_MS: Final = 1_790_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CHANNELS: Final = ("slack", "mail")
HEAD: Final = """
[audit]
name = "audit"
time_zone = "Europe/Madrid"
examples = "optional"
[sources]
log_groups = ["/app/shop"]
[channels.slack]
type = "slack"
webhook_secret = "audit/slack"
[channels.mail]
type = "email"
sender = "audit@example.com"
recipients = ["a@example.com"]
"""
RULES: Final = {
    "each": 'severity = "high"\nchannels = ["slack", "mail"]\nwhen = { actions = ["each"] }',
    "count": 'severity = "low"\nchannels = ["slack"]\nwhen = { actions = ["count"] }\n'
    "threshold = 3\nwindow_minutes = 10",
    "quiet": 'severity = "low"\nchannels = ["mail"]\nwhen = { actions = ["quiet"] }\n'
    'quiet_hours = "22:00-06:00"',
    "size": 'severity = "low"\nchannels = ["slack"]\nwhen = { actions = ["size"] }\n'
    'materiality = { field = "limit", by = 10 }',
}


def configuration(*rules: str) -> AuditConfig:
    text = "".join(
        f'[[rules]]\nid = "{name}"\ntitle = "{name}"\nowner = "o"\n{RULES[name]}\n'
        for name in rules
    )
    return parse_config(HEAD + text)


CONFIGS: Final = {
    "all": configuration(*RULES),
    "without each": configuration("count", "quiet", "size"),
    "without count": configuration("each", "quiet", "size"),
}


class Killed(BaseException):
    """The invocation ends here, as by a timeout or a failure of its machine."""


@dataclass(slots=True)
class Weather:
    """How the services behave in one schedule; the probabilities are for each call."""

    crash: float = 0.0
    throttle: float = 0.0
    drop_wake: float = 0.0
    lag_ms: int = 0
    slow: float = 0.0
    twice: float = 0.0
    outages: list[tuple[str, int, int, str]] = field(default_factory=list)
    """Channel, begin, end, and what it answers."""


@dataclass(slots=True)
class Invocation:
    kind: str
    event: Any
    request: str
    tries: int = 0
    configs: list[AuditConfig] = field(default_factory=list)


class Simulation:
    """One schedule.

    Attributes:
        accepted: how often the channels accepted a message with the record, by key.
        excused: the copies that crashes and timeouts excuse, by key.
        broken: what must never happen and did.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_ms = START_MS + self.random.randrange(DAY)
        self.config = CONFIGS["all"]
        self.weather = Weather()
        self.table = FakeDynamoDB(
            before_call=self._before_call, now_ms=lambda: self.now_ms, lag_ms=self._lag_ms
        )
        self.accepted: Counter[str] = Counter()
        self.excused: Counter[str] = Counter()
        self.broken: list[str] = []
        self.arrivals: list[tuple[list[tuple[int, str]], list[AuditConfig]]] = []
        """The lines of each delivery, with the configurations that were tried."""
        self.dead: list[Invocation] = []
        self._sending: set[str] = set()
        self._deadlines: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._sent_by: WeakKeyDictionary[Any, tuple[str, set[str]]] = WeakKeyDictionary()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._hub = greenlet.getcurrent()
        self.poison: set[str] = set()
        self._calm = False
        self.active_ms = self.now_ms
        """When something arrived or was told last; when idle, most of the sweeps are left out."""

    # What happens, and when.

    def at(self, time_ms: int, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (time_ms, self._number, action))

    def run(self, until_ms: int) -> None:
        """Carry out all that happens until a time."""
        while self._events and self._events[0][0] <= until_ms:
            time_ms, _, action = heapq.heappop(self._events)
            self.now_ms = max(self.now_ms, time_ms)
            action()
        self.now_ms = max(self.now_ms, until_ms)

    def invoke(self, invocation: Invocation, delay_ms: int = 0) -> None:
        self.at(self.now_ms + delay_ms, lambda: self._start(invocation))

    def _start(self, invocation: Invocation) -> None:
        began = self.now_ms
        body: Any = greenlet.greenlet(lambda: self._body(invocation, began), parent=self._hub)
        self._deadlines[body] = began + TIMEOUT_SECONDS * 1000
        body.switch()

    def _body(self, invocation: Invocation, began: int) -> None:
        try:
            self._handle(invocation, began)
        except Killed:
            self._try_again(invocation)
        except ThrottlingException:
            self._try_again(invocation)

    def _try_again(self, invocation: Invocation) -> None:
        """Lambda's own: after one minute, after two more, then the dead-letter queue."""
        invocation.tries += 1
        if invocation.tries < 3:
            self.invoke(invocation, invocation.tries * MINUTE)
        else:
            self.dead.append(invocation)

    def _pause(self, pause_ms: int) -> None:
        """Let others go on; called inside of an invocation."""
        own = greenlet.getcurrent()
        self.at(self.now_ms + pause_ms, own.switch)
        self._hub.switch()

    def _before_call(self, operation: str) -> None:
        if greenlet.getcurrent() is self._hub:
            return
        self._pause(4_000 if self.random.random() < self.weather.slow else 3)
        if self.now_ms > self._deadlines[greenlet.getcurrent()]:
            self._excuse()
            raise Killed("timeout")
        if self._calm:
            return
        if self.random.random() < self.weather.crash:
            self._excuse()
            raise Killed(operation)
        if self.random.random() < self.weather.throttle:
            self._excuse()
            raise ThrottlingException(operation)

    def _excuse(self) -> None:
        """One copy is allowed if an invocation dies after it sent, and before it cleared the door."""
        sent = self._sent_by.get(greenlet.getcurrent())
        if sent is not None and self._on_door(sent[0]) & sent[1]:
            self.excused.update(self._on_door(sent[0]) & sent[1])

    def _door(self, channel: str) -> Door:
        return Doors(dynamodb=_Unhooked(self.table), table="outbox").look(channel)  # type: ignore[arg-type]

    def _on_door(self, channel: str) -> set[str]:
        """Return the keys on a door that wait."""
        door = self._door(channel)
        keys = map(str, door.keys(door.batch)) if door.batch else ()
        return {key for key in keys if self.state(key) == State.WAITING}

    def _lag_ms(self) -> int:
        return self.random.randrange(self.weather.lag_ms + 1)

    # The functions.

    def _handle(self, invocation: Invocation, began: int) -> None:
        # Greenlets stay in their thread.
        outbox = Outbox(dynamodb=self.table, table="outbox", calls_at_once=1)  # type: ignore[arg-type]
        matcher = Matcher(
            config=self.config, outbox=outbox, wake=self._wake, now_ms=lambda: self.now_ms
        )
        if invocation.kind == "match":
            invocation.configs.append(self.config)
            matcher.match(found_records(invocation.event), reason=Reason.ARRIVED)
            return
        if invocation.kind == "check":
            matcher.count_again()
            return
        renderer = Renderer(
            config=self.config, evidence=Evidence(region="eu-west-1", log_group="/audit/records")
        )
        teller = Teller(
            config=self.config,
            outbox=outbox,
            doors=Doors(dynamodb=self.table, table="outbox"),  # type: ignore[arg-type]
            renderer=renderer,
            channels={name: _Channel(self, name) for name in CHANNELS},
            notice=lambda channels, text, id_: matcher.notice(
                channels, text, reason=Reason.NOTICE, id_=id_
            ),
            wake=lambda channel: self._wake(channel, []),
            now_ms=lambda: self.now_ms,
            sleep=lambda seconds: self._pause(int(seconds * 1000)),
        )
        if invocation.kind == "sweep":
            teller.sweep()
            return
        channel, keys = invocation.event
        deadline = began + TIMEOUT_SECONDS * 1000
        self._number += 1
        owner = f"{invocation.request}#{self._number}"
        teller.tell(channel, keys, owner=owner, left_ms=lambda: deadline - self.now_ms)

    def _wake(self, channel: str, keys: Any) -> None:
        self._before_call("Invoke")
        if self._calm or self.random.random() >= self.weather.drop_wake:
            self._number += 1
            self.invoke(Invocation("tell", (channel, list(keys)), f"r{self._number}"), 20)
            if not self._calm and self.random.random() < self.weather.twice:
                self.invoke(Invocation("tell", (channel, list(keys)), f"r{self._number}"), 25)

    def each_minute(self) -> None:
        for item in self.table.items.values():
            if "waits" in item and "expires_at" in item:
                self.broken.append("an item that waits expires")
        for kind in ("sweep", "check"):
            self._number += 1
            self.invoke(Invocation(kind, None, f"r{self._number}"))
        idle_ms = self.now_ms - self.active_ms
        pause = MINUTE if idle_ms < 30 * MINUTE else 10 * MINUTE if idle_ms < 3 * HOUR else HOUR
        self.at(self.now_ms + pause, self.each_minute)

    # The channels.

    def send(self, channel: str, *, is_marked: bool) -> SendResult:
        if self.now_ms < self._door(channel).next_ms:
            self.broken.append(f"a message to {channel} before it may be tried again")
        if not is_marked and any(self.accepted[key] for key in self._on_door(channel)):
            self.broken.append(f"a copy to {channel} that is not marked")
        if channel in self._sending:
            self.broken.append(f"two sends to {channel} at once")
        self._sending.add(channel)
        try:
            return self._send(channel)
        finally:
            self._sending.discard(channel)

    def _send(self, channel: str) -> SendResult:  # noqa: PLR0911 - an answer each
        keys = self._on_door(channel)
        if not keys:
            self.broken.append(f"a message to {channel} that does not stand on the door")
        self._pause(self.random.choice((50, 200, 2_000)))
        answer = next(
            (
                answer
                for name, begin, end, answer in self.weather.outages
                if name == channel and begin <= self.now_ms < end
            ),
            "sent",
        )
        if answer == "500":
            return SendResult(SendStatus.AGAIN, "500")
        if answer == "429":
            return SendResult(SendStatus.AGAIN, "429", retry_after=30.0)
        if answer == "404":
            return SendResult(SendStatus.CLOSED, "404")
        poisoned = self.poison & keys
        if answer == "400" or poisoned:
            return SendResult(SendStatus.REFUSED, "400")
        if answer == "lost":  # the request did not arrive, and nobody knows
            self._pause(20_000)
            return SendResult(SendStatus.UNKNOWN, "no answer")
        self.accepted.update(keys)
        self.active_ms = self.now_ms
        if answer == "late":  # it arrived, and the answer did not
            self.excused.update(keys)
            self._pause(20_000)
            return SendResult(SendStatus.UNKNOWN, "no answer")
        if not self._calm and self.random.random() < self.weather.crash * 3:
            self.excused.update(keys)
            raise Killed("after sending")
        self._sent_by[greenlet.getcurrent()] = channel, keys
        return SendResult(SendStatus.SENT, "m")

    # The end.

    def heal(self) -> None:
        """All services work again; what lies in the dead-letter queues is sent once more."""
        self.weather = Weather()
        self._calm = True
        self.active_ms = self.now_ms
        self.config = CONFIGS["all"]
        dead, self.dead = self.dead, []
        for invocation in dead:
            invocation.tries = 0
            self.invoke(invocation)

    def expected(self) -> dict[str, set[str]]:
        """Return the states that the items may have when all is well again, by key.

        A rule that is removed for some time may match what arrives just then, or not.
        """
        at: dict[str, int] = {}
        states: dict[str, set[str]] = {}
        for lines, configs in self.arrivals:
            for record in found_records(lines):
                for rule in CONFIGS["all"].rules:
                    if not rule.pattern.matches(record.line):
                        continue
                    for channel in rule.channels:
                        key = str(Key(rule.id, channel, record.key))
                        if key not in self.table.items and any(
                            rule not in config.rules for config in configs
                        ):
                            continue
                        at[key] = record.timestamp_ms
                        told = {State.TOLD, State.UNSURE}
                        if key in self.poison:
                            told = {State.REFUSED, State.WAITING}  # waiting for another message
                        states[key] = told if rule.applies_to(record.fields) else {State.IMMATERIAL}
        counted = sorted((at[key], key) for key in states if key.startswith("count#"))
        reached = CONFIGS["all"].rule("count").reaching([time for time, _ in counted])
        below = {key for _, key in counted} - {counted[each][1] for each in reached}
        states |= {key: {State.BELOW} for key in below}
        return {key: set(map(str, each)) for key, each in states.items()}

    def state(self, key: str) -> str:
        item = self.table.items.get(key)
        return item["state"]["S"] if item else "missing"


class _Unhooked:
    """The table without what happens before calls."""

    def __init__(self, table: FakeDynamoDB) -> None:
        self._table = table

    def get_item(self, **given: Any) -> Any:
        found = self._table.items.get(given["Key"]["id"]["S"])
        return {"Item": found} if found else {}


class _Channel:
    def __init__(self, simulation: Simulation, name: str) -> None:
        self._simulation, self._name = simulation, name

    def send(self, notification: Notification, *, is_plain: bool = False) -> SendResult:
        del is_plain
        return self._simulation.send(self._name, is_marked=notification.perhaps_repeat)


def line(number: int, action: str) -> str:
    changes = {"before": {"limit": 100}, "after": {"limit": 100 + number % 25}}
    fields = {"event": {"id": f"e{number}", "action": action}, "message": "m", "changes": changes}
    return json.dumps(fields)
