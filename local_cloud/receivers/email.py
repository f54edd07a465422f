"""The team's end of e-mail: an SMTP server on localhost that keeps what is sent to it."""

import logging
from email.parser import BytesParser
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = ["EmailReceiver"]

_HOST = "127.0.0.1"

log = logging.getLogger(__name__)


class EmailReceiver:
    """Keeps each mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._controller = _AnyPort(self, hostname=_HOST, port=0)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        mail = BytesParser(policy=SMTP).parsebytes(raw)
        log.info("mail to %s: %s", mail["To"], mail["Subject"])
        self.mails.append(mail)
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return _HOST, self._controller.port


class _AnyPort(Controller):
    """A controller on a port that the system chooses: it has to learn which one."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]
