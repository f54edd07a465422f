"""What the rules would have done with records that there are: how often, whom, when.

A record is read once. What a rule asks of the action and of the kind of record is answered once for all
records that are alike in both; what is left of it, if anything, is a compiled function. The few messages of
which that cannot tell for sure (a number with a fraction in a place that is compared) are looked at as
CloudWatch does.
"""

import gzip
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

import orjson

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig, FilterPattern, Rule, actor_of
from audit_rules.patterns import (
    Compiled,
    Condition,
    InexactError,
    compiled,
    required_member,
    simplified,
)

__all__ = ["Replay", "ReplayError", "Told", "lines_of", "replay"]

_TO_THE_DAY: Final = len("2026-01-31")
_TO_THE_MINUTE: Final = len("2026-01-31T10:00")
_MOST_ACTORS: Final = 10_000
_MOST_KNOWN: Final = 10_000


class ReplayError(AuditOpsError):
    """A file of records cannot be read; the text says why."""


@dataclass
class Told:
    """What one rule would have told."""

    rule: Rule
    actors: Counter[str] = field(default_factory=Counter)
    _times: Counter[str] = field(default_factory=Counter)
    """Records by minute of UTC, `2026-11-25T10:00`; by what stands there where that is no time."""

    @property
    def records(self) -> int:
        """How many records it would have told of."""
        return self._times.total()

    @property
    def days(self) -> Counter[str]:
        """Records by day of UTC."""
        days: Counter[str] = Counter()
        for at, count in self._times.items():
            days[at[:_TO_THE_DAY]] += count
        return days

    @property
    def rings(self) -> int:
        """How often its alarm would have begun to ring."""
        windows: Counter[int] = Counter()
        for at, count in self._times.items():
            with suppress(ValueError):
                minute = int(datetime.fromisoformat(f"{at}Z").timestamp()) // 60
                windows[minute // self.rule.window_minutes] += count
        ringing = {at for at, count in windows.items() if count >= self.rule.threshold}
        return sum(at - 1 not in ringing for at in ringing)

    def add(self, record: Mapping[str, Any], minute: str) -> None:
        """Count a record of that minute that the rule matches."""
        self._times[minute] += 1
        actor = actor_of(record)
        count = self.actors.get(actor)
        if count is not None:
            self.actors[actor] = count + 1
        elif len(self.actors) < _MOST_ACTORS:
            self.actors[actor] = 1


def _minute(at: object) -> str:
    """Give a time's minute of UTC, as which one without a zone counts; of other texts the beginning."""
    if not isinstance(at, str):
        return ""
    if at.endswith("Z"):  # as audit_lib writes it
        return at[:_TO_THE_MINUTE]
    try:
        time = datetime.fromisoformat(at)
        return f"{time.astimezone(UTC) if time.tzinfo else time:%Y-%m-%dT%H:%M}"
    except (ValueError, OverflowError):
        return at[:_TO_THE_DAY]


@dataclass
class Replay:
    """What all rules would have told of a number of records."""

    told: tuple[Told, ...]
    records: int = 0
    unreadable: int = 0
    """Lines that are no JSON object."""
    actions: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)


def replay(lines: Iterable[bytes], config: AuditConfig) -> Replay:
    """Give all records to all rules."""
    result = Replay(tuple(map(Told, config.rules)))
    index = _Index(result.told)
    read = orjson.loads
    actions: dict[str, int] = defaultdict(int)  # counts faster than a `Counter`
    days: dict[str, int] = defaultdict(int)
    for line in lines:
        try:
            record = read(line)
        except ValueError:  # such as half of a surrogate pair, which others read
            if line.isspace():
                continue
            record = FilterPattern.read(line.decode("utf-8", "replace")).json
        if type(record) is not dict:
            result.unreadable += 1
            continue
        result.records += 1
        event, changes = record.get("event"), record.get("changes")
        action = event.get("action") if type(event) is dict else None
        kind = changes.get("record_type") if type(changes) is dict else None
        if type(action) is str:
            actions[action] += 1
        minute = _minute(record.get("@timestamp"))
        days[minute[:_TO_THE_DAY]] += 1
        for told, holds in index.of(action, kind, changes):
            try:
                matched = holds(record)
            except InexactError:
                matched = told.rule.pattern.matches(line.decode("utf-8", "replace"))
            if matched and told.rule.applies_to(record):
                told.add(record, minute)
    result.actions.update(actions)
    result.days.update(days)
    return result


