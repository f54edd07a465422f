"""The receiver of the channel type `email`: an SMTP server on localhost."""

import logging
from collections.abc import Callable
from contextlib import suppress
from email.parser import BytesParser
from email.policy import SMTP
from html import escape
from typing import Any, ClassVar, Final, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from local_cloud.receivers._receiver import ReceivedMessage, Receiver

__all__ = ["RECEIVER", "EmailReceiver"]

_HOST = "127.0.0.1"

log = logging.getLogger(__name__)


class EmailReceiver(Receiver):
    """Keeps each e-mail that SES sends, as an `EmailMessage`.

    The headers `X-Audit-Channel` and `X-Audit-Rule` name the channel and the rule.
    """

    AWS_CALL: ClassVar[tuple[str, str] | None] = ("sesv2", "SendEmail")
    STYLE: ClassVar[str] = (
        "iframe{border:1px solid #ddd;border-radius:8px;width:700px;height:560px;background:#fff}"
    )

    def __init__(self) -> None:
        super().__init__()
        self._controller = _AnyPort(self, hostname=_HOST, port=0)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a message; aiosmtpd calls this for each SMTP DATA command."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        mail = BytesParser(policy=SMTP).parsebytes(raw)
        log.info("mail to %s: %s", mail["To"], mail["Subject"])
        self.received.append(ReceivedMessage(str(mail["X-Audit-Channel"]), mail))
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def address(self) -> str:
        """Host and port of the SMTP server."""
        return f"{_HOST}:{self._controller.port}"

    @property
    def smtp(self) -> tuple[str, int]:
        return _HOST, self._controller.port

    @staticmethod
    def prepare(client: Callable[[str], Any], address: str, channel: Any) -> None:  # noqa: ARG004 - SES delivers
        ses = client("sesv2")
        with suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=channel.sender)
        # The recipients are not verified: in the sandbox, SES would reject all mails to them.
        ses.put_account_details(
            MailType="TRANSACTIONAL",
            WebsiteURL="https://example.com",
            ProductionAccessEnabled=True,
        )

    @staticmethod
    def rule(original: Any) -> str:
        return str(original["X-Audit-Rule"])

    @staticmethod
    def title(original: Any) -> str:
        return str(original["Subject"])

    @staticmethod
    def text(original: Any) -> str:
        return _body(original, "plain")

    @staticmethod
    def html(original: Any) -> str:
        # A sandboxed frame, in which no script runs.
        return f'<iframe sandbox srcdoc="{escape(_body(original, "html"))}"></iframe>'

    @staticmethod
    def file(original: Any) -> tuple[str, bytes]:
        return ".eml", original.as_bytes()

    @staticmethod
    def as_json(original: Any) -> dict[str, Any]:
        return {
            "to": str(original["To"]),
            "subject": str(original["Subject"]),
            "text": _body(original, "plain"),
        }


RECEIVER: Final = EmailReceiver


def _body(mail: Any, subtype: str) -> str:
    body = mail.get_body((subtype,))
    return "" if body is None else str(body.get_content())


class _AnyPort(Controller):
    """An aiosmtpd controller on a free port: `port` is read from the socket once it listens."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]
