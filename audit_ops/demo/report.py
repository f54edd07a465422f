"""What came of the run: files, a page that shows them, tables on the terminal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape as rich_escape
from rich.table import Table

from audit_ops.demo.story import Act
from audit_ops.pages import page
from local_cloud.receivers import Receiver, receiver_types

__all__ = ["Outcome", "ShownMessage", "serve", "write_report"]


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A notification as it arrived, and how it reads."""

    channel_type: str
    channel: str
    original: Any

    @property
    def _receiver(self) -> type[Receiver]:
        return receiver_types()[self.channel_type]

    @property
    def rule(self) -> str:
        """The id of the rule that it is about."""
        return self._receiver.rule(self.original)

    @property
    def title(self) -> str:
        """The line that its reader sees first."""
        return self._receiver.title(self.original)

    @property
    def html(self) -> str:
        """What its reader sees, as a piece of HTML."""
        return self._receiver.html(self.original)

    @property
    def file(self) -> tuple[str, bytes]:
        """It as a file: suffix, bytes."""
        return self._receiver.file(self.original)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that happened. `acts`: each act, its lines, its audit records, who was told."""

    acts: Sequence[tuple[Act, int, int, Sequence[ShownMessage]]]
    lines: int
    emitted: int
    audit_records: int
    matched: dict[str, int]
    told: Sequence[ShownMessage]

    def summary(self) -> dict[str, Any]:
        """Give the numbers, as `summary.json` has them."""
        return {
            "lines": self.lines,
            "emitted": self.emitted,
            "audit_records": self.audit_records,
            "rules_fired": sorted({told.rule for told in self.told}),
            "notifications": len(self.told),
            "notifications_by_channel": {
                name: sum(told.channel == name for told in self.told)
                for name in sorted({told.channel for told in self.told})
            },
            "records_by_rule": self.matched,
        }


def write_report(outcome: Outcome, output: Path, console: Console) -> None:
    """Write the files into a folder that is emptied of an earlier run's, and print the tables."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.glob("*.*"):
        old.unlink()
    for number, told in enumerate(outcome.told, start=1):
        name = f"{number:02}-{told.channel_type}-{told.rule}"
        suffix, content = told.file
        (output / f"{name}{suffix}").write_bytes(content)
        (output / f"{name}.html").write_text(page(told.title, told.html))
    (output / "index.html").write_text(_index(outcome))
    (output / "summary.json").write_text(json.dumps(outcome.summary(), indent=2) + "\n")
    _print(outcome, output, console)


def serve(output: Path) -> None:
    """Show the page on localhost until interrupted."""
    handler = partial(_Quiet, directory=str(output))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Console().print(
            f"\nSee them: [bold]http://localhost:{server.server_address[1]}/[/]  (Ctrl-C ends)"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            Console().print("Ended.")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _print(outcome: Outcome, output: Path, console: Console) -> None:
    table = Table(title="What happened", title_justify="left")
    table.add_column("Done in the shop", ratio=4)
    table.add_column("Lines", justify="right")
    table.add_column("Audit", justify="right")
    table.add_column("ShownMessage", ratio=5, overflow="fold")
    for act, lines, records, told in outcome.acts:
        rules = sorted({each.rule for each in told})
        who = [f"{rule}: {_channels(told, rule)}" for rule in rules]
        # What comes from the application goes through escape: it is no mark-up of ours.
        cells = (act.title, str(lines), str(records), "\n".join(who))
        table.add_row(*(rich_escape(cell) for cell in cells))
    console.print()
    console.print(table)
    summary = outcome.summary()
    console.print(
        f"{summary['lines']} log lines, of them {summary['emitted']} audit records emitted and"
        f" {summary['audit_records']} kept; {len(summary['rules_fired'])} rules fired;"
        f" {summary['notifications']} notifications, each once.\n"
        f"Messages, mails and summary.json are in {output}/"
    )


def _channels(told: Sequence[ShownMessage], rule: str) -> str:
    return ", ".join(each.channel for each in told if each.rule == rule)


def _index(outcome: Outcome) -> str:
    """Return the page that shows all of them."""
    parts = [
        f"<h2>{escape(told.channel)}: {escape(told.title)}</h2>{told.html}" for told in outcome.told
    ]
    heading = "What the business team received"
    return page(heading, f"<h1>{heading}</h1>{''.join(parts)}")
