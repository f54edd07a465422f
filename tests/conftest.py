"""Shared by all tests: Hypothesis profiles, and the template, synthesized once per session.

Hypothesis runs derandomised, so that `make test` is deterministic; `make fuzz` runs it at random. The
template is shared because starting jsii takes seconds.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from audit_ops.rollout.node import node_variables

# Set before aws_cdk is imported, which starts Node.js.
os.environ |= node_variables()

from tests.synthesis import ROOT, Template, synthesize

settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile("same-each-time")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesize(ROOT / "audit.toml", tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture
def synth(tmp_path: Path) -> Callable[[str], Template]:
    """Return a function that synthesizes the text of an audit.toml."""

    def of(text: str) -> Template:
        config = tmp_path / "audit.toml"
        config.write_text(text)
        return synthesize(config, tmp_path / "cdk.out")

    return of
