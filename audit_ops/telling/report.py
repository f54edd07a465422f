"""Formats items of the outbox for the terminal, for `audit outbox`."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.table import Table
from rich.text import Text

from forwarder.outbox import Item, State
from forwarder.text import clean, one_line

from .outbox import WaitingGroup

__all__ = ["groups_report", "item_report", "items_report"]

_SHOWN: Final = frozenset({State.COUNTING, State.WAITING, State.REFUSED, State.UNSURE})


def groups_report(groups: Sequence[WaitingGroup]) -> Table:
    """Return a table of the items by state, rule and channel."""
    table = _table("state", "rule", "channel", "items", "oldest", "why")
    for group in groups:
        table.add_row(
            group.state,
            _shown(group.rule),
            _shown(group.channel),
            f"{group.count:,}",
            _time(group.oldest_ms),
            _shown(group.why),
        )
    return table


def items_report(items: Iterable[Item]) -> Table:
    """Return a table of the items that wait or were not told, with their keys, the oldest first."""
    table = _table("state", "time", "key", "problem")
    shown = (item for item in items if item.state in _SHOWN)
    for item in sorted(shown, key=lambda item: (item.state, item.at_ms)):
        table.add_row(item.state, _time(item.at_ms), _shown(str(item.key)), _shown(item.problem))
    return table


def item_report(item: Item) -> Table:
    """Return a table of the attributes of an item."""
    table = _table("", "")
    for name, value in (
        ("state", item.state),
        ("rule", item.key.rule),
        ("channel", item.key.channel),
        ("time", _time(item.at_ms)),
        ("arrived", _time(item.arrived_ms)),
        ("reason", item.why),
        ("problem, or message", item.problem),
        ("record", item.line or "(removed when it ended)"),
    ):
        table.add_row(name, _shown(str(value)))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "items" else "left")
    return table


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _shown(text: str) -> Text:
    return Text(one_line(clean(text)))
