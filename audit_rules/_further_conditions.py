"""What a rule asks of a record that no filter pattern can: from which network, and by how much.

CloudWatch counts what the pattern selects; whoever reads the records (the forwarder, the tests, a replay)
looks at this too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

__all__ = ["NO_FURTHER_CONDITIONS", "FurtherConditions", "Materiality", "Network", "QuietHours"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Materiality:
    """How far a number has to move: by more than `by`, or than `percent` of what it was.

    `field` is its dotted path within the states. A number that came or went, and what is none, moved far.
    """

    field: str
    by: Decimal | None = None
    percent: Decimal | None = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the record tells of such a move."""
        before, after = (_number(_at(record, state, self.field)) for state in ("before", "after"))
        if before is None or after is None:
            return True
        moved = abs(after - before)
        return (self.by is not None and moved > self.by) or (
            self.percent is not None and moved * 100 > abs(before) * self.percent
        )

    def __str__(self) -> str:
        far = [f"{self.by}"] if self.by is not None else []
        far += [f"{self.percent} %"] if self.percent is not None else []
        return f"{self.field} moved by more than {' or '.join(far)}"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From when until when nobody is told, by the trail's time zone; over midnight if it has to be."""

    begin: time
    end: time

    def includes(self, at: datetime) -> bool:
        """Whether a moment lies in them; `at` is in the trail's time zone."""
        now = at.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherConditions:
    """All of it; what is empty or None asks nothing."""

    networks: tuple[Network, ...] = ()
    outside_networks: tuple[Network, ...] = ()
    materiality: Materiality | None = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether a record fits; one that cannot be judged does: better told than lost."""
        if not record:
            return True
        if self.networks and not _within(record, self.networks):
            return False
        if self.outside_networks and _within(record, self.outside_networks):
            return False
        return self.materiality is None or self.materiality.holds(record)

    def in_words(self) -> Iterator[str]:
        """Say what it asks, a text each."""
        if self.networks:
            yield f"source.ip is in {_listed(self.networks)}"
        if self.outside_networks:
            yield f"source.ip is not in {_listed(self.outside_networks)}"
        if self.materiality:
            yield str(self.materiality)


def _within(record: Mapping[str, Any], networks: tuple[Network, ...]) -> bool:
    source = record.get("source")
    text = source.get("ip") if isinstance(source, Mapping) else None
    try:
        address = ip_address(str(text))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:10.0.0.1
    return any((mapped or address) in network for network in networks)


def _at(record: Mapping[str, Any], state: str, path: str) -> Any:
    value: Any = record.get("changes")
    for name in (state, *path.split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _number(value: Any) -> Decimal | None:
    """Read a number, or a text that is one, as `audit_lib` writes long decimals."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


NO_FURTHER_CONDITIONS: Final = FurtherConditions()


def _listed(networks: tuple[Network, ...]) -> str:
    return " or ".join(map(str, networks))
