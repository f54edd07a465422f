"""Evaluates the rules on existing records: what they match, how often, and for which actors.

A record is parsed once, as a rule. The conditions on the action and the record type are evaluated once for all
records that share both; the remaining condition, if any, is a compiled function. The few records for which
that is inexact (a number that is compared as text, or that has a fraction) are parsed again and matched as
CloudWatch does.
"""

import gzip
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

import orjson

from audit_ops.errors import AuditOpsError, reason_of
from audit_rules import AuditConfig, FilterPattern, Rule, actor_of
from audit_rules.patterns import (
    Compiled,
    Condition,
    InexactError,
    compiled,
    required_member,
    simplified,
)

__all__ = ["Replay", "ReplayError", "RuleMatches", "lines_of", "replay"]

_DAY_LENGTH: Final = len("2026-01-31")
_PACE_MS: Final = 20_000  # the teller's
_MAX_ACTORS: Final = 10_000
_MAX_INDEXED: Final = 10_000


class ReplayError(AuditOpsError):
    """A file of records cannot be read; the message says why."""


@dataclass
class RuleMatches:
    """Counts the records that one rule matches, by day and by actor.

    `actors` counts at most 10,000 actors; records of further actors are not in it. `days` counts by day in UTC;
    an invalid time is cut to 10 characters.
    """

    rule: Rule
    actors: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)
    _times_ms: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def records(self) -> int:
        """The number of matching records."""
        return self.days.total()

    @property
    def told(self) -> int:
        """The number of records that reach the rule's threshold, so that people are told of them.

        They are counted as on AWS, by their times; those with an invalid time are ignored.
        """
        return len(self._told())

    @property
    def messages(self) -> int:
        """The number of messages to each of the rule's channels, if each record arrives at its time.

        A message contains all records that arrived since the one before, which is 20 seconds ago or more.
        """
        count, sent_ms = 0, -_PACE_MS
        for time_ms in self._told():
            if time_ms > sent_ms:  # else it is in the message that was sent, or will be
                count += 1
                sent_ms = max(time_ms, sent_ms + _PACE_MS)
        return count

    def add(self, record: Mapping[str, Any], day: str) -> None:
        """Count a matching record, with its actor, for a day in UTC."""
        self.days[day] += 1
        with suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(str(record.get("@timestamp")))
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            self._times_ms.append(round(at.timestamp() * 1000))
        actor = actor_of(record)
        count = self.actors.get(actor)
        if count is not None:
            self.actors[actor] = count + 1
        elif len(self.actors) < _MAX_ACTORS:
            self.actors[actor] = 1

    def _told(self) -> list[int]:
        times = sorted(self._times_ms)
        return [times[at] for at in self.rule.reaching(times)]


def _day(at: object) -> str:
    """Return the day in UTC of an ISO 8601 time; an invalid time is cut to 10 characters."""
    if not isinstance(at, str):
        return ""
    if at.endswith("Z"):  # as audit_lib writes it
        return at[:_DAY_LENGTH]
    try:
        time = datetime.fromisoformat(at)
        return f"{time.astimezone(UTC) if time.tzinfo else time:%Y-%m-%d}"
    except (ValueError, OverflowError):
        return at[:_DAY_LENGTH]


@dataclass
class Replay:
    """The result of a replay: the matches of each rule, and counts of all records by action and by day."""

    rules: tuple[RuleMatches, ...]
    records: int = 0
    unreadable: int = 0
    """Lines that are not a JSON object."""
    actions: Counter[str] = field(default_factory=Counter)
    days: Counter[str] = field(default_factory=Counter)


def replay(lines: Iterable[bytes], config: AuditConfig) -> Replay:
    """Evaluate all rules on log lines, one record each.

    A line that is not a JSON object counts as unreadable; a blank line is ignored.
    """
    result = Replay(tuple(map(RuleMatches, config.rules)))
    index = _RuleIndex(result.rules)
    read = orjson.loads
    actions: dict[str, int] = defaultdict(int)  # counts faster than a `Counter`
    days: dict[str, int] = defaultdict(int)
    for line in lines:
        try:
            record = read(line)
        except ValueError:  # such as half of a surrogate pair, which CloudWatch accepts
            if line.isspace():
                continue
            record = FilterPattern.read(line.decode("utf-8", "replace")).json
        if type(record) is not dict:
            result.unreadable += 1
            continue
        result.records += 1
        event, changes = record.get("event"), record.get("changes")
        action = event.get("action") if type(event) is dict else None
        record_type = changes.get("record_type") if type(changes) is dict else None
        if type(action) is str:
            actions[action] += 1
        day = _day(record.get("@timestamp"))
        days[day] += 1
        for matches, holds in index.candidates(action, record_type, changes):
            try:
                matched = holds(record)
            except InexactError:
                matched = matches.rule.pattern.matches(line.decode("utf-8", "replace"))
            if matched and matches.rule.applies_to(record):
                matches.add(record, day)
    result.actions.update(actions)
    result.days.update(days)
    return result


