"""Links the lines that a handler writes in a process into a hash chain, so that changes are detected.

`docs/proof.md` defines the format. `verify` checks it, and shares no code with this module.
"""

from time import time
from typing import Any, Final

from audit_lib._record.document import process_fields, timestamp
from audit_lib._record.encoding import encode
from audit_lib._record.head import head_of
from audit_lib._record.ids import new_chain_id, new_id

__all__ = ["TAIL_BYTES", "HashChain", "prepare"]

_NO_HASH: Final = b"0" * 64
"""The previous hash of the first line of a chain: 64 zeros."""
_TIME: Final = b'{"@timestamp":"'
TAIL_BYTES: Final = 220
"""The maximum number of bytes that linking adds to a line, its line end included."""


_sha256: Any = None


def prepare() -> None:
    """Import SHA-256 once, which takes 3 ms: with the first logger, not with `audit_lib`."""
    global _sha256  # noqa: PLW0603 - set once
    if _sha256 is None:
        from hashlib import sha256  # noqa: PLC0415

        _sha256 = sha256


class HashChain:
    """A hash chain: its id, hash and position. Linked lines become part of it when `keep` is called."""

    __slots__ = ("_hash", "_next_hash", "_next_sequence", "_tail", "id", "sequence")

    def __init__(self) -> None:
        prepare()
        self.id = new_chain_id()
        self.sequence = -1
        """The sequence of the last line for which `keep` was called; -1 before the first line."""
        self._hash = self._next_hash = _NO_HASH
        self._next_sequence = 0
        self._tail = f'"id":"{self.id}"}}'.encode()

    @property
    def position(self) -> str:
        """The last line of the chain, `<id>:<sequence>`, to which the first line of another chain refers."""
        return f"{self.id}:{self.sequence}"

    def link(self, body: bytes, members: bytes = b"") -> bytes:
        """Return a JSON document as the next line of the chain, with its sequence, hash and line end.

        Several lines may be linked before one call of `keep` for all of them.

        Args:
            body: the document, an object with at least one member.
            members: members of `chain` before the id, such as `"parent":"…",`.
        """
        text = b'%b,"chain":{%b"sequence":%d,%b' % (
            body[:-1],
            members,
            self._next_sequence,
            self._tail,
        )
        self._next_hash = _sha256(self._next_hash + text).hexdigest().encode()
        self._next_sequence += 1
        return b'%b,"hash":"%b"}\n' % (text, self._next_hash)

    def keep(self) -> None:
        """Advance the chain to the last linked line; to be called when all linked lines were written."""
        self._hash = self._next_hash
        self.sequence = self._next_sequence - 1

    def forget(self) -> None:
        """Discard the lines that were linked since the last `keep`; to be called if none was written."""
        self._next_hash = self._hash
        self._next_sequence = self.sequence + 1

    def opening(self, link: str, body: bytes) -> bytes:
        """Return the line that opens the chain, linked as by `link`.

        Args:
            link: the relation to an earlier chain and its position: `parent:<id>:<sequence>`,
                `follows:<id>:<sequence>` or empty.
            body: the document of the next line; the opening line has the same timestamp.
        """
        relation, _, position = link.partition(":")
        members = f'"{relation}":"{position}",'.encode() if position else b""
        at = body[15:39].decode("ascii") if body.startswith(_TIME) else timestamp(time())
        return self.link(_chain_record("opened", "start", at), members)

    def sealing(self) -> bytes:
        """Return the line that seals (ends) the chain, linked as by `link`."""
        return self.link(_chain_record("sealed", "end", timestamp(time())), b'"sealed":true,')


def _chain_record(state: str, event_type: str, at: str) -> bytes:
    """Return the JSON document of the line that opens or seals a chain."""
    return encode(
        {
            **head_of(at, "info", f"Audit chain {state}", {"logger": "audit_lib.audit"}, process_fields()),
            "event": {
                "id": new_id(), "kind": "event", "action": f"audit-chain-{state}",
                "category": ["process"], "type": [event_type], "outcome": "success",
            },
        }
    )  # fmt: skip
