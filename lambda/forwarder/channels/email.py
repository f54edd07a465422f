"""Formats notifications as e-mails (HTML and equivalent plain text) and sends them with Amazon SES."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import jinja2
from botocore.exceptions import BotoCoreError, ClientError

from audit_rules.channels.email import MAX_SUBJECT_LENGTH, EmailChannel
from forwarder.channels import SendResult, SendStatus
from forwarder.channels._aws import status_of
from forwarder.notification import PERHAPS_REPEAT, Notification
from forwarder.text import one_line, shortened, visible, wrapped

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_IDENTITY: Final = "not verified"  # of SES's message about a sender or a recipient

__all__ = ["EmailBySes", "html", "mail", "open_channel", "plain_text", "preview"]

_MAX_LINE: Final = 76  # RFC 2047
_MAX_ENCODED_BYTES: Final = 33  # 56 characters of an encoded word, beside the name of the header


class EmailBySes:
    """Sends each notification as one e-mail to all recipients of a channel."""

    def __init__(self, *, channel: EmailChannel, ses: "SESV2Client") -> None:
        self._channel = channel
        self._ses = ses

    def send(self, notification: Notification, *, is_plain: bool = False) -> SendResult:
        """Send the notification with one `SendEmail` call.

        A message that SES rejects is refused, unless it rejects the sender or a recipient: that, like a missing
        permission or a paused account, closes the channel. Throttling and errors of SES are to be tried again.
        """
        message = mail(notification, self._channel, is_plain=is_plain)
        try:
            answer = self._ses.send_email(
                FromEmailAddress=self._channel.sender,
                Destination={"ToAddresses": list(self._channel.recipients)},
                Content={"Raw": {"Data": message.as_bytes()}},
            )
        except (ClientError, BotoCoreError) as error:
            problem = (
                f"channel {self._channel.name!r}: SES cannot send from {self._channel.sender!r}:"
                f" {error}"
            )
            return SendResult(_status_of(error), problem)
        return SendResult(SendStatus.SENT, answer.get("MessageId", ""))


def _status_of(error: ClientError | BotoCoreError) -> SendStatus:
    if isinstance(error, ClientError):
        known = error.response.get("Error", {})
        code, text = known.get("Code", ""), known.get("Message", "")
        if code == "BadRequestException" or (code == "MessageRejected" and _IDENTITY not in text):
            return SendStatus.REFUSED
    return status_of(error)


def open_channel(channel: EmailChannel, client: Callable[[str], Any]) -> EmailBySes:
    """Return a sender for the channel, with an `sesv2` client."""
    return EmailBySes(channel=channel, ses=client("sesv2"))


def preview(channel: EmailChannel, notification: Notification) -> EmailMessage:
    """Return the e-mail that `EmailBySes.send` would send."""
    return mail(notification, channel)


def mail(
    notification: Notification, channel: EmailChannel, *, is_plain: bool = False
) -> EmailMessage:
    """Return the e-mail with its headers, as `multipart/alternative` of plain text and HTML.

    With `is_plain`, it is a short plain text.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Audit trail", addr_spec=channel.sender)
    message["To"] = [Address(addr_spec=recipient) for recipient in channel.recipients]
    message["Subject"] = _Header("Subject", subject(notification))
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: prevents automatic replies
    message["X-Audit-Rule"] = _Header("X-Audit-Rule", notification.rule_id)
    message["X-Audit-Channel"] = _Header("X-Audit-Channel", channel.name)
    if is_plain:
        message.set_content(f"{notification.short_text}\n", cte="quoted-printable")
        return message
    message.set_content(plain_text(notification), cte="quoted-printable")
    message.add_alternative(html(notification), subtype="html", cte="quoted-printable")
    return message


def subject(notification: Notification) -> str:
    """Return the subject, the severity and the summary: one line of at most 98 characters."""
    repeat = " (perhaps a repeat)" if notification.perhaps_repeat else ""
    return _one_header(f"[{notification.severity.capitalize()}]{repeat} {notification.summary}")


def _one_header(text: str) -> str:
    """Return a text as a header can contain it: one line of at most 98 characters, never decoded.

    Programs decode `=?…?=` (RFC 2047) in a header, which may contain line breaks and so further headers;
    `= ?` is not decoded.
    """
    whole = one_line(visible(text)).replace("=?", "= ?")
    return shortened(whole, MAX_SUBJECT_LENGTH)


class _Header(str):
    """A header that is encoded here, instead of being parsed and folded by `email`.

    `EmailMessage` decodes the encoded words of a value that it is given, and its folding adds and loses
    spaces. It stores an object with the `name` of the header unchanged, and lets it fold itself:
    https://docs.python.org/3/library/email.policy.html#email.policy.EmailPolicy.header_store_parse
    """

    __slots__ = ("name",)
    name: str
    defects: tuple[Exception, ...] = ()

    def __new__(cls, name: str, text: str) -> Self:
        header = super().__new__(cls, _one_header(text))
        header.name = name
        return header

    def fold(self, *, policy: Policy) -> str:
        """Return the lines of the header: ASCII that fits one line unchanged, all else as encoded words."""
        line = f"{self.name}: {self}"
        if not self.isascii() or len(line) > _MAX_LINE:
            line = f"{self.name}: {f'{policy.linesep} '.join(_encoded_words(self))}"
        return f"{line}{policy.linesep}"


def _encoded_words(text: str) -> Iterator[str]:
    """Yield encoded words of at most 75 characters (RFC 2047), each of whole characters."""
    part = b""
    for character in text:
        encoded = character.encode()
        if len(part) + len(encoded) > _MAX_ENCODED_BYTES:
            yield _encoded_word(part)
            part = b""
        part += encoded
    yield _encoded_word(part)


def _encoded_word(part: bytes) -> str:
    return f"=?utf-8?b?{b64encode(part).decode()}?="


def html(notification: Notification) -> str:
    """Return the body as HTML; Jinja2 escapes every value."""
    return _templates().get_template("notification.html").render(notification=notification)


def plain_text(notification: Notification) -> str:
    """Return the body as plain text, with the same content as the HTML.

    A value is on one line, which is continued with an indentation, so that nothing in a value begins a line
    as a label does. The sentence of a record begins with `• `, each line of the description with `| `.
    """
    return _templates().get_template("notification.txt").render(notification=notification)


@cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"one_line": one_line, "wrapped": wrapped}
    templates.globals["PERHAPS_REPEAT"] = PERHAPS_REPEAT
    return templates
