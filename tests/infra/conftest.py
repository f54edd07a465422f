"""The synthesized template, made once: starting jsii takes seconds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from audit_rules import load_config
from infra.stacks.trail import TrailStack

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process for all tests that need jsii."""
    for item in items:
        if "tests/infra" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("jsii"))


@dataclass
class Template:
    """A template, with the questions that tests ask."""

    folder: Path
    name: str
    body: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        found = {
            id_: resource
            for id_, resource in self.body["Resources"].items()
            if resource["Type"] == f"AWS::{kind}"
        }
        assert found, f"no {kind}"
        return found

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.of_type(kind).values()]

    def one(self, kind: str, **wanted: Any) -> dict[str, Any]:
        found = [p for p in self.properties(kind) if wanted.items() <= p.items()]
        assert len(found) == 1, (kind, wanted, found)
        return found[0]

    def statements(self) -> Iterator[dict[str, Any]]:
        """Give what the roles allow."""
        for policy in self.properties("IAM::Policy"):
            yield from policy["PolicyDocument"]["Statement"]

    def asset(self, function: str) -> Path:
        code = self.one("Lambda::Function", FunctionName=function)["Code"]
        return self.folder / f"asset.{code['S3Key'].removesuffix('.zip')}"


def synthesize(config: Path, folder: Path) -> Template:
    app = App(outdir=str(folder), analytics_reporting=False)
    TrailStack(app, "Trail", config=load_config(config), config_file=config)
    app.synth()
    body = json.loads((folder / "Trail.template.json").read_text())
    return Template(folder, "Trail", body)


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
