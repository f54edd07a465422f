"""The other end of the channels, for real: an HTTP server for webhooks, an SMTP server for mail.

Both listen on localhost, on a free port, and keep what they get.
"""

import json
import logging
import threading
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

if TYPE_CHECKING:
    from email.message import EmailMessage

__all__ = ["MailReceiver", "Post", "WebhookReceiver"]

_HOST = "127.0.0.1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """A JSON document that was posted, and the last part of the address it was posted to."""

    name: str
    payload: dict[str, Any]


class WebhookReceiver:
    """Keeps each document that is posted to it; `answers` holds how to answer the next ones."""

    def __init__(self) -> None:
        self.received: list[Post] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                if status == 200:
                    name = self.path.rpartition("/")[2]
                    post = Post(name, json.loads(body))
                    log.info("Slack %s: %s", name, post.payload.get("text"))
                    receiver.received.append(post)
                self.send_response(status)
                for header, value in {"Content-Length": "2", **headers}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((_HOST, 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, name: str = "x") -> str:
        """Give a webhook's address."""
        return f"http://localhost:{self._server.server_address[1]}/services/T0/B0/{name}"

    @property
    def posts(self) -> list[dict[str, Any]]:
        """The documents, in the order in which they came."""
        return [post.payload for post in self.received]


class MailReceiver:
    """Keeps each mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._controller = _AnyPort(self, hostname=_HOST, port=0)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
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
