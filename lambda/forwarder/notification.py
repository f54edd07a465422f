"""The content of a notification, independent of the channels that format and send it.

Texts from an application are cleaned (`forwarder.text`) but not escaped. Each channel escapes them for
its own format.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from audit_rules import Severity

__all__ = ["FieldChange", "Notification", "Reason", "RecordView"]


class Reason(StrEnum):
    """Why a notification is sent; the value is shown to the recipients."""

    ALARM = "the rule's alarm rang"
    STILL_IN_ALARM = "it came while the rule's alarm was ringing"
    BACK_TO_OK = "it was found when the rule's alarm went back to OK"
    ARRIVED = "it came, and the rule is urgent"
    HELD = "it came in the rule's quiet hours"
    NOT_FOUND = "the rule's alarm rang, but its records could not be found yet"
    UNREADABLE = "a message arrived that is not from an alarm of a rule"


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
    left_out_by: Sequence[str] = field(default=())
    """The actors of the records that were left out: `Ana Souza (280)`."""

    @property
    def summary(self) -> str:
        """The title and, after a colon, the only record or the number of records, if there are any."""
        count = len(self.records) + self.left_out
        if count == 1:
            return f"{self.title}: {self.records[0].record}"
        return f"{self.title}: {count} records" if count else self.title
