"""Defines the Logs Insights queries that the stack saves for people who investigate audit records.

Their users replace the example values. Syntax:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from typing import Final

__all__ = ["SAVED_QUERIES"]

SAVED_QUERIES: Final = {
    "Who changed this record": """\
fields @timestamp, user.name, event.action, event.reason, changes.before, changes.after
| filter changes.record_type = "user" and changes.record_id = "1042"
| sort @timestamp desc
| limit 1000""",
    "Everything one person did": """\
fields @timestamp, event.action, event.outcome, changes.record_type, changes.record_id, message
| filter user.name = "Ana Souza" or user.email = "ana.souza@example.com"
| sort @timestamp desc
| limit 1000""",
    "The last day by kind": """\
filter ispresent(event.id)
| stats count(*) as records, count_distinct(user.name) as people by event.action, event.outcome
| sort records desc
| limit 1000""",
    "Refused and failed attempts": """\
fields @timestamp, user.name, user.email, source.ip, event.action, event.reason, message
| filter event.outcome = "failure"
| sort @timestamp desc
| limit 1000""",
}
"""The queries, by name."""
