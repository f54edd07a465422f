"""Makes texts of applications safe to show: control characters, text direction, line breaks, length."""

import re
import unicodedata
from textwrap import wrap
from typing import Final

__all__ = ["clean", "counted", "one_line", "shortened", "visible", "wrapped"]

# Embeddings, overrides and isolates: invisible characters that reorder the text around a value.
_DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Control characters, other characters at which a line may end, and invisible ones. Joiners and marks that
# scripts need (U+200C to U+200F) are not among them.
_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u180e\u200b\u2028\u2029\u2060-\u2064\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
# White space of any width, and letters that are drawn as a space.
_BLANK: Final = r"[\s\u115f\u1160\u2800\u3164\uffa0]"
_LINE_END: Final = re.compile(rf"{_BLANK}*\n{_BLANK}*")
_LONG_GAP: Final = re.compile(rf"{_BLANK}{{4,}}")
_FIRST_STRONG_ISOLATE, _POP = "\u2068", "\u2069"
_NOTE: Final = re.compile(r"… \(([0-9][0-9,]{0,19}) characters\)\Z")
_WIDTH: Final = 76  # RFC 5322 recommends at most 78 characters in a line


def clean(text: str) -> str:
    r"""Make control characters visible (`\x1b`), and isolate right-to-left text.

    Tabs and line breaks are kept; `\r\n` and `\r` become `\n`. Invisible characters that change the text
    direction are removed. A text with Hebrew or Arabic is enclosed in Unicode isolate characters, so that
    the sentence around it keeps its order.
    """
    text = visible(_DIRECTION.sub("", text))
    if any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP}"
    return text


def visible(text: str) -> str:
    r"""Make control characters and lone surrogates visible, and all line breaks `\n`; isolates are kept."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """Strip a text, and replace line breaks and gaps that could look like one.

    Each line break, with the white space around it, becomes `⏎`. Four and more blanks become their number,
    such as `[80 blanks]`: a mail program that wraps lines would continue after them as if a line began.
    """
    text = _LINE_END.sub(" ⏎ ", text.strip())
    return _LONG_GAP.sub(lambda found: f" [{len(found[0])} blanks] ", text)


def shortened(text: str, max_length: int) -> str:
    """Return the text; if it is longer than `max_length`, cut it to fit a note of its original length.

    A text that was shortened before keeps the length in its note.
    """
    if len(text) <= max_length:
        return text
    length = len(text)
    if found := _NOTE.search(text):
        text = text[: found.start()]
        length = max(length, int(found[1].replace(",", "")))
    note = f"… ({length:,} characters)"
    kept = text[: max(max_length - len(note), 0)]
    while kept and len(kept) + len(_closing(kept)) + len(note) > max_length:
        kept = kept[:-1]
    return kept + _closing(kept) + note


def _closing(text: str) -> str:
    """Return the end of each isolate that the text does not end."""
    return _POP * (text.count(_FIRST_STRONG_ISOLATE) - text.count(_POP))


def wrapped(text: str, first: str = "", others: str = "") -> str:
    """Return a text of one or more lines for a plain-text mail, in lines of at most 76 characters.

    The lines of the text begin with `first`, the lines that continue them with `others`.
    """
    lines = [
        wrap(
            each,
            _WIDTH,
            initial_indent=first,
            subsequent_indent=others,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        or [first.rstrip()]
        for each in text.split("\n")
    ]
    return "\n".join(line for each in lines for line in each)


def counted(count: int, noun: str) -> str:
    """Return a number with a noun in the singular or the plural: `1 field`, `1,000 fields`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
