"""Where audit records leave the process: one line of JSON each, on standard output."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

from ._document import document_of
from ._exceptions import RecordLostError

__all__ = ["AuditFormatter", "AuditHandler"]

# ASCII alone: no encoding of a stream can refuse it, and nothing that any reader takes for the end
# of a line (U+2028, U+0085) is left in it. allow_nan holds the promise that `plain` makes.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def _made_once() -> Callable[[Any], str]:
    """Give the encoder's function; CPython's `json` makes it anew for every line."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another Python
        return _ENCODER.encode
    to_text = json.encoder.encode_basestring_ascii
    chunks = make(None, _ENCODER.default, to_text, None, ":", ",", False, False, False)
    return lambda document: "".join(chunks(document, 0))


_encode: Final = _made_once()


class AuditFormatter(logging.Formatter):
    """Formats any `LogRecord` as one line of ECS JSON. Never raises because of a value in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without its end."""
        return _encode(document_of(record))


class AuditHandler(logging.Handler):
    """Writes each record and flushes it, so that it is in the kernel when `emit` returns.

    Without a stream it is `sys.stdout` as it is at that moment (a redirected one, pytest's). When
    that cannot be written, the record goes to `sys.stderr` with a note; when that fails too,
    `RecordLostError` is raised. `logging.raiseExceptions` changes nothing about it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self.stream = stream
        self.setFormatter(AuditFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record.

        Raises:
            RecordLostError: neither the stream nor standard error took it.
        """
        line = self.format(record)
        try:
            _write(self.stream or sys.stdout, line)
        except Exception as error:  # noqa: BLE001 - closed, full, a broken pipe, or None
            note = f"audit_lib: the record below could not be written to its stream: {error!r}"
            try:
                _write(sys.stderr, f"{note}\n{line}")
            except Exception:  # noqa: BLE001 - whatever it was, this was the last place
                raise RecordLostError(f"{note}\n{line}") from error

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        """Raise what `emit` raised: an audit record is never dropped in silence."""
        raise  # noqa: PLE0704 - logging calls this inside `except`


def _write(stream: Any, line: str) -> None:
    stream.write(line + "\n")
    flush = getattr(stream, "flush", None)
    if flush is not None:  # some stand-ins for a stream have none; what they took, they have
        flush()


DEFAULT_HANDLER: Final = AuditHandler()
"""The one handler that all audit loggers of the process share."""
