"""Evaluates conditions that a filter pattern cannot express, such as networks and the size of a change.

CloudWatch counts the records that the pattern selects. The forwarder, the tests and a replay, which read
the records, check these conditions as well. The module also has the quiet hours of a rule.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

from ._sentence import member, operation_of

__all__ = ["NO_FURTHER_CONDITIONS", "FurtherConditions", "Materiality", "Network", "QuietHours"]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Materiality:
    """A condition: a number changed by more than `by`, or by more than `percent` % of its old value.

    `field` is the dotted path below `changes.before` and `changes.after`. A string that contains a number
    counts as a number. If the old or the new value is missing or not a finite number, the condition holds.
    """

    field: str
    by: Decimal | None = None
    percent: Decimal | None = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Return whether the number changed by more than a limit, or cannot be compared."""
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
    """A daily period without notifications, in the trail's time zone; it may span midnight.

    `begin` is included, `end` is not.
    """

    begin: time
    end: time

    def includes(self, at: datetime) -> bool:
        """Return whether `at`, a time in the trail's time zone, is within the period."""
        time_of_day = at.time()
        if self.begin < self.end:
            return self.begin <= time_of_day < self.end
        return time_of_day >= self.begin or time_of_day < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherConditions:
    """The conditions of a rule that its filter pattern cannot express; empty ones and None are ignored.

    `kinds` are the operations that match: `creation`, `change`, `deletion`.
    """

    networks: tuple[Network, ...] = ()
    outside_networks: tuple[Network, ...] = ()
    materiality: Materiality | None = None
    kinds: tuple[str, ...] = ()

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Return whether all conditions hold for a record.

        They hold for an empty record, which stands for a log line that is not a JSON object, so that it is
        not lost. A record without a valid `source.ip` is outside every network.
        """
        if not record:
            return True
        if self.kinds and operation_of(record) not in self.kinds:
            return False
        if self.networks and not _within(record, self.networks):
            return False
        if self.outside_networks and _within(record, self.outside_networks):
            return False
        return self.materiality is None or self.materiality.holds(record)

    def in_words(self) -> Iterator[str]:
        """Yield a description of each condition, such as `source.ip is in 10.0.0.0/8`."""
        if self.kinds:
            yield f"the operation is a {' or a '.join(self.kinds)}"
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
    """Return the value of a number or of a string that contains one (`audit_lib` writes long decimals so).

    Return None for any other value, and for NaN and infinities.
    """
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
