"""`cdk synth` with the real CLI, without network and credentials; an invalid audit.toml is rejected."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from audit_ops.rollout.synthesis import synthesize

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "audit.toml").read_text()


def clean_environment() -> dict[str, str]:
    """Return an environment without AWS variables, and with a proxy that does not respond."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}


def test_cdk_synth_writes_the_template(tmp_path: Path) -> None:
    cdk = ROOT / "node_modules" / ".bin" / "cdk"
    run = subprocess.run(
        [cdk, "synth", "--quiet", "--output", tmp_path],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    template = json.loads((tmp_path / "Trail.template.json").read_text())
    assert "StoreRecords611269AC" in template["Resources"]
    # The demo, the tests and teams' fixtures deploy without the CLI: their template is the same.
    ours = synthesize(ROOT, tmp_path / "ours")
    assert json.loads((ours / "Trail.template.json").read_text()) == template


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("retention_days = 3653", "retention_days = 3000", "which CloudWatch does not offer"),
        ("retention_days =", "retention =", "is not a key of this table"),
        ('id = "large-refund"', 'id = "mfa-phone-changed"', "2 times, in rules[1], rules[4]"),
        ("refunded >= 1000 }", "refunded >= 1000", 'expected "&&"'),
        ('["finance-slack", "finance-email"]', '["finance-slak"]', 'did you mean "finance-slack"?'),
        ("refunded >= 1000 }", "refunded > 1000 }", '"a thousand" must match, but does not'),
        ('outcome = "failure"', 'outcome = "failed"', '$.event.outcome is never "failed"'),
    ],
)
def test_a_bad_audit_toml_is_refused_at_synth(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    bad = tmp_path / "audit.toml"
    assert old in GOOD
    bad.write_text(GOOD.replace(old, new, 1))
    run = subprocess.run(
        [ROOT / ".venv/bin/python", "app.py"],
        cwd=ROOT,
        env={**clean_environment(), "CDK_CONTEXT_JSON": json.dumps({"config": str(bad)})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 1
    assert problem in run.stderr
    assert "audit.toml" in run.stderr
    assert "Traceback" not in run.stderr
