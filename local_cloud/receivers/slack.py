"""Slack's end of a webhook: an HTTP server on localhost that keeps what is posted to it."""

import json
import logging
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["SlackPost", "SlackReceiver"]

_HOST = "127.0.0.1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SlackPost:
    """A JSON document that was posted, and the last part of the address it was posted to."""

    name: str
    payload: dict[str, Any]


class SlackReceiver:
    """Keeps each document that is posted to it; `answers` says how the next posts are answered."""

    def __init__(self) -> None:
        self.received: list[SlackPost] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                if status == 200:
                    name = self.path.rpartition("/")[2]
                    post = SlackPost(name, json.loads(body))
                    log.info("Slack %s: %s", name, post.payload.get("text"))
                    receiver.received.append(post)
                self.send_response(status)
                for header, value in {"Content-Length": "2", **headers}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                """Log nothing."""

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
        """Return a webhook's address."""
        return f"http://localhost:{self._server.server_address[1]}/services/T0/B0/{name}"

    @property
    def posts(self) -> list[dict[str, Any]]:
        """The documents, in the order of their arrival."""
        return [post.payload for post in self.received]