_Candidate = tuple[RuleMatches, Compiled]
_Remaining = tuple[RuleMatches, Condition | Literal[True]]
_ACTION: Final = ("event", "action")
_RECORD_TYPE: Final = ("changes", "record_type")
_FIELDS: Final = ("changes", "fields")
_TEXTUAL: Final = frozenset({str, type(None)})
_OTHER: Final = object()


class _Candidates(NamedTuple):
    """The rules that can match records of one action and record type, with their remaining condition."""

    always: list[_Candidate]
    by_field: dict[str, list[_Candidate]]
    """The rules that require a changed field, by its name."""


class _RuleIndex:
    """Finds the rules that can match a record; the result is cached by action and record type."""

    def __init__(self, rules: Sequence[RuleMatches]) -> None:
        # The empty pattern has no condition.
        self._rules: list[_Remaining] = [
            (each, each.rule.pattern.condition or True) for each in rules
        ]
        self._by_action: dict[Any, list[_Remaining]] = {}
        self._known: dict[tuple[Any, Any], _Candidates] = {}
        self._compiled: dict[Condition, Compiled] = {}

    def candidates(self, action: Any, record_type: Any, changes: Any) -> list[_Candidate]:
        """Return the rules that can match a record, each with its remaining condition as a function."""
        try:
            found, by_field = self._known[action, record_type]
        except (KeyError, TypeError):  # a list is not hashable
            found, by_field = self._look_up(action, record_type)
        if by_field and type(changes) is dict and type(fields := changes.get("fields")) is dict:
            for name in fields:
                if name in by_field:
                    found = found + by_field[name]
        return found

    def _look_up(self, action: Any, record_type: Any) -> _Candidates:
        # A number is compared as text; all values other than texts share one entry.
        action = action if type(action) in _TEXTUAL else _OTHER
        record_type = record_type if type(record_type) in _TEXTUAL else _OTHER
        found = self._known.get((action, record_type))
        if found is None:
            if len(self._known) >= _MAX_INDEXED:  # unbounded names
                self._known.clear()
                self._by_action.clear()
                self._compiled.clear()
            if action not in self._by_action:
                self._by_action[action] = _remaining(self._rules, _ACTION, action)
            found = self._known[action, record_type] = _Candidates([], {})
            for matches, left in _remaining(self._by_action[action], _RECORD_TYPE, record_type):
                name = None if left is True else required_member(left, _FIELDS)
                group = found.always if name is None else found.by_field.setdefault(name, [])
                group.append((matches, self._as_function(left)))
        return found

    def _as_function(self, condition: Condition | Literal[True]) -> Compiled:
        if condition is True:
            return lambda _: True
        if condition not in self._compiled:
            self._compiled[condition] = compiled(condition)
        return self._compiled[condition]


def _remaining(rules: list[_Remaining], path: tuple[str, ...], value: Any) -> list[_Remaining]:
    """Return the rules that can match if the field at `path` has a value, with their remaining conditions."""
    if value is _OTHER:
        return rules
    known: dict[tuple[str, ...], str | None] = {path: value}
    found: list[_Remaining] = []
    for matches, condition in rules:
        left = True if condition is True else simplified(condition, known)
        if left is not False:
            found.append((matches, left))
    return found


def lines_of(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the lines of a file, gzipped or not; call `advance` with the bytes read since the last call.

    Raises:
        ReplayError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield from _counted(file, gzip.GzipFile(fileobj=file) if packed else file, advance)
    except (OSError, EOFError, zlib.error) as error:
        raise ReplayError(
            f"{path}: cannot be read: {reason_of(error)}; pass a file of records, gzipped or not"
        ) from error


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