_Candidate = tuple[Told, Compiled]
_Asking = tuple[Told, Condition | Literal[True]]
_ACTION: Final = ("event", "action")
_RECORD_TYPE: Final = ("changes", "record_type")
_FIELDS: Final = ("changes", "fields")
_TEXTUAL: Final = frozenset({str, type(None)})
_OTHER: Final = object()


class _Alike(NamedTuple):
    """The rules that may match records of one action and record type, each with what is left to ask."""

    always: list[_Candidate]
    by_field: dict[str, list[_Candidate]]
    """Those that ask for a field that changed, by its name."""


class _Index:
    """Which rules may match a record, found out once for all records that are alike."""

    def __init__(self, told: Sequence[Told]) -> None:
        # The empty pattern has no condition.
        self._asking: list[_Asking] = [(each, each.rule.pattern.condition or True) for each in told]
        self._by_action: dict[Any, list[_Asking]] = {}
        self._known: dict[tuple[Any, Any], _Alike] = {}
        self._compiled: dict[Condition, Compiled] = {}

    def of(self, action: Any, kind: Any, changes: Any) -> list[_Candidate]:
        """Give those that may match, each with what is left to ask."""
        try:
            found, by_field = self._known[action, kind]
        except (KeyError, TypeError):  # a list is no key
            found, by_field = self._look_up(action, kind)
        if by_field and type(changes) is dict and type(fields := changes.get("fields")) is dict:
            for name in fields:
                if name in by_field:
                    found = found + by_field[name]
        return found

    def _look_up(self, action: Any, kind: Any) -> _Alike:
        # A number counts as its text in a comparison; nobody writes one there.
        action = action if type(action) in _TEXTUAL else _OTHER
        kind = kind if type(kind) in _TEXTUAL else _OTHER
        alike = self._known.get((action, kind))
        if alike is None:
            if len(self._known) >= _MOST_KNOWN:  # names made without end
                self._known.clear()
                self._by_action.clear()
                self._compiled.clear()
            if action not in self._by_action:
                self._by_action[action] = _left(self._asking, _ACTION, action)
            alike = self._known[action, kind] = _Alike([], {})
            for told, left in _left(self._by_action[action], _RECORD_TYPE, kind):
                asked = None if left is True else required_member(left, _FIELDS)
                group = alike.always if asked is None else alike.by_field.setdefault(asked, [])
                group.append((told, self._as_function(left)))
        return alike

    def _as_function(self, condition: Condition | Literal[True]) -> Compiled:
        if condition is True:
            return lambda _: True
        if condition not in self._compiled:
            self._compiled[condition] = compiled(condition)
        return self._compiled[condition]


def _left(asking: list[_Asking], path: tuple[str, ...], value: Any) -> list[_Asking]:
    """Give those that can still match where a field is that text, or None for no value."""
    if value is _OTHER:
        return asking
    known: dict[tuple[str, ...], str | None] = {path: value}
    found: list[_Asking] = []
    for told, condition in asking:
        left = True if condition is True else simplified(condition, known)
        if left is not False:
            found.append((told, left))
    return found


def lines_of(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Read the lines of a file, gzipped or not; tell how many bytes of it were read.

    Raises:
        ReplayError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield from _counted(file, gzip.GzipFile(fileobj=file) if packed else file, advance)
    except (OSError, EOFError) as error:
        raise ReplayError(f"{path}: cannot be read: {error}") from error


def _counted(
    file: BinaryIO, lines: Iterable[bytes], advance: Callable[[int], None]
) -> Iterator[bytes]:
    before = 0
    for number, line in enumerate(lines):
        if not number % 1000:
            now = file.tell()
            advance(now - before)
            before = now
        yield line
    advance(file.tell() - before)
