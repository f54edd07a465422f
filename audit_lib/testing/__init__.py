"""For the tests of applications that audit: the fixture `audit_records`, and `--audit-coverage`.

Installed with the library as a pytest plugin: nothing to import, nothing to set up. Outside pytest,
`capture` has the same records. `_records` needs no pytest; `_plugin` is the plugin, whose hooks pytest
finds here; `_coverage` watches the databases, imported when it is asked for.
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
