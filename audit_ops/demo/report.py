"""Reports a demo run: writes the notifications and a page as files, and prints a table."""

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

from audit_ops.demo.scenario import DemoStep
from audit_ops.demo.shop import DemoError
from audit_ops.pages import page
from local_cloud.receivers import Receiver, receiver_types

__all__ = ["DemoNotification", "DemoResult", "files_of_earlier_run", "serve", "write_report"]


@dataclass(frozen=True, slots=True)
class DemoNotification:
    """A notification that a receiver received, in its original form (`original`) and as HTML."""

    channel_type: str
    channel: str
    original: Any

    @property
    def _receiver(self) -> type[Receiver]:
        return receiver_types()[self.channel_type]

    @property
    def rule(self) -> str:
        """The id of the notification's rule."""
        return self._receiver.rule(self.original)

    @property
    def title(self) -> str:
        """The line that the recipient sees first."""
        return self._receiver.title(self.original)

    @property
    def html(self) -> str:
        """The notification as an HTML fragment."""
        return self._receiver.html(self.original)

    @property
    def file(self) -> tuple[str, bytes]:
        """The notification as a file: the file name's suffix, and the bytes."""
        return self._receiver.file(self.original)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """The result of a demo run.

    Attributes:
        steps: each step, with its numbers of lines and audit records, and its notifications.
        lines: the number of lines that the application printed.
        emitted: the number of audit records among the lines.
        audit_records: the number of records in the audit log group.
        matched: the number of records that match each rule, by rule id.
        notifications: all notifications, in order of arrival.
    """

    steps: Sequence[tuple[DemoStep, int, int, Sequence[DemoNotification]]]
    lines: int
    emitted: int
    audit_records: int
    matched: dict[str, int]
    notifications: Sequence[DemoNotification]

    def summary(self) -> dict[str, Any]:
        """Return the content of `summary.json`: the numbers of lines, records and notifications."""
        return {
            "lines": self.lines,
            "emitted": self.emitted,
            "audit_records": self.audit_records,
            "rules_notified": sorted({each.rule for each in self.notifications}),
            "notifications": len(self.notifications),
            "notifications_by_channel": {
                name: sum(each.channel == name for each in self.notifications)
                for name in sorted({each.channel for each in self.notifications})
            },
            "records_by_rule": self.matched,
        }


def files_of_earlier_run(output: Path) -> list[Path]:
    """Return the files that the `summary.json` of a folder names; none for a new or empty folder.

    Raises:
        DemoError: the folder has files, but no `summary.json` of an earlier run.
    """
    if not output.exists() or not any(output.iterdir()):
        return []
    try:
        summary = json.loads((output / "summary.json").read_text())
        names = summary.get("files", []) if "notifications_by_channel" in summary else None
    except (OSError, ValueError, TypeError, AttributeError):
        names = None
    if names is None:
        raise DemoError(
            f"{output}: contains files that are not those of an earlier run; pass a new or empty"
            " folder as --output"
        )
    return [output / name for name in names if Path(name).name == name]


def write_report(result: DemoResult, output: Path, console: Console) -> None:
    """Write the files of a run into a folder, and print the table of its steps.

    The files of an earlier run in this folder are deleted, no others.

    Raises:
        DemoError: the folder has files, but not those of an earlier run.
    """
    output.mkdir(parents=True, exist_ok=True)
    for old in files_of_earlier_run(output):
        old.unlink(missing_ok=True)
    names = ["index.html"]
    for number, each in enumerate(result.notifications, start=1):
        name = f"{number:02}-{each.channel_type}-{each.rule}"
        suffix, content = each.file
        (output / f"{name}{suffix}").write_bytes(content)
        (output / f"{name}.html").write_text(page(each.title, each.html))
        names += [f"{name}{suffix}", f"{name}.html"]
    (output / "index.html").write_text(_index(result))
    summary = {**result.summary(), "files": names}
    (output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    _print(result, output, console)


def serve(output: Path) -> None:
    """Serve the files of a run on a free port of localhost until Ctrl-C, and print the address."""
    handler = partial(_PageHandler, directory=str(output))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Console().print(
            f"\nNotifications: [bold]http://localhost:{server.server_address[1]}/[/]  (Ctrl-C stops)"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            Console().print("Stopped.")


class _PageHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Suppress the log of requests."""


def _print(result: DemoResult, output: Path, console: Console) -> None:
    table = Table(title="Steps", title_justify="left")
    table.add_column("Step", ratio=4)
    table.add_column("Lines", justify="right")
    table.add_column("Audit", justify="right")
    table.add_column("Notifications", ratio=5, overflow="fold")
    for step, lines, records, notifications in result.steps:
        rules = sorted({each.rule for each in notifications})
        notified = [f"{rule}: {_channels(notifications, rule)}" for rule in rules]
        # Text of the application is escaped, so that it is not interpreted as markup.
        cells = (step.title, str(lines), str(records), "\n".join(notified))
        table.add_row(*(rich_escape(cell) for cell in cells))
    console.print()
    console.print(table)
    summary = result.summary()
    console.print(
        f"{summary['lines']} log lines, {summary['emitted']} of them audit records,"
        f" {summary['audit_records']} records kept; {len(summary['rules_notified'])} rules notified;"
        f" {summary['notifications']} notifications, each sent once.\n"
        f"The messages and summary.json are in {output}/"
    )


def _channels(notifications: Sequence[DemoNotification], rule: str) -> str:
    return ", ".join(each.channel for each in notifications if each.rule == rule)


def _index(result: DemoResult) -> str:
    """Return the HTML page that shows all notifications of a run."""
    parts = [
        f"<h2>{escape(each.channel)}: {escape(each.title)}</h2>{each.html}"
        for each in result.notifications
    ]
    heading = "Notifications"
    return page(heading, f"<h1>{heading}</h1>{''.join(parts)}")
