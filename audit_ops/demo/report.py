"""What came of the run: files, a page that shows them, tables on the terminal."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.markup import escape as rich_escape
from rich.table import Table

from audit_ops.demo.preview import page, slack_html
from audit_ops.demo.story import Act
from local_cloud.receivers import SlackPost

__all__ = ["Outcome", "Told", "serve", "write_report"]


@dataclass(frozen=True, slots=True)
class Told:
    """A notification as it arrived: by which channel, about which rule, and what a reader sees."""

    kind: str
    channel: str
    rule: str
    title: str
    original: Any

    @classmethod
    def slack(cls, post: SlackPost) -> Self:
        """Read a Slack message; its footer names the rule."""
        footer = post.payload["blocks"][-1]["elements"][0]["text"]
        rule = footer.rpartition("rule `")[2].rstrip("`")
        return cls("slack", post.name, rule, post.payload["text"], post.payload)

    @classmethod
    def mail(cls, mail: EmailMessage, channel: str) -> Self:
        """Read a mail; a header names the rule."""
        return cls("email", channel, str(mail["X-Audit-Rule"]), str(mail["Subject"]), mail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that happened. `acts`: each act, its lines, its audit records, who was told."""

    acts: Sequence[tuple[Act, int, int, Sequence[Told]]]
    lines: int
    emitted: int
    audit_records: int
    matched: dict[str, int]
    told: Sequence[Told]

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
    for pattern in ("*.json", "*.eml", "*.html"):
        for old in output.glob(pattern):
            old.unlink()
    for number, told in enumerate(outcome.told, start=1):
        name = f"{number:02}-{told.kind}-{told.rule}"
        if told.kind == "slack":
            text = json.dumps(told.original, indent=2, ensure_ascii=False)
            (output / f"{name}.json").write_text(text)
            (output / f"{name}.html").write_text(page(told.title, slack_html(told.original)))
        else:
            (output / f"{name}.eml").write_bytes(told.original.as_bytes())
            (output / f"{name}.html").write_text(_html_of(told.original))
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


def _html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    return body.get_content() if body is not None else ""


def _print(outcome: Outcome, output: Path, console: Console) -> None:
    table = Table(title="What happened", title_justify="left")
    table.add_column("Done in the shop", ratio=4)
    table.add_column("Lines", justify="right")
    table.add_column("Audit", justify="right")
    table.add_column("Told", ratio=5, overflow="fold")
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


def _channels(told: Sequence[Told], rule: str) -> str:
    return ", ".join(each.channel for each in told if each.rule == rule)


def _index(outcome: Outcome) -> str:
    """Show each message beside its mail; a mail's HTML stays in a frame that may run nothing."""
    parts = ["<h1>What the business team got</h1>"]
    for number, told in enumerate(outcome.told, start=1):
        if told.kind == "slack":
            parts.append(f"<h2>#{escape(told.channel)}</h2>{slack_html(told.original)}")
        else:
            source = escape(f"{number:02}-{told.kind}-{told.rule}.html")
            heading = f"<h2>{escape(str(told.original['To']))}: {escape(told.title)}</h2>"
            parts.append(f'{heading}<iframe sandbox src="{source}"></iframe>')
    return page("What the business team got", "".join(parts))
