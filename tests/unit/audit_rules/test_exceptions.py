"""The error tree and the public names."""

import pickle
import subprocess
import sys

import audit_rules
from audit_rules import AuditRulesError, ConfigError


def test_all_names_the_public_api_in_order() -> None:
    public = {name for name in vars(audit_rules) if not name.startswith(("_", "@"))} - {
        "channels",
        "patterns",
    }
    assert set(audit_rules.__all__) == public


def test_a_config_error_counts_and_lists_its_problems() -> None:
    error = ConfigError("audit.toml", ("a: one", "b: two"))
    assert isinstance(error, AuditRulesError)
    assert error.problems == ("audit.toml: a: one", "audit.toml: b: two")
    assert str(error).splitlines() == [
        "audit.toml: 2 problems",
        "  - a: one",
        "  - b: two",
    ]
    assert str(ConfigError("x", ("one",))).startswith("x: 1 problem\n")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_import_brings_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import audit_rules;"
        "tops = {name.split('.')[0] for name in set(sys.modules) - before if not name.startswith('_sysconfigdata')};"
        "print(sorted(tops - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "['audit_rules']"
