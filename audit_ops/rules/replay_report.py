"""Formats the result of a replay for the terminal, for `audit rules test --against`."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from audit_rules import AuditConfig

from .replay import Replay, RuleMatches

__all__ = ["replay_report"]

_BARS = " ▁▂▃▄▅▆▇█"
_MAX_BARS = 60
_TOP = 3
_MAX_LENGTH = 40


def replay_report(result: Replay, config: AuditConfig) -> Group:
    """Return a table of the rules, a bar chart of each rule by day, and at most 10 undeclared actions."""
    days = sorted(day for day in result.days if day)
    span = f", {days[0]} to {days[-1]}" if days else ""
    heading = f"{result.records:,} {'record' if result.records == 1 else 'records'}{span}"
    if result.unreadable:
        heading += f"; {result.unreadable:,} lines are not records"
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (
        ("rule", "left"), ("records", "right"), ("a day", "right"), ("busiest day", "left"),
        ("told", "right"), ("messages", "right"), ("most by", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for matches in result.rules:
        table.add_row(*_row(matches, len(days)))
    plots = Table(box=None, show_header=False, pad_edge=False)
    for matches in result.rules:
        if matches.records:
            plots.add_row(Text(matches.rule.id), Text(_plot(matches.days, days)))
    parts: list[object] = [Text(heading), Text(""), table]
    if plots.row_count and len(days) > 1:
        parts += [Text(""), plots]
    parts += list(_undeclared(result, config))
    return Group(*parts)  # type: ignore[arg-type]


def _row(matches: RuleMatches, days: int) -> Iterator[Text]:
    busiest = matches.days.most_common(1)
    by = ", ".join(f"{_clean(actor)} ({n:,})" for actor, n in matches.actors.most_common(_TOP))
    yield Text(matches.rule.id)
    yield Text(f"{matches.records:,}")
    yield Text(f"{matches.records / days:.1f}" if days else "")
    yield Text(f"{busiest[0][0]}: {busiest[0][1]:,}" if busiest else "")
    yield Text(f"{matches.told:,}")
    yield Text(f"{matches.messages:,}")
    yield Text(by)


def _plot(counts: Counter[str], days: list[str]) -> str:
    """Return at most 60 bars, one for each day or for an equal number of days, and the highest count."""
    each = -(-len(days) // _MAX_BARS)
    sums = [sum(counts[day] for day in days[at : at + each]) for at in range(0, len(days), each)]
    top = max(sums)
    bars = "".join(_BARS[-(-count * (len(_BARS) - 1) // top)] for count in sums)
    return f"{bars}  at most {top:,} {'a day' if each == 1 else f'in {each} days'}"


def _undeclared(result: Replay, config: AuditConfig) -> Iterator[Text]:
    unknown = [(name, n) for name, n in result.actions.most_common() if name not in config.actions]
    if config.actions and unknown:
        named = ", ".join(f"{_clean(name)} ({n:,})" for name, n in unknown[:10])
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        yield Text("")
        yield Text(f"Actions that [actions] does not declare: {named}{more}")


def _clean(text: str) -> str:
    """Replace unprintable characters, which a terminal could interpret, and cut after 40 characters."""
    printable = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text
    )
    return printable if len(printable) <= _MAX_LENGTH else f"{printable[:_MAX_LENGTH]}…"
