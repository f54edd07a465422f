"""The names that the package exports are exactly the listed ones."""

from types import ModuleType

import audit_lib


def test_all_names_the_public_api_in_order() -> None:
    late = {"ChainHead", "Health", "VerifiedChain", "VerifyProblem", "VerifyReport"}
    late |= {"health", "verify"}
    public = {
        name
        for name, value in vars(audit_lib).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert audit_lib.__all__ == sorted(audit_lib.__all__)
    assert set(audit_lib.__all__) == public - {"Any", "TYPE_CHECKING"} | late | {"__version__"}
    assert all(getattr(audit_lib, name).__module__.startswith("audit_lib.") for name in late)


def test_every_error_is_an_audit_lib_error() -> None:
    errors = (audit_lib.LoggerConflictError, audit_lib.RecordLostError)
    assert all(issubclass(error, audit_lib.AuditLibError) for error in errors)


def test_the_version_is_the_installed_one_and_costs_no_import() -> None:
    import subprocess
    import sys
    from importlib import metadata

    assert audit_lib.__version__ == metadata.version("audit-lib")
    program = "import sys, audit_lib; sys.exit('importlib.metadata' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
