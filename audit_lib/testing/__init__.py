"""For the tests of applications that audit: the fixture `audit_records`, and `--audit-coverage`.

Installed with the library as a pytest plugin: nothing to import, nothing to set up. `_plugin` is that
plugin, whose hooks pytest finds here; `_coverage` watches the databases, imported when it is asked for.
"""

from ._plugin import (
    AuditRecords,
    audit_records,
    ecs_problems,
    pytest_addoption,
    pytest_configure,
)

__all__ = [
    "AuditRecords",
    "audit_records",
    "ecs_problems",
    "pytest_addoption",
    "pytest_configure",
]
