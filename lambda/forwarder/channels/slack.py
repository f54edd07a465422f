"""Formats notifications as Block Kit messages and sends them to Slack through an incoming webhook.

https://docs.slack.dev/reference/block-kit and https://docs.slack.dev/messaging/formatting-message-text
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from audit_rules import Severity
from audit_rules.channels.slack import (
    MAX_BLOCKS,
    MAX_HEADER_LENGTH,
    MAX_MESSAGE_LENGTH,
    MAX_SECTION_FIELDS,
    MAX_TEXT_LENGTH,
    SlackChannel,
)
from forwarder.channels import SendResult, SendStatus
from forwarder.channels._aws import status_of
from forwarder.notification import PERHAPS_REPEAT, FieldChange, Notification, RecordView
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
_ROOM: Final = 800  # of each value; a field has two of them, and may have 2,000 characters
_MAX_ROWS: Final = 16
_MAX_ROWS_LENGTH: Final = 2600  # of all rows of a record, which are one text
_MAX_COLUMN: Final = 40  # of the two columns in which Slack shows fields
_MAX_MORE_LENGTH: Final = 1000
_MAX_LINK_LENGTH: Final = 2000
_MAX_LABEL_LENGTH: Final = 40
_BLOCK_ALLOWANCE: Final = 30
_SLACK_WORD: Final = re.compile(r"[a-z_]{1,60}")
_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 15.0
_MAX_ANSWER: Final = 100


class SlackWebhook:
    """Posts notifications to the webhook whose URL is the value of a Secrets Manager secret."""

    def __init__(self, *, name: str, secret: str, secrets: "SecretsManagerClient") -> None:
        self._name = name
        self._secret = secret
        self._secrets = secrets
        self.read_seconds = _READ_SECONDS

    def send(self, notification: Notification, *, is_plain: bool = False) -> SendResult:
        """Post the notification to the webhook, once.

        Status 429 and 5xx are to be tried again, after the seconds of `Retry-After` if there are any. Status 400
        refuses the message; any other one closes the channel, and so does a secret that cannot be read.
        """
        address = self._address()
        if isinstance(address, SendResult):
            return address
        content = {"text": _escaped(notification.short_text)} if is_plain else message(notification)
        return self._post(address, json.dumps(content).encode())

    def _post(self, address: str, body: bytes) -> SendResult:
        """Post a body once; it matters whether the connection failed before or after it was sent."""
        parts = urlsplit(address)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(str(parts.hostname), parts.port, timeout=_CONNECT_SECONDS)
        place = parts.path + (f"?{parts.query}" if parts.query else "")
        # Not the texts of errors: they may contain the URL, which is a secret.
        try:
            try:
                connection.connect()
            except (OSError, HTTPException) as error:
                kind_of_error = type(error).__name__
                return self._result(
                    SendStatus.AGAIN,
                    f"cannot be reached ({kind_of_error}); check the function's network access",
                )
            connection.sock.settimeout(self.read_seconds)
            try:
                connection.request("POST", place or "/", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                return self._result(SendStatus.UNKNOWN, f"did not answer ({type(error).__name__})")
            with suppress(OSError, HTTPException):  # the status says enough
                return self._answered(answer, answer.read(_MAX_ANSWER))
            return self._answered(answer, b"")
        finally:
            connection.close()

    def _answered(self, answer: HTTPResponse, data: bytes) -> SendResult:
        if answer.status == 200:
            return SendResult(SendStatus.SENT)
        # Slack's own words, such as `no_service`; the text of another server may repeat the URL, a secret.
        said = data.decode("ascii", "replace").strip()
        said = said if _SLACK_WORD.fullmatch(said) else ""
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
        if not _is_address(address):
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
    """Return the JSON body for the webhook: Block Kit `blocks`, and `text` for Slack's own notifications.

    It is within Slack's limits whatever the notification contains: values are cut, and records that do not
    fit are counted instead of shown.
    """
    blocks: list[dict[str, Any]] = []
    for count, room in _sizes(len(notification.records)):
        blocks = _blocks(notification, count, room)
        if len(blocks) <= MAX_BLOCKS and _size(blocks) <= MAX_MESSAGE_LENGTH:
            break
    repeat = " (perhaps a repeat)" if notification.perhaps_repeat else ""
    severity = notification.severity.capitalize()
    return {
        "text": _cut(f"{severity}{repeat}: {one_line(notification.summary)}", MAX_HEADER_LENGTH),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _sizes(records: int) -> Iterator[tuple[int, int]]:
    """Yield the number of records to show, and the length to which values are cut, the largest first."""
    yield from ((count, _ROOM) for count in range(records, 1, -1))
    yield from ((min(records, 1), room) for room in (_ROOM, _ROOM // 2, _ROOM // 4))
    yield 0, _ROOM


def _size(blocks: list[dict[str, Any]]) -> int:
    """Return the number of characters of all texts, with an allowance for each block."""
    texts = (
        text["text"]
        for block in blocks
        for text in (block.get("text"), *block.get("fields", ()), *block.get("elements", ()))
        if text
    )
    return sum(map(len, texts)) + _BLOCK_ALLOWANCE * len(blocks)


def _blocks(notification: Notification, count: int, room: int) -> list[dict[str, Any]]:
    """Return the blocks with the first `count` records, and values of at most `room` characters."""
    severity = notification.severity
    owner = _cut(one_line(notification.owner), room)
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": _plain(
                f"{_MARKS[severity]} {one_line(notification.heading)}", MAX_HEADER_LENGTH
            ),
        },
        _context(f"*{severity.capitalize()}* · for {owner}"),
    ]
    if notification.perhaps_repeat:
        blocks.append(_context(f"*{PERHAPS_REPEAT}*"))
    if notification.description:
        blocks.append({"type": "section", "text": _plain(notification.description)})
    if notification.missing:
        blocks.append({"type": "section", "text": _plain(notification.missing)})
    for record in notification.records[:count]:
        blocks += [{"type": "divider"}, *_record_blocks(record, room)]
    hidden = len(notification.records) - count
    if more := replace(notification, left_out=notification.left_out + hidden).more_records:
        blocks += [{"type": "divider"}, {"type": "section", "text": _plain(more, _MAX_MORE_LENGTH)}]
    blocks += [{"type": "section", "text": _marked(link)} for link in _links(notification)]
    rule = _code(notification.rule_id, room)
    blocks.append(_context(f"Sent because {_escaped(notification.reason)} · rule {rule}"))
    return blocks


def _record_blocks(record: RecordView, room: int) -> list[dict[str, Any]]:
    # The text is the application's: on one line, it cannot look like lines of the notification.
    said = [one_line(record.sentence), f"“{one_line(record.quoted)}”" if record.quoted else ""]
    said_room = 2 * room + 100
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": _plain("\n".join(filter(None, said)), said_room)}
    ]
    if record.changes:
        fields = [_change(each, record, room) for each in record.changes[:MAX_SECTION_FIELDS]]
        blocks.append({"type": "section", "fields": fields})
    rows = list(record.rows)[:_MAX_ROWS]
    each = min(room // 2, _MAX_ROWS_LENGTH // max(len(rows), 1) - _MAX_LABEL_LENGTH - 5)
    lines = [
        f"{_cut(one_line(name), _MAX_LABEL_LENGTH)}: {_code(value, each)}" for name, value in rows
    ]
    text = "\n".join(filter(None, [record.more_changes, *lines]))
    return [*blocks, _context(text)] if text else blocks


def _change(change: FieldChange, record: RecordView, room: int) -> dict[str, Any]:
    note = f" _({_cut(one_line(change.note), 80)})_" if change.note else ""
    effect = f"*{record.effect}:* " if record.effect else ""
    before, after = _code(change.before, room), _code(change.after, room)
    if change.kind == "added":
        values = after if record.operation else f"added: {after}"
    elif change.kind == "removed":
        values = f"was {before}" if record.operation else f"removed: {before}"
    else:
        arrow = "\n→" if len(before) + len(after) > _MAX_COLUMN else " →"
        values = f"{before}{arrow} {after}"
    return _marked(f"{_code(change.label, 300)}{note}\n{effect}{values}")


def _links(notification: Notification) -> list[str]:
    """Return the links, in one text if they fit; a link that is too long is left out, and this is said."""
    given = (("Show the evidence", notification.evidence_url), ("What to do", notification.runbook))
    links = []
    for title, url in given:
        link = f"<{_address_of(url)}|{title}>"
        if url and len(link) > _MAX_LINK_LENGTH:
            links.append(f"{title}: the link is too long for Slack")
        elif url:
            links.append(link)
    whole = " · ".join(links)
    if len(whole) > MAX_TEXT_LENGTH:
        return links
    return [whole] if whole else []


def _address_of(url: str) -> str:
    return _escaped(quote(url, safe=":/?#[]@!$&'()*+,;=%~"))


def _escaped(text: str) -> str:
    """Escape `&`, `<` and `>`, so that a text contains no mention, channel or link of Slack's markup.

    Formatting, such as `*bold*`, remains.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str, room: int) -> str:
    """Return a value of at most `room` characters, escaped, as an inline code span.

    Its backticks are replaced, so that it cannot end the span. Slack shows no empty span.
    """
    return f"`{_cut(one_line(text), room).replace('`', _LOOKS_LIKE_A_BACKTICK) or ' '}`"


def _cut(text: str, max_length: int) -> str:
    """Escape a text and shorten it to at most `max_length` characters, without cutting an HTML entity."""
    room = max_length
    while len(escaped := _escaped(shortened(text, room))) > max_length:
        room -= max((len(escaped) - max_length) // 4, 1)
    return escaped


def _plain(text: str, max_length: int = MAX_TEXT_LENGTH) -> dict[str, Any]:
    """Return a `plain_text` object; Slack refuses an empty one."""
    shown = text if text.strip() else "(empty)"
    return {"type": "plain_text", "text": _cut(shown, max_length), "emoji": False}


def _marked(text: str) -> dict[str, Any]:
    """Return a `mrkdwn` text object; `verbatim` prevents Slack from creating links and mentions."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_marked(text)]}


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None


def _is_address(text: str) -> bool:
    """Return whether a text is an `https://` URL with a host; of this machine, any URL."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for 99999
    except ValueError:
        return False
    local = parts.hostname in {"localhost", "127.0.0.1"}
    return (parts.scheme == "https" or local) and bool(parts.hostname) and " " not in text
