"""Formats notifications as Block Kit messages and sends them to Slack through an incoming webhook.

https://docs.slack.dev/reference/block-kit and https://docs.slack.dev/messaging/formatting-message-text
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from audit_rules import Severity
from audit_rules.channels.slack import MAX_HEADER_LENGTH, MAX_TEXT_LENGTH, SlackChannel
from forwarder.channels import SendResult, SendStatus
from forwarder.channels._aws import status_of
from forwarder.notification import FieldChange, Notification, RecordView
from forwarder.text import one_line, shortened

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

__all__ = ["SlackWebhook", "message", "open_channel", "preview"]

_MARKS: Final = {
    Severity.LOW: "🔵",
    Severity.MEDIUM: "🟡",
    Severity.HIGH: "🟠",
    Severity.CRITICAL: "🔴",
}
_LOOKS_LIKE_A_BACKTICK: Final = "\u02cb"
# The connection was not made, so nothing was sent.
_NOT_SENT: Final = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.LocationValueError,
)


class SlackWebhook:
    """Posts notifications to the webhook whose URL is the value of a Secrets Manager secret."""

    def __init__(self, *, name: str, secret: str, secrets: "SecretsManagerClient") -> None:
        self._name = name
        self._secret = secret
        self._secrets = secrets
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5.0, read=15.0), retries=False
        )

    def send(self, notification: Notification, *, is_plain: bool = False) -> SendResult:
        """Post the notification to the webhook, once.

        Status 429 and 5xx are to be tried again, after the seconds of `Retry-After` if there are any. Status 400
        refuses the message; any other one closes the channel, and so does a secret that cannot be read.
        """
        address = self._address()
        if isinstance(address, SendResult):
            return address
        content = {"text": _escaped(notification.short_text)} if is_plain else message(notification)
        try:
            answer = self._http.request(
                "POST",
                address,
                body=json.dumps(content).encode(),
                headers={"Content-Type": "application/json"},
                redirect=False,
            )
        # Not the texts of these errors: they contain the URL, which is a secret.
        except _NOT_SENT as error:
            return self._result(
                SendStatus.AGAIN,
                f"cannot be reached ({type(error).__name__}); check the function's network access",
            )
        except urllib3.exceptions.HTTPError as error:
            return self._result(SendStatus.UNKNOWN, f"did not answer ({type(error).__name__})")
        return self._answered(answer)

    def _answered(self, answer: urllib3.BaseHTTPResponse) -> SendResult:
        if answer.status == 200:
            return SendResult(SendStatus.SENT)
        said = one_line(answer.data[:100].decode("ascii", "replace"))
        problem = f"answered {answer.status}" + (f" ({said})" if said else "")
        if answer.status == 429 or answer.status >= 500:
            return self._result(
                SendStatus.AGAIN,
                f"{problem}; see https://slack-status.com",
                _seconds(answer.headers.get("Retry-After", "")),
            )
        if answer.status == 400:
            return self._result(SendStatus.REFUSED, problem)
        return self._result(
            SendStatus.CLOSED, f"{problem}; check the webhook URL in the secret {self._secret!r}"
        )

    def _address(self) -> str | SendResult:
        """Read the webhook URL from the secret, on every call, because the secret can be rotated."""
        try:
            value = self._secrets.get_secret_value(SecretId=self._secret)
        except (ClientError, BotoCoreError) as error:
            problem = (
                f"the secret {self._secret!r} cannot be read; check that it exists and that the"
                f" function's role may read it: {error}"
            )
            status = status_of(error)  # the message itself was not sent
            status = SendStatus.AGAIN if status is SendStatus.UNKNOWN else status
            return SendResult(status, f"channel {self._name!r}: {problem}")
        address = value.get("SecretString", "").strip()  # missing if the value is binary
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1"}:
            problem = (
                f"the value of the secret {self._secret!r} is not an https:// URL; store the webhook"
                " URL itself as plain text"
            )
            return SendResult(SendStatus.CLOSED, f"channel {self._name!r}: {problem}")
        return address

    def _result(
        self, status: SendStatus, problem: str, retry_after: float | None = None
    ) -> SendResult:
        return SendResult(status, f"channel {self._name!r}: Slack {problem}", retry_after)


def open_channel(channel: SlackChannel, client: Callable[[str], Any]) -> SlackWebhook:
    """Return a sender for the channel; it reads the secret only when it sends."""
    return SlackWebhook(
        name=channel.name, secret=channel.webhook_secret, secrets=client("secretsmanager")
    )


def preview(_: SlackChannel, notification: Notification) -> dict[str, Any]:
    """Return the JSON body that `SlackWebhook.send` would post."""
    return message(notification)


def message(notification: Notification) -> dict[str, Any]:
    """Return the JSON body for the webhook: Block Kit `blocks`, and `text` for Slack's own notifications."""
    severity = notification.severity
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": _plain(f"{_MARKS[severity]} {notification.title}", MAX_HEADER_LENGTH),
        },
        _context(f"*{severity.capitalize()}* · for {_escaped(notification.owner)}"),
    ]
    if notification.description:
        blocks.append({"type": "section", "text": _plain(notification.description)})
    for record in notification.records:
        blocks += [{"type": "divider"}, *_record_blocks(record)]
    if notification.left_out:
        by = ", ".join(notification.left_out_by)
        text = f"and {notification.left_out:,} more, by {by}; see the evidence"
        blocks += [{"type": "divider"}, {"type": "section", "text": _plain(text)}]
    if links := _links(notification):
        blocks.append({"type": "section", "text": _marked(links)})
    footer = f"Told because {notification.reason} · rule `{_escaped(notification.rule_id)}`"
    blocks.append(_context(footer))
    return {
        "text": _cut(f"{severity.capitalize()}: {notification.summary}", MAX_HEADER_LENGTH),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _record_blocks(record: RecordView) -> list[dict[str, Any]]:
    said = f"{record.sentence}\n{record.message}" if record.message else record.sentence
    blocks: list[dict[str, Any]] = [{"type": "section", "text": _plain(said)}]
    if record.changes:
        blocks.append({"type": "section", "fields": [_change(each) for each in record.changes]})
    who = " · ".join(part for part in (record.actor, record.actor_detail) if part)
    lines = [
        ("Who", who),
        ("When", record.when),
        ("Where", record.where),
        ("Outcome", record.outcome if record.outcome != "success" else ""),
        ("Reason", record.reason),
        ("Request", record.request),
    ]
    text = "\n".join(f"{name}: {_code(value)}" for name, value in lines if value)
    if record.changes_left_out:
        text += f"\nand {record.changes_left_out} more fields; see the evidence"
    return [*blocks, _context(text)]


def _change(change: FieldChange) -> dict[str, Any]:
    note = f" _({_escaped(change.note)})_" if change.note else ""
    if change.kind == "added":
        values = f"added: {_code(change.after)}"
    elif change.kind == "removed":
        values = f"removed: {_code(change.before)}"
    else:
        values = f"{_code(change.before)} → {_code(change.after)}"
    return _marked(f"{_code(change.label)}{note}\n{values}")


def _links(notification: Notification) -> str:
    links = (("Show the evidence", notification.evidence_url), ("What to do", notification.runbook))
    return " · ".join(f"<{_address_of(url)}|{title}>" for title, url in links if url)


def _address_of(url: str) -> str:
    return _escaped(quote(url, safe=":/?#[]@!$&'()*+,;=%~"))


def _escaped(text: str) -> str:
    """Escape `&`, `<` and `>`, so that a text contains no mention, channel or link of Slack's markup.

    Formatting, such as `*bold*`, remains.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """Return a value as an inline code span; its backticks are replaced, so that it cannot end the span."""
    return f"`{_escaped(one_line(text)).replace('`', _LOOKS_LIKE_A_BACKTICK)}`"


def _cut(text: str, max_length: int) -> str:
    """Escape a text and shorten it to at most `max_length` characters, without cutting an HTML entity."""
    room = max_length
    while len(escaped := _escaped(shortened(text, room))) > max_length:
        room -= max((len(escaped) - max_length) // 4, 1)
    return escaped


def _plain(text: str, max_length: int = MAX_TEXT_LENGTH) -> dict[str, Any]:
    return {"type": "plain_text", "text": _cut(text, max_length), "emoji": False}


def _marked(text: str) -> dict[str, Any]:
    """Return a `mrkdwn` text object; `verbatim` prevents Slack from creating links and mentions."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_marked(text)]}


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
