"""What all tests share: the synthesized template, made once, for starting jsii takes seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.synthesis import ROOT, Template, synthesize

SYNTHESIZING = {"template", "synth"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests that need jsii in one process."""
    for item in items:
        if isinstance(item, pytest.Function) and SYNTHESIZING & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group("jsii"))


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
