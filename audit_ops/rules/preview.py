"""Renders a rule's notification as recipients see it, with the forwarder's own code."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

from audit_ops.errors import AuditOpsError
from audit_ops.pages import page
from audit_rules import AuditConfig, Channel, Example, Rule
from local_cloud.receivers import receiver_types

__all__ = ["Preview", "PreviewError", "page_of", "preview"]

_ROOT: Final = Path(__file__).resolve().parents[2]


class PreviewError(AuditOpsError):
    """A rule's notification cannot be rendered; the message says why."""


class Preview(NamedTuple):
    """A rule's notification in one of its channels, as text and as an HTML fragment."""

    channel: str
    text: str
    html: str


def page_of(previews: Sequence[Preview], title: str) -> str:
    """Return an HTML page, without scripts, that shows the previews side by side."""
    shown = (f"<div><h2>{escape(each.channel)}</h2>{each.html}</div>" for each in previews)
    return page(title, f'<div class="pair">{"".join(shown)}</div>')


def preview(config: AuditConfig, rule: Rule) -> list[Preview]:
    """Render the notification of the rule's first matching example, for each channel of the rule.

    Imports the forwarder from `lambda/` and appends that folder to `sys.path`.

    Raises:
        PreviewError: the rule has no matching example, or the forwarder's source is missing.
    """
    example = next((each for each in rule.examples if each.matches), None)
    if example is None:
        raise PreviewError(
            f"the rule {rule.id!r} has no matching example; add one with matches = true under"
            " [[rules.examples]]"
        )
    forwarder = str(_ROOT / "lambda")
    if not Path(forwarder, "forwarder").is_dir():
        raise PreviewError(
            f"the folder {Path(forwarder, 'forwarder')} does not exist; run .venv/bin/audit in a"
            " checkout of the project, after `make setup`"
        )
    if forwarder not in sys.path:
        sys.path.append(forwarder)
    from forwarder import channels
    from forwarder.notification import Reason
    from forwarder.stages.evidence import Evidence
    from forwarder.stages.read import FoundRecord
    from forwarder.stages.render import Renderer

    fields = dict(_filled(example))
    line = json.dumps(fields)
    at = datetime.fromisoformat(str(fields["@timestamp"]))
    record = FoundRecord(round(at.timestamp() * 1000), line, json.loads(line))
    evidence = Evidence(region="eu-west-1", log_group=config.names.log_group)
    renderer = Renderer(config=config, evidence=evidence)
    notification = renderer.notification(rule, [record], Reason.ARRIVED)
    return list(_previews(config, rule, lambda each: channels.preview(each, notification)))


def _previews(
    config: AuditConfig, rule: Rule, original: Callable[[Channel], Any]
) -> Iterator[Preview]:
    for name in rule.channels:
        channel = config.channels[name]
        receiver, sent = receiver_types()[channel.TYPE], original(channel)
        yield Preview(name, receiver.text(sent), receiver.html(sent))


def _filled(example: Example) -> Iterator[tuple[str, object]]:
    """Yield the members of an example's record, with defaults for a missing `@timestamp` or `message`."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    message = example.name or "An example"
    yield from {"@timestamp": now, "message": message, **json.loads(example.line)}.items()
