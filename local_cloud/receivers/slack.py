"""The receiver of the channel type `slack`: an HTTP server on localhost in place of Slack's webhooks.

`html` renders a message approximately as Slack does. In Slack's text, `&`, `<` and `>` are written as
entities, so the remaining characters are markup.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import Message
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, Self

from local_cloud.receivers._receiver import ReceivedMessage, Receiver
from local_cloud.receivers._slack_rules import ERRORS, refusal
from local_cloud.services.faults import LATE, SILENCE_SECONDS

__all__ = ["RECEIVER", "SlackReceiver"]

_HOST = "127.0.0.1"
_PATH = "/services/T0/B0/"

log = logging.getLogger(__name__)


_MARKUP: Final = re.compile(
    r"(?P<code>`[^`\n]+`)|<(?P<url>https?://[^|>]+)\|(?P<label>[^>]+)>"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
)
_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


class SlackReceiver(Receiver):
    """Keeps each JSON document that is posted and answered with status 200.

    The path of a webhook is that of `address` and the channel's name; any other is answered with 404. A
    document that Slack would refuse is answered with 400 and the name of Slack's error.

    Attributes:
        answers: status and headers of the next responses, used up in order, to test errors. Without
            one, the status is 200. A 429 without the header `Retry-After` gets one of 1 second.

    A fault replaces the answer. With `timeout` and `late`, the connection is closed after 0.1 seconds without
    an answer, and with `late` the document was received before.
    """

    STYLE: ClassVar[
        str
    ] = """.slack{background:#fff;border:1px solid #ddd;border-radius:8px;padding:16px 20px;width:560px;font-size:15px;line-height:1.47}
.slack .header{font-size:18px;font-weight:900;margin-bottom:4px}.slack hr{border:0;border-top:1px solid #ddd;margin:10px 0}
.slack .context{color:#616061;font-size:13px;margin:6px 0}.slack .fields{display:grid;grid-template-columns:1fr 1fr;gap:8px;margin:8px 0}
.slack code{color:#e01e5a;background:#f7f7f7;border:1px solid #ddd;border-radius:3px;padding:1px 3px;font-size:12px;word-break:break-word}
.slack a{color:#1264a3;text-decoration:none}"""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not (fault := receiver.fault()):
                    status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
                elif isinstance(fault.answer, int):
                    status, headers = fault.answer, {}
                    if fault.retry_after is not None:
                        headers = {"Retry-After": f"{fault.retry_after:g}"}
                else:
                    if fault.answer == LATE:
                        receiver._receive(self.path, self.headers, body)
                    time.sleep(SILENCE_SECONDS)
                    self.close_connection = True
                    return
                error = ERRORS.get(status, "error") if status != 200 else ""
                if status == 200:
                    status, error = receiver._receive(self.path, self.headers, body)
                if status == 429:
                    headers = {"Retry-After": "1", **headers}
                content = (error or "ok").encode()
                self.send_response(status)
                for header, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer((_HOST, 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def _receive(self, path: str, headers: Message, body: bytes) -> tuple[int, str]:
        """Keep a posted document; return the status, and Slack's error or an empty text."""
        name = path.removeprefix(_PATH)
        if not path.startswith(_PATH) or not name or "/" in name:
            return 404, "no_service"
        if headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            return 400, "invalid_payload"
        try:
            post = json.loads(body)
        except ValueError:
            return 400, "invalid_payload"
        if error := refusal(post):
            log.warning("Slack %s: %s: %.2000s", name, error, body.decode(errors="replace"))
            return 400, error
        log.info("Slack %s: %s", name, post.get("text"))
        self.received.append(ReceivedMessage(name, post))
        return 200, ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """The prefix of the webhook URLs; a channel's name completes it."""
        return f"http://localhost:{self._server.server_address[1]}{_PATH}"

    @staticmethod
    def prepare(client: Callable[[str], Any], address: str, channel: Any) -> None:
        secrets = client("secretsmanager")
        with suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(
                Name=channel.webhook_secret, SecretString=f"{address}{channel.name}"
            )

    @staticmethod
    def rule(original: Any) -> str:
        footer: str = original["blocks"][-1]["elements"][0]["text"]
        return footer.rpartition("rule `")[2].rstrip("`")

    @staticmethod
    def title(original: Any) -> str:
        return _decoded(original["text"])

    @staticmethod
    def text(original: Any) -> str:
        return "\n".join(_plain(text) for block in original["blocks"] for text in _texts(block))

    @staticmethod
    def html(original: Any) -> str:
        return f'<div class="slack">{"".join(map(_block, original["blocks"]))}</div>'

    @staticmethod
    def file(original: Any) -> tuple[str, bytes]:
        return ".json", json.dumps(original, indent=2, ensure_ascii=False).encode()

    @staticmethod
    def as_json(original: Any) -> dict[str, Any]:
        return {"message": original}


RECEIVER: Final = SlackReceiver


def _texts(block: dict[str, Any]) -> list[dict[str, Any]]:
    single = [block["text"]] if "text" in block else []
    return [*single, *block.get("fields", []), *block.get("elements", [])]


def _plain(text: dict[str, Any]) -> str:
    shown: str = text["text"]
    if text["type"] == "mrkdwn":
        shown = _MARKUP.sub(
            lambda found: found["label"] or found["bold"] or found["italic"] or found["code"][1:-1],
            shown,
        )
    return _decoded(shown)


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "divider":
            return "<hr>"
        case "header":
            return f'<div class="header">{_text(block["text"])}</div>'
        case "context":
            parts = "".join(f"<div>{_text(each)}</div>" for each in block["elements"])
            return f'<div class="context">{parts}</div>'
        case "section":
            text = f"<div>{_text(block['text'])}</div>" if "text" in block else ""
            fields = "".join(f"<div>{_text(each)}</div>" for each in block.get("fields", []))
            return text + (f'<div class="fields">{fields}</div>' if fields else "")
    return f"<div>{escape(block['type'])}</div>"


def _text(text: dict[str, Any]) -> str:
    shown = text["text"]
    html = _marked(shown) if text["type"] == "mrkdwn" else escape(_decoded(shown))
    return html.replace("\n", "<br>")


def _marked(text: str) -> str:
    html, position = "", 0
    for found in _MARKUP.finditer(text):
        html += escape(_decoded(text[position : found.start()]))
        position = found.end()
        if found["code"]:
            html += f"<code>{escape(_decoded(found['code'][1:-1]))}</code>"
        elif found["url"]:
            address = escape(_decoded(found["url"]))
            html += f'<a href="{address}">{escape(_decoded(found["label"]))}</a>'
        elif found["bold"]:
            html += f"<b>{escape(_decoded(found['bold']))}</b>"
        else:
            html += f"<i>{escape(_decoded(found['italic']))}</i>"
    return html + escape(_decoded(text[position:]))


def _decoded(text: str) -> str:
    return re.sub("&(?:lt|gt|amp);", lambda found: _ENTITIES[found[0]], text)
