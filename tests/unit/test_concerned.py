"""Which unit tests a change concerns."""

from pathlib import Path

import pytest

from tests.concerned import READ_SOURCES, UNIT, concerned
from tests.imports import ROOT


def names(*changed: str) -> set[str]:
    found = concerned(ROOT / name for name in changed)
    return {str(path.relative_to(UNIT)) for path in found if path not in READ_SOURCES}


@pytest.mark.parametrize(
    ("changed", "among", "not_among"),
    [
        ("audit_rules/patterns/_regex.py", "audit_rules/test_regex.py", "audit_lib/proof/test_proof.py"),
        ("audit_lib/_proof/chain.py", "audit_lib/proof/test_proof.py", "audit_rules/test_regex.py"),
        ("local_cloud/services/alarms.py", "local_cloud/test_alarms.py", "audit_rules/test_regex.py"),
        ("audit.toml", "audit_rules/test_schema.py", "audit_rules/test_regex.py"),
        ("tests/unit/test_fuzz.py", "test_fuzz.py", "audit_rules/test_regex.py"),
        ("tests/fuzz.py", "test_fuzz.py", "audit_rules/test_regex.py"),
        ("audit_rules/channels/slack.py", "audit_rules/test_schema.py", "audit_rules/test_regex.py"),
    ],
)  # fmt: skip
def test_it_reaches_what_uses_the_change(changed: str, among: str, not_among: str) -> None:
    found = names(changed)
    assert among in found
    assert not_among not in found


def test_what_all_share_concerns_all() -> None:
    for name in ("pyproject.toml", "tests/conftest.py", "tests/unit/audit_lib/conftest.py"):
        assert concerned([ROOT / name]) == sorted(UNIT.rglob("test_*.py"))


def test_those_that_read_the_sources_are_always_there() -> None:
    assert set(concerned([])) >= READ_SOURCES
    assert all(isinstance(path, Path) and path.is_file() for path in READ_SOURCES)


def test_mutants_are_shown_to_the_other_tests_too() -> None:
    changed = ROOT / "infra/audit_infra/constructs/rule_alarms.py"
    assert set(concerned([changed])) == READ_SOURCES
    found = concerned([changed], (ROOT / "tests/infra",))
    assert ROOT / "tests/infra/test_template.py" in found
