"""What the rules would have done with records that there are: how often, whom, when.

A record is read once. Rules that name an action or a kind of record are looked at for those records
alone, and each as a compiled function; the few messages of which that cannot tell for sure (a number with
a fraction in a place that is compared) are looked at as CloudWatch does.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig, FilterPattern, Rule, actor_of
from audit_rules.patterns import Compiled, InexactError, compiled, required_texts

__all__ = ["Replay", "ReplayError", "Told", "lines_of", "replay"]

_ACTION: Final = ("event", "action")
_RECORD_TYPE: Final = ("changes", "record_type")
_MOST_ACTORS: Final = 10_000
_MOST_KNOWN: Final = 10_000


class ReplayError(AuditOpsError):
    """A file of records cannot be read; the text says why."""


@dataclass
class Told:
    """What one rule would have told."""

    rule: Rule
    days: Counter[str] = field(default_factory=Counter)
    """Records by day of UTC."""
    actors: Counter[str] = field(default_factory=Counter)
    _windows: Counter[int] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """How many records it would have told of."""
        return self.days.total()

    @property
    def rings(self) -> int:
        """How often its alarm would have begun to ring."""
        ringing = {at for at, count in self._windows.items() if count >= self.rule.threshold}
        return sum(at - 1 not in ringing for at in ringing)

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a record that the rule matches."""
        at = str(record.get("@timestamp", ""))
        self.days[at[:10]] += 1
        actor = actor_of(record)
        if actor in self.actors or len(self.actors) < _MOST_ACTORS:
            self.actors[actor] += 1
        try:
            minutes = int(datetime.fromisoformat(at).timestamp()) // 60
        except ValueError:
            return
        self._windows[minutes // self.rule.window_minutes] += 1


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
    actions, days = result.actions, result.days
    for line in lines:
        if line.isspace():
            continue
        try:
            record = read(line)
        except ValueError:  # such as half of a surrogate pair, which others read
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
        at = record.get("@timestamp")
        days[at[:10] if type(at) is str else ""] += 1
        for told, holds in index.of(action, kind):
            try:
                matched = holds(record)
            except InexactError:
                matched = told.rule.pattern.matches(line.decode("utf-8", "replace"))
            if matched and told.rule.tells(record):
                told.add(record)
    return result


_Candidate = tuple[Told, Compiled]


class _Index:
    """Which rules may match a record, by what nearly all of them ask for."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._asking: list[tuple[_Candidate, tuple[frozenset[str] | None, ...]]] = []
        for each in told:
            condition = each.rule.pattern.condition
            if condition is None:  # the empty pattern
                self._asking.append(((each, lambda _: True), (None, None)))
                continue
            wanted = tuple(required_texts(condition, path) for path in (_ACTION, _RECORD_TYPE))
            self._asking.append(((each, compiled(condition)), wanted))
        self._known: dict[tuple[Any, Any], list[_Candidate]] = {}

    def of(self, action: Any, kind: Any) -> list[_Candidate]:
        """Give those that may match a record of that action and record type."""
        if type(action) not in _TEXTUAL or type(kind) not in _TEXTUAL:
            # A number is its text in such a comparison; nobody writes one there.
            return [candidate for candidate, _ in self._asking]
        found = self._known.get((action, kind))
        if found is None:
            if len(self._known) >= _MOST_KNOWN:  # names made without end
                self._known.clear()
            found = self._known[action, kind] = [
                candidate
                for candidate, wanted in self._asking
                if all(
                    texts is None or found in texts
                    for texts, found in zip(wanted, (action, kind), strict=True)
                )
            ]
        return found


_TEXTUAL: Final = frozenset({str, type(None)})


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
