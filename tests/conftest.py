"""Shared by all tests: Hypothesis profiles, and the template, synthesized once per session.

Hypothesis runs derandomised, so that `make test` is deterministic; `make fuzz` runs it at random. The
template is shared because starting jsii takes seconds.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from audit_ops.rollout.node import node_variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.synthesis import Template

ROOT = Path(__file__).resolve().parents[1]

# Set before aws_cdk is imported, which starts Node.js: only where a fixture below needs it.
os.environ |= node_variables()

settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile("same-each-time")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> "Template":
    from tests.synthesis import synthesize

    return synthesize(ROOT / "audit.toml", tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture
def synth(tmp_path: Path) -> "Callable[[str], Template]":
    """Return a function that synthesizes the text of an audit.toml."""

    from tests.synthesis import synthesize

    def of(text: str) -> "Template":
        config = tmp_path / "audit.toml"
        config.write_text(text)
        return synthesize(config, tmp_path / "cdk.out")

    return of
