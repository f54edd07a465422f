"""The content of a notification, independent of the channels that format and send it.

Texts from an application are cleaned (`forwarder.text`) but not escaped. Each channel escapes them for
its own format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from audit_rules import Severity
from forwarder.text import counted, one_line, shortened

__all__ = [
    "PERHAPS_REPEAT",
    "Effect",
    "FieldChange",
    "Notification",
    "Operation",
    "Reason",
    "RecordView",
]

_MAX_SHORT_LENGTH: Final = 1000
PERHAPS_REPEAT: Final = (
    "Perhaps a repeat: this message was sent before, and it is not known whether it arrived."
)


class Reason(StrEnum):
    """Why a notification is sent; the value is shown to the recipients after `Sent because`."""

    ARRIVED = "a matching record arrived"
    COUNTED = "the number of records that the rule waits for arrived within its period"
    HELD = "the quiet hours of the rule are over"
    FOUND = "the alarm of the rule counted a record that was found later, in the audit log"
    NOT_FOUND = "the alarm of the rule counted records that cannot be found yet"
    NOTICE = "a message arrived that is not about a rule"


class Operation(StrEnum):
    """Whether a record was created or deleted; the value is shown. A change has no words of its own."""

    CREATION = "a new record was created"
    DELETION = "the record was deleted"
    CHANGE = ""


class Effect(StrEnum):
    """Whether what a record says was done; the value is shown beside what would have changed."""

    DONE = ""
    NOT_DONE = "not done"
    UNKNOWN = "not known whether done"


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
    """An audit record as texts for recipients. A text without a value in the record is empty.

    Attributes:
        record: the record that was changed, such as `User 1042`.
        names_record: whether the sentence contains `record`.
        late: that the record arrived long after what it says happened, and when.
        operation: whether the record was created or deleted, if that was done.
        effect: whether it was done. If not, the sentence says so as well.
        details: the fields, besides changed ones, that the rule asks for: label and value.
        changes: the changed fields, those that the rule asks for first.
    """

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
    names_record: bool = False
    late: str = ""
    operation: Operation = Operation.CHANGE
    effect: Effect = Effect.DONE
    details: Sequence[tuple[str, str]] = ()
    changes: Sequence[FieldChange] = ()
    changes_left_out: int = 0

    @property
    def rows(self) -> Iterator[tuple[str, str]]:
        """The labelled texts below the changed fields, without empty ones."""
        rows = (
            *self.details,
            ("Record", "" if self.names_record else self.record),
            ("Kind", self.operation),
            ("Who", " · ".join(part for part in (self.actor, self.actor_detail) if part)),
            ("When", self.when),
            ("Late", self.late),
            ("Where", self.where),
            ("Outcome", self.outcome if self.outcome != "success" else ""),
            ("Reason", self.reason),
            ("Message", self.message if self.effect else ""),
            ("Request", self.request),
        )
        return (row for row in rows if row[1].strip())

    @property
    def quoted(self) -> str:
        """The message for the place below the sentence; empty if it might read there as done."""
        return "" if self.effect else self.message

    @property
    def more_changes(self) -> str:
        """How many changed fields are not shown, as a sentence; empty if all are."""
        if not self.changes_left_out:
            return ""
        return f"and {counted(self.changes_left_out, 'more field')}; see the evidence"


_AFTER_RECORD: Final = {
    Operation.CREATION: " (newly created)",
    Operation.DELETION: " (deleted)",
    Operation.CHANGE: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A notification about records of one rule: the first in full, the others only counted.

    `lead` is `Failed`, `Refused` or `Outcome unknown` if that is true of all the records and the title
    does not say it. `failed` is the number of records, of all of them, whose effect is not `DONE`. With
    `perhaps_repeat`, the same notification may have been delivered before.
    """

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
    lead: str = ""
    failed: int = 0
    perhaps_repeat: bool = False

    @property
    def heading(self) -> str:
        """The title, after the lead if there is one."""
        return f"{self.lead}: {self.title}" if self.lead else self.title

    @property
    def summary(self) -> str:
        """The heading with what the notification is about: the only record, or the number of records.

        If the only record was not done, its sentence is first, because the title reads as done.
        """
        count = len(self.records) + self.left_out
        if count == 1 and self.records:
            only = self.records[0]
            if only.effect:
                return f"{only.sentence} ({self.title})"
            return f"{self.title}: {only.record or only.actor}{_AFTER_RECORD[only.operation]}"
        if not count:
            return f"{self.heading}: records not found yet" if self.missing else self.heading
        some = f" ({self.failed:,} not done)" if 0 < self.failed < count else ""
        return f"{self.heading}: {counted(count, 'record')}{some}"

    @property
    def missing(self) -> str:
        """That the records are not in the notification, as a sentence; empty if they are, or if none belong."""
        if self.records or self.reason is not Reason.NOT_FOUND:
            return ""
        return "The records are not in this message, because they cannot be found yet."

    @property
    def more_records(self) -> str:
        """How many records are not shown, and whose, as a sentence; empty if all are."""
        if not self.left_out:
            return ""
        by = f", by {', '.join(self.left_out_by)}" if self.left_out_by else ""
        return f"and {counted(self.left_out, 'more record')}{by}; see the evidence"

    @property
    def short_text(self) -> str:
        """The summary and the first three sentences, at most 1,000 characters, without formatting.

        If it is perhaps a repeat, this is said first.
        """
        repeat = [PERHAPS_REPEAT] if self.perhaps_repeat else []
        texts = [*repeat, self.summary, *(record.sentence for record in self.records[:3])]
        return shortened("\n".join(map(one_line, texts)), _MAX_SHORT_LENGTH)
