"""A Slack message as HTML, near enough to how Slack shows it to judge it.

Slack's text comes with `&`, `<` and `>` as entities, so that what is left of them is mark-up.
"""

import re
from html import escape
from typing import Any, Final

__all__ = ["page", "slack_html"]

_MARKUP: Final = re.compile(
    r"(?P<code>`[^`\n]+`)|<(?P<url>https?://[^|>]+)\|(?P<label>[^>]+)>"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
)
_ENTITIES: Final = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


def slack_html(message: dict[str, Any]) -> str:
    """Give the message as a piece of HTML; classes are `slack`, `header`, `fields`, `context`."""
    return f'<div class="slack">{"".join(_block(block) for block in message["blocks"])}</div>'


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


_STYLE: Final = """
body{font-family:Helvetica,Arial,sans-serif;margin:24px;background:#f8f8f8;color:#1d1c1d}
h2{margin:32px 0 8px}.pair{display:flex;gap:24px;align-items:flex-start;flex-wrap:wrap}
.slack{background:#fff;border:1px solid #ddd;border-radius:8px;padding:16px 20px;width:560px;font-size:15px;line-height:1.47}
.slack .header{font-size:18px;font-weight:900;margin-bottom:4px}.slack hr{border:0;border-top:1px solid #ddd;margin:10px 0}
.slack .context{color:#616061;font-size:13px;margin:6px 0}.slack .fields{display:grid;grid-template-columns:1fr 1fr;gap:8px;margin:8px 0}
.slack code{color:#e01e5a;background:#f7f7f7;border:1px solid #ddd;border-radius:3px;padding:1px 3px;font-size:12px;word-break:break-word}
.slack a{color:#1264a3;text-decoration:none}iframe{border:1px solid #ddd;border-radius:8px;width:700px;height:560px;background:#fff}
"""


def page(title: str, body: str) -> str:
    """Give a page around pieces of HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )
