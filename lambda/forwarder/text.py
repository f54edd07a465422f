"""Makes texts of applications safe to show: control characters, text direction, line breaks, length."""

import re
import unicodedata
from typing import Final

__all__ = ["clean", "one_line", "shortened"]

# Embeddings, overrides and isolates: invisible characters that reorder the text around a value.
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\U000e0000-\U000e007f]"
)
_FIRST_STRONG_ISOLATE, _POP = "\u2068", "\u2069"


def clean(text: str) -> str:
    r"""Make control characters visible (`\x1b`), and isolate right-to-left text.

    Tabs and line breaks are kept; `\r\n` and `\r` become `\n`. Invisible characters that change the text
    direction are removed. A text with Hebrew or Arabic is enclosed in Unicode isolate characters, so that
    the sentence around it keeps its order.
    """
    text = _DIRECTION.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates
    if any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP}"
    return text


def one_line(text: str) -> str:
    """Strip a text and replace each line break, with the whitespace around it, with `⏎`."""
    return re.sub(r"\s*\n\s*", " ⏎ ", text.strip())


def shortened(text: str, max_length: int) -> str:
    """Return the text; if it is longer than `max_length`, cut it to fit a note of its original length."""
    if len(text) <= max_length:
        return text
    note = f"… ({len(text):,} characters)"
    closing = _POP if text.startswith(_FIRST_STRONG_ISOLATE) else ""
    return text[: max(max_length - len(note) - len(closing), 0)] + closing + note
