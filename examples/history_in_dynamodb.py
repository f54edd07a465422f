"""A DynamoDB table for audit records: what happened to a record, and what a person did.

Run it: `python examples/history_in_dynamodb.py`. moto simulates AWS here; in an application, leave out
`mock_aws`, and create the table with your infrastructure.
"""

import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from moto import mock_aws

import audit_lib
from audit_lib.destinations.dynamodb import TABLE, AuditTable, DynamoDBHandler


def main() -> None:
    """Write some records to a table, and query it."""
    boto3.client("dynamodb").create_table(TableName="audit", **TABLE)
    audit = audit_lib.get_logger("shop.orders").audit
    handler = DynamoDBHandler("audit", keep_days=3650)
    audit.addHandler(handler)
    with audit_lib.context(user={"id": "7", "name": "Ana Souza"}):
        audit.record_created("Ordered", "order", {"total": 40, "paid": False}, record_id=1042)
        audit.record_updated("Paid", "order", {"paid": False}, {"paid": True}, record_id=1042)
    with audit_lib.context(user={"id": "9", "name": "Max Weber"}):
        audit.record_updated("Refunded", "order", {"total": 40}, {"total": 0}, record_id=1042)
        audit.event("Turnover of October exported", action="report-exported")
    handler.flush()  # also called at the end of a process

    table = AuditTable("audit")
    show("what happened to order 1042", table.history_of("order", 1042))
    since = datetime.now(UTC) - timedelta(days=30)
    show("what Max Weber did in the last 30 days", table.done_by("9", since=since))
    show("which reports were exported today", table.happened("report-exported", datetime.now(UTC)))
    handler.close()
    audit.removeHandler(handler)


def show(title: str, records: Iterable[dict[str, Any]]) -> None:
    """Print a title and one line for each record."""
    sys.stdout.write(f"{title}:\n")
    for record in records:
        user, changes = record["user"]["name"], record.get("changes", {}).get("after", "")
        sys.stdout.write(f"    {record['@timestamp']} {user}: {record['message']} {changes}\n")


if __name__ == "__main__":
    with mock_aws():
        os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
        main()
