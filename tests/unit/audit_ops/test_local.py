"""`audit local`: how the command shows the embedded cloud's errors, and that it does not import moto."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit_ops.cli import main
from local_cloud import LocalCloudError
from local_cloud.errors import HookError

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("error", [LocalCloudError, HookError])
def test_an_error_of_the_embedded_cloud_is_shown_as_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: type[LocalCloudError]
) -> None:
    def up(**_: object) -> None:
        raise error("moto has no LogStream.put_log_events")

    monkeypatch.setattr("audit_ops.serve.up", up)
    outcome = CliRunner().invoke(main, ["local", "up"])
    assert outcome.exit_code == 1
    assert outcome.output == "Error: moto has no LogStream.put_log_events\n"


def test_the_command_and_a_plan_do_not_wait_for_moto() -> None:
    """moto's import takes a second; reading an assembly and catching errors do not need it."""
    program = "import sys, audit_ops.cli, audit_ops.rollout; print('moto' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
