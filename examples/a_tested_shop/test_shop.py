"""The shop's tests, which `pytest --audit-coverage` uses to find the change that is not audited."""

import shop

from audit_lib.testing import AuditRecords


def test_a_changed_phone_is_audited(audit_records: AuditRecords) -> None:
    """The fixture is available wherever `audit_lib` is installed."""
    shop.change_phone(user=7, phone="+34600000000")
    record = audit_records.one(action="user-updated", record_id="7")
    assert record["changes"]["after"] == {"phone": "+34600000000"}


def test_a_changed_address_is_written() -> None:
    """This passes: a test does not check for an audit record that was forgotten."""
    shop.change_email(user=7, email="li.wei@example.com")
