"""What the package exports: a name can neither leak nor vanish."""

from types import ModuleType

import audit_lib


def test_all_names_the_public_api_in_order() -> None:
    public = {
        name
        for name in vars(audit_lib)
        if not name.startswith("_") and not isinstance(getattr(audit_lib, name), ModuleType)
    }
    assert audit_lib.__all__ == sorted(audit_lib.__all__)
    assert set(audit_lib.__all__) == public


def test_every_error_is_an_audit_lib_error() -> None:
    errors = (audit_lib.LoggerConflictError, audit_lib.RecordLostError)
    assert all(issubclass(error, audit_lib.AuditLibError) for error in errors)
