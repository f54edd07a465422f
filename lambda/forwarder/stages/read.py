"""The read stage: reads the records that a rule's filter pattern selects from the audit log group."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from audit_rules import Rule

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

__all__ = ["FoundRecord", "Reader", "found_records", "record_digest"]


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """An audit record: its timestamp in milliseconds since 1970, its log line, and its parsed fields.

    `fields` is empty if the line is not a JSON object. `ingested_ms` is when CloudWatch Logs received it, in
    milliseconds since 1970; None if that is not known, as for a record that was just delivered.
    """

    timestamp_ms: int
    line: str
    fields: dict[str, Any]
    ingested_ms: int | None = None

    @property
    def key(self) -> str:
        """The record's key in the outbox: 40 hexadecimal digits of a hash of the timestamp and the line.

        The hash includes the whole line: a line that was delivered twice has the same key, and an
        application that repeats an `event.id` on another line does not suppress a notification. With a
        `labels.idempotency_key`, it is a hash of that key and of what was done (who, action, record,
        outcome and state after) instead, so that a retry of the same deed has the same key.
        """
        return record_digest(self._deed() or f"{self.timestamp_ms}:{self.line}")

    def _deed(self) -> str | None:
        labels, changes = self.fields.get("labels"), self.fields.get("changes")
        key = labels.get("idempotency_key") if isinstance(labels, dict) else None
        if not isinstance(key, str) or not key:
            return None
        event, user = self.fields.get("event"), self.fields.get("user")
        parts: list[Any] = [key]
        for holder, names in (
            (event, ("action", "outcome")),
            (user, ("id",)),
            (changes, ("record_type", "record_id", "after")),
        ):
            parts += [holder.get(name) if isinstance(holder, dict) else None for name in names]
        return json.dumps(parts, sort_keys=True)


def record_digest(text: str) -> str:
    """Return 40 hexadecimal digits of the SHA-256 of a text."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


class Reader:
    """Reads log events from the audit log group with `FilterLogEvents`."""

    def __init__(self, *, logs: "CloudWatchLogsClient", log_group: str) -> None:
        self._logs = logs
        self._log_group = log_group

    def read(self, rule: Rule, *, since_ms: int, until_ms: int) -> list[FoundRecord]:
        """Return the records that the rule's filter pattern selects between two times.

        The rule's further conditions are not checked. A page can be empty and still have a token; the
        paginator continues.

        Args:
            rule: the rule.
            since_ms: the beginning, in milliseconds since 1970; a negative number is read as 0.
            until_ms: the end, in milliseconds since 1970.

        Returns:
            The records in order of time, without duplicates (events with the same timestamp and line).

        Raises:
            botocore.exceptions.ClientError: a call failed.
        """
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._log_group,
            filterPattern=rule.pattern.text,
            startTime=max(since_ms, 0),
            endTime=until_ms,
        )
        ingested = {
            (event["timestamp"], event["message"]): event["ingestionTime"]
            for page in pages
            for event in page["events"]
        }
        return [
            FoundRecord(when, line, _parsed(line), ingested[when, line])
            for when, line in sorted(ingested)
        ]


def found_records(lines: Iterable[tuple[int, str]]) -> list[FoundRecord]:
    """Return the records of pairs of timestamp and line, in order of time, without duplicates."""
    return [FoundRecord(when, line, _parsed(line)) for when, line in sorted(set(lines))]


def _parsed(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
