"""What all tests share: the synthesized template, made once, for starting jsii takes seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.synthesis import ROOT, Template, synthesize


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesize(ROOT / "audit.toml", tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture
def synth(tmp_path: Path) -> Callable[[str], Template]:
    """Synthesize another audit.toml."""

    def of(text: str) -> Template:
        config = tmp_path / "audit.toml"
        config.write_text(text)
        return synthesize(config, tmp_path / "cdk.out")

    return of
