"""Conditions of a rule that a filter pattern cannot express: source networks and the size of a change.

CloudWatch counts the records that the pattern selects. The forwarder, the tests and a replay, which read
the records, check these conditions as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

from ._sentence import member

__all__ = ["NO_FURTHER_CONDITIONS", "FurtherConditions", "Materiality", "Network", "QuietHours"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Materiality:
    """The smallest change of a number that matters: more than `by`, or than `percent` of the value before.

    `field` is the dotted path below `changes.before` and `changes.after`. A number that was added or
    removed, and a value that is not a number, always counts as changed enough.
    """

    field: str
    by: Decimal | None = None
    percent: Decimal | None = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Return whether the record contains such a change."""
        before, after = (
            _number(member(record, f"changes.{state}.{self.field}"))
            for state in ("before", "after")
        )
        if before is None or after is None:
            return True
        moved = abs(after - before)
        return (self.by is not None and moved > self.by) or (
            self.percent is not None and moved * 100 > abs(before) * self.percent
        )

    def __str__(self) -> str:
        far = [f"{self.by}"] if self.by is not None else []
        far += [f"{self.percent} %"] if self.percent is not None else []
        return f"{self.field} changed by more than {' or '.join(far)}"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily period without notifications, in the trail's time zone; it may span midnight."""

    begin: time
    end: time

    def includes(self, at: datetime) -> bool:
        """Return whether `at`, in the trail's time zone, is within the period."""
        time_of_day = at.time()
        if self.begin < self.end:
            return self.begin <= time_of_day < self.end
        return time_of_day >= self.begin or time_of_day < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherConditions:
    """The further conditions of a rule; an empty one, or None, is not checked."""

    networks: tuple[Network, ...] = ()
    outside_networks: tuple[Network, ...] = ()
    materiality: Materiality | None = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Return whether all conditions hold. They hold for a record that cannot be judged, so that none is lost."""
        if not record:
            return True
        if self.networks and not _within(record, self.networks):
            return False
        if self.outside_networks and _within(record, self.outside_networks):
            return False
        return self.materiality is None or self.materiality.holds(record)

    def in_words(self) -> Iterator[str]:
        """Yield a description of each condition."""
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


def _number(value: Any) -> Decimal | None:
    """Return the value as a number, also when it is a string: `audit_lib` writes long decimals as strings."""
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
