"""Builds the HTML pages on which the demo and the preview show notifications as recipients see them."""

from html import escape
from typing import Final

from local_cloud.receivers import receiver_types

__all__ = ["page"]

_STYLE: Final = """
body{font-family:Helvetica,Arial,sans-serif;margin:24px;background:#f8f8f8;color:#1d1c1d}
h2{margin:32px 0 8px}.pair{display:flex;gap:24px;align-items:flex-start;flex-wrap:wrap}
"""


def page(title: str, body: str) -> str:
    """Return an HTML page around the fragment `body`, with the styles of all channel types."""
    styles = "\n".join(receiver.STYLE for receiver in receiver_types().values())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}{styles}</style></head><body>{body}</body></html>"
    )
