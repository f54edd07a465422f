"""The shop's tests: what is audited, and, by `pytest --audit-coverage`, what is not."""

import shop

from audit_lib.testing import AuditRecords


def test_a_changed_phone_is_audited(audit_records: AuditRecords) -> None:
    """The fixture is there wherever `audit_lib` is installed."""
    shop.change_phone(user=7, phone="+34600000000")
    record = audit_records.one(action="user-updated", record_id="7")
    assert record["changes"]["after"] == {"phone": "+34600000000"}


def test_a_changed_address_is_written() -> None:
    """It passes: who does not think of the audit record does not test for it either."""
    shop.change_email(user=7, email="li.wei@example.com")
