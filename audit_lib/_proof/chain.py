"""The chain that a process's lines make, so that nobody can change one and not be seen.

`docs/proof.md` has the format; `verify` reads it and shares no code with this module.
"""

from time import time
from typing import Any, Final

from audit_lib._record.document import ECS_VERSION, process_fields, timestamp
from audit_lib._record.encoding import encode
from audit_lib._record.ids import new_chain_id, new_id

__all__ = ["NO_HASH", "TAIL_BYTES", "HashChain", "prepare"]

NO_HASH: Final = b"0" * 64
"""The hash before the first line."""
_TIME: Final = b'{"@timestamp":"'
TAIL_BYTES: Final = 220
"""The most that a line grows by when it is linked, its end included."""


_sha256: Any = None


def prepare() -> None:
    """Import what hashes, which takes 3 ms: with the first logger, as what encodes."""
    global _sha256  # noqa: PLW0603 - set once
    if _sha256 is None:
        from hashlib import sha256  # noqa: PLC0415

        _sha256 = sha256


class HashChain:
    """One chain: its id, and where it stands. A line counts once `keep` is called for it."""

    __slots__ = ("_hash", "_next_hash", "_next_sequence", "_tail", "id", "sequence")

    def __init__(self) -> None:
        prepare()
        self.id = new_chain_id()
        self.sequence = -1
        """Of the last line that was kept; -1 before the first."""
        self._hash = self._next_hash = NO_HASH
        self._next_sequence = 0
        self._tail = f'"id":"{self.id}"}}'.encode()

    @property
    def place(self) -> str:
        """Where the chain stands, `<id>:<sequence>`, for a chain that begins because of it."""
        return f"{self.id}:{self.sequence}"

    def link(self, body: bytes, says: bytes = b"") -> bytes:
        """Return the line, its end included, of a JSON document whose last member is `event`.

        Several lines may be linked one after the other before they are kept, all at once. `says` is
        what `chain` has beside the id: `"parent":"…",`.
        """
        text = b'%b,"sequence":%d},"chain":{%b%b' % (
            body[:-2],
            self._next_sequence,
            says,
            self._tail,
        )
        self._next_hash = _sha256(self._next_hash + text).hexdigest().encode()
        self._next_sequence += 1
        return b'%b,"hash":"%b"}\n' % (text, self._next_hash)

    def keep(self) -> None:
        """Say that all linked lines were written."""
        self._hash = self._next_hash
        self.sequence = self._next_sequence - 1

    def forget(self) -> None:
        """Say that none of the lines linked since the last `keep` was written."""
        self._next_hash = self._hash
        self._next_sequence = self.sequence + 1

    def opening(self, link: str, body: bytes) -> bytes:
        """Return the chain's first line, before that of a document, and no later than it.

        `link` is `parent:<place>`, `follows:<place>` or empty.
        """
        kind, _, place = link.partition(":")
        says = f'"{kind}":"{place}",'.encode() if place else b""
        at = body[15:39].decode("ascii") if body.startswith(_TIME) else timestamp(time())
        return self.link(_notice("opened", "start", at), says)

    def sealing(self) -> bytes:
        """Return the chain's last line."""
        return self.link(_notice("sealed", "end", timestamp(time())), b'"sealed":true,')


def _notice(what: str, kind: str, at: str) -> bytes:
    """Return the record of a chain's beginning or end."""
    return encode(
        {
            "@timestamp": at,
            "log.level": "info",
            "message": f"Audit chain {what}",
            "ecs.version": ECS_VERSION,
            "log": {"logger": "audit_lib.audit"},
            "process": process_fields(),
            "event": {
                "id": new_id(), "kind": "event", "action": f"audit-chain-{what}",
                "category": ["process"], "type": [kind], "outcome": "success",
            },
        }
    )  # fmt: skip
