"""Lists the verbs that sentences of actions use, to say of a failed action what was tried."""

from typing import Final

__all__ = ["base_of"]

_REGULAR: Final = (
    "accept access activate add adjust allow anonymize approve archive assign authorize block change"
    " charge clear close complete configure confirm connect convert create credit deactivate debit"
    " decline decrease delete deploy disable discard disconnect download edit enable end enter execute"
    " export extend finish flag freeze generate grant import increase install invite issue join launch"
    " link load lock mark mask merge move open order post print process promote publish"
    " raise reactivate receive record refund register reject release remove rename renew reopen"
    " replace request require resend resolve restart restore resume retire return revert"
    " review revoke rotate save schedule search share show sign start suspend switch terminate test"
    " trigger unblock unlink unlock update upgrade upload use view"
)
_IRREGULAR: Final = {
    "bought": "buy", "cancelled": "cancel", "canceled": "cancel", "copied": "copy", "denied": "deny",
    "did": "do", "drew": "draw", "gave": "give", "got": "get", "hid": "hide", "labelled": "label",
    "left": "leave", "logged": "log", "made": "make", "modified": "modify", "paid": "pay",
    "put": "put", "ran": "run", "read": "read", "reset": "reset", "saw": "see", "sent": "send",
    "set": "set", "shut": "shut", "signed": "sign", "sold": "sell", "stopped": "stop",
    "submitted": "submit", "swapped": "swap", "took": "take", "transferred": "transfer",
    "verified": "verify", "withdrew": "withdraw", "wrote": "write",
}  # fmt: skip


def _past(verb: str) -> str:
    return f"{verb}d" if verb.endswith("e") else f"{verb}ed"


_BASES: Final = {_past(verb): verb for verb in _REGULAR.split()} | _IRREGULAR


def base_of(past: str) -> str | None:
    """Return the base form of an English verb in the past tense, or None if it is not a known one."""
    return _BASES.get(past)
