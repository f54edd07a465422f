"""A rule's notification, as its reader will see it: by the forwarder's own words and templates."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Final

from audit_ops.demo.preview import page, slack_html
from audit_ops.errors import AuditOpsError
from audit_rules import AuditConfig, Example, Rule

__all__ = ["Preview", "PreviewError", "preview"]

_ROOT: Final = Path(__file__).resolve().parents[2]


class PreviewError(AuditOpsError):
    """A rule's notification cannot be shown; the text says why."""


class Preview:
    """One notification, in every form that it takes."""

    def __init__(self, text: str, mail: str, slack: str) -> None:
        self.text = text
        """The mail's plain text, whole."""
        self.mail = mail
        self.slack = slack

    def page(self, title: str) -> str:
        """Give a page with the Slack message beside the mail, which may run nothing."""
        frame = f'<iframe sandbox srcdoc="{escape(self.mail)}"></iframe>'
        return page(title, f'<div class="pair">{self.slack}{frame}</div>')


def preview(config: AuditConfig, rule: Rule) -> Preview:
    """Give what is told of the first example that the rule matches.

    Raises:
        PreviewError: there is no such example, or the forwarder is not here.
    """
    example = next((each for each in rule.examples if each.matches), None)
    if example is None:
        raise PreviewError(
            f'rule "{rule.id}" has no example that it matches; add one under [[rules.examples]]'
        )
    forwarder = str(_ROOT / "lambda")
    if not Path(forwarder, "forwarder").is_dir():
        raise PreviewError(f"{_ROOT} holds no lambda/; preview in a checkout of the project")
    if forwarder not in sys.path:
        sys.path.append(forwarder)
    from forwarder.channels import email, slack
    from forwarder.notification import Why
    from forwarder.stages.evidence import Evidence
    from forwarder.stages.read import FoundRecord
    from forwarder.stages.word import Wording

    fields = dict(_filled(example))
    line = json.dumps(fields)
    at = datetime.fromisoformat(str(fields["@timestamp"]))
    record = FoundRecord(round(at.timestamp() * 1000), line, json.loads(line))
    evidence = Evidence(region="eu-west-1", log_group=config.names.log_group)
    told = Wording(config=config, evidence=evidence).notification(rule, [record], Why.RANG)
    return Preview(email.plain_text(told), email.html(told), slack_html(slack.message(told)))


def _filled(example: Example) -> Iterator[tuple[str, object]]:
    """Give the record, with what every record has."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    message = example.name or "An example"
    yield from {"@timestamp": now, "message": message, **json.loads(example.line)}.items()
