"""The limits of Slack's incoming webhooks, and the errors that they answer.

A block or member that is not known here is refused, although Slack has more types of blocks.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["ERRORS", "refusal"]

MAX_BLOCKS: Final = 50
MAX_HEADER: Final = 150
MAX_TEXT: Final = 3000
MAX_FIELD: Final = 2000
MAX_FIELDS: Final = 10
MAX_ELEMENTS: Final = 10
_MAX_BLOCK_ID: Final = 255
_MEMBERS: Final = frozenset({"text", "blocks", "mrkdwn", "unfurl_links", "unfurl_media"})

ERRORS: Final[Mapping[int, str]] = {
    400: "invalid_payload", 403: "action_prohibited", 404: "no_service",
    410: "channel_is_archived", 429: "rate_limited", 500: "rollup_error",
}  # fmt: skip
"""The text of an error response, by status."""


def refusal(post: Any) -> str | None:
    """Return the error of a posted JSON document, such as `invalid_blocks`; None if Slack accepts it."""
    if not isinstance(post, dict) or post.keys() - _MEMBERS:
        return "invalid_payload"
    text, blocks = post.get("text", ""), post.get("blocks", [])
    if not isinstance(text, str):
        return "invalid_payload"
    if not isinstance(blocks, list) or len(blocks) > MAX_BLOCKS or not all(map(_valid, blocks)):
        return "invalid_blocks"
    return None if text or blocks else "no_text"


def _valid(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    given = {name: value for name, value in block.items() if name not in {"type", "block_id"}}
    check = _BLOCKS.get(block.get("type", ""))
    block_id = block.get("block_id", "")
    return (
        check is not None
        and isinstance(block_id, str)
        and len(block_id) <= _MAX_BLOCK_ID
        and check(given)
    )


def _header(given: Mapping[str, Any]) -> bool:
    return given.keys() == {"text"} and _text(given["text"], MAX_HEADER, {"plain_text"})


def _section(given: Mapping[str, Any]) -> bool:
    if not given or given.keys() - {"text", "fields", "expand"}:
        return False
    fields = given.get("fields")
    return (
        ("text" in given or "fields" in given)
        and ("text" not in given or _text(given["text"], MAX_TEXT))
        and ("fields" not in given or _list(fields, MAX_FIELDS, lambda f: _text(f, MAX_FIELD)))
    )


def _context(given: Mapping[str, Any]) -> bool:
    return given.keys() == {"elements"} and _list(
        given["elements"], MAX_ELEMENTS, lambda element: _text(element, MAX_TEXT)
    )


def _list(value: Any, most: int, check: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= most and all(map(check, value))


def _text(value: Any, most: int, types: frozenset[str] | set[str] = frozenset()) -> bool:
    """Return whether a text object is valid; its length is counted in UTF-16, the larger of two counts."""
    if not isinstance(value, dict) or value.get("type") not in (types or {"plain_text", "mrkdwn"}):
        return False
    option = "emoji" if value["type"] == "plain_text" else "verbatim"
    text = value.get("text")
    return (
        not value.keys() - {"type", "text", option}
        and isinstance(text, str)
        and 1 <= len(text.encode("utf-16-le", "surrogatepass")) // 2 <= most
        and isinstance(value.get(option, False), bool)
    )


_BLOCKS: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "context": _context,
    "divider": lambda given: not given,
    "header": _header,
    "section": _section,
}
