"""The content of a notification, independent of the channels that format and send it.

Texts from an application are cleaned (`forwarder.text`) but not escaped. Each channel escapes them for
its own format.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from audit_rules import Severity
from forwarder.text import one_line, shortened

__all__ = ["FieldChange", "Notification", "Reason", "RecordView"]


class Reason(StrEnum):
    """Why a notification is sent; the value is shown to the recipients."""

    ARRIVED = "it came, and the rule matches it"
    COUNTED = "so many records came within the rule's period"
    HELD = "it came in the rule's quiet hours"
    FOUND = "it was found later in the audit log group"
    NOT_FOUND = "the rule's alarm changed, but its records could not be found yet"
    NOTICE = "a message arrived that is not about a rule"


_MAX_SHORT_LENGTH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A changed field: its label, its values as text, and its `kind`: `added`, `removed` or `updated`.

    `note` says how the values were altered: `masked`, `shortened`, `unreadable`.
    """

    label: str
    before: str
    after: str
    kind: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """An audit record as texts for recipients. A text without a value in the record is empty."""

    sentence: str
    message: str
    actor: str
    actor_detail: str
    record: str
    when: str
    where: str
    outcome: str
    reason: str
    request: str
    changes: Sequence[FieldChange] = ()
    changes_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification about records of one rule: the first in full, the others only counted."""

    rule_id: str
    title: str
    description: str
    owner: str
    severity: Severity
    reason: Reason
    evidence_url: str = ""
    runbook: str = ""
    records: Sequence[RecordView] = ()
    left_out: int = 0
    perhaps_repeat: bool = False
    """Whether the message may have been sent before, and not been answered."""
    left_out_by: Sequence[str] = field(default=())
    """The actors of the records that were left out: `Ana Souza (280)`."""

    @property
    def summary(self) -> str:
        """The title and, after a colon, the only record or the number of records, if there are any."""
        count = len(self.records) + self.left_out
        if count == 1:
            return f"{self.title}: {self.records[0].record}"
        return f"{self.title}: {count} records" if count else self.title

    @property
    def short_text(self) -> str:
        """The summary and the first three sentences, at most 1,000 characters, without formatting."""
        texts = [self.summary, *(record.sentence for record in self.records[:3])]
        return shortened("\n".join(map(one_line, texts)), _MAX_SHORT_LENGTH)
