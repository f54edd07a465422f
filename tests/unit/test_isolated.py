"""Unit tests start no pytest, no jsii and no server: what starts one is an integration test."""

import re
from pathlib import Path

import pytest

UNIT = Path(__file__).parent
STARTS = {
    "pytest": re.compile(r"""["']-m["'],\s*["']pytest["']"""),
    "jsii": re.compile(
        r"^\s*(?:from|import) (?:aws_cdk|audit_infra|tests\.synthesis)", re.MULTILINE
    ),
    "a server": re.compile(
        r"gunicorn|uvicorn|HTTPServer|make_server|LocalCloud\(|World\(|Receiver\(\)"
    ),
}
FILES = sorted(path for path in UNIT.rglob("*.py") if path.name != Path(__file__).name)


@pytest.mark.parametrize("what", STARTS)
def test_no_unit_test_starts(what: str) -> None:
    assert [path.name for path in FILES if STARTS[what].search(path.read_text())] == []
