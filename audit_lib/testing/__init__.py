"""Supports tests of audit records with the fixture `audit_records` and the option `--audit-coverage`.

It is installed as a pytest plugin: the fixture needs no import, the option needs the setting
`audit_sensitive`. Outside pytest, `capture` collects the same records.

`_records` does not need pytest; `_plugin` has the hooks, which pytest finds here; `_coverage` observes
the databases, and is imported for `--audit-coverage` only.
"""

from contextlib import suppress

from ._records import AuditRecords, capture, ecs_problems

with suppress(ModuleNotFoundError):  # pytest is not installed
    from ._plugin import audit_records, pytest_addoption, pytest_configure

__all__ = [
    "AuditRecords",
    "audit_records",
    "capture",
    "ecs_problems",
    "pytest_addoption",
    "pytest_configure",
]
