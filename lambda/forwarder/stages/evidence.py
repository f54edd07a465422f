"""Builds the link to the evidence of a notification: a Logs Insights query in the AWS console."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from forwarder.stages.read import FoundRecord

__all__ = ["Evidence"]

_MARGIN_MS: Final = 60_000
_MAX_URL_LENGTH: Final = 1900  # Slack takes 3,000 characters; some mail programs open 2,083
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_FIELDS: Final = (
    "fields @timestamp, user.name, event.action, event.outcome,"
    " changes.record_type, changes.record_id, @message"
)


class Evidence:
    """Builds links to Logs Insights queries on one log group, in the AWS console of one Region."""

    def __init__(self, *, region: str, log_group: str) -> None:
        self._region = region
        self._log_group = log_group

    def url(self, records: Sequence[FoundRecord]) -> str:
        """Return the link to the query of the records, over their period and one minute on either side.

        If a link with the ids of all records would have more than 1,900 characters, the query is for all
        log events of the period.

        Args:
            records: at least one record, in order of time.
        """
        first_ms, last_ms = records[0].timestamp_ms, records[-1].timestamp_ms
        url = self._url(self.query(records), first_ms, last_ms)
        if len(url) > _MAX_URL_LENGTH:
            url = self._url(self.query([]), first_ms, last_ms)
        return url

    @staticmethod
    def query(records: Sequence[FoundRecord]) -> str:
        """Return a query for the records by `event.id`, or for all log events of the period.

        The ids are used only if each record has one of 1 to 64 ASCII letters, digits and hyphens, so that
        none can alter the query. Without records, the query is for all log events.
        """
        ids = []
        if not records:
            return f"{_FIELDS}\n| sort @timestamp asc"
        for record in records:
            event = record.fields.get("event")
            found = event.get("id") if isinstance(event, dict) else None
            if not isinstance(found, str) or not _SAFE_ID.fullmatch(found):
                return f"{_FIELDS}\n| sort @timestamp asc"
            ids.append(f'"{found}"')
        return f"{_FIELDS}\n| filter event.id in [{', '.join(ids)}]\n| sort @timestamp asc"

    def _url(self, query: str, first_ms: int, last_ms: int) -> str:
        start, end = (_instant(ms) for ms in (first_ms - _MARGIN_MS, last_ms + _MARGIN_MS))
        detail = (
            f"~(end~'{_encoded(end)}~start~'{_encoded(start)}~timeType~'ABSOLUTE~tz~'UTC"
            f"~editorString~'{_encoded(query)}~source~(~'{_encoded(self._log_group)}))"
        )
        return (
            f"https://{self._region}.console.aws.amazon.com/cloudwatch/home?region={self._region}"
            f"#logsV2:logs-insights$3FqueryDetail$3D{detail}"
        )


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _encoded(text: str) -> str:
    """Encode bytes other than ASCII letters, digits, `-`, `_` and `.` as `*` and two hexadecimal digits."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"-_." else f"*{byte:02x}"
        for byte in text.encode()
    )
