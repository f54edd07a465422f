"""Templates synthesized in this process, with queries for tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App

from audit_infra.stacks.trail import TrailStack
from audit_ops.rollout.synthesis import context_of
from audit_rules import load_config

ROOT = Path(__file__).parents[1]


@dataclass
class Template:
    """A synthesized template, with queries for tests."""

    folder: Path
    name: str
    body: dict[str, Any]

    def of_type(self, type_: str) -> dict[str, dict[str, Any]]:
        found = {
            id_: resource
            for id_, resource in self.body["Resources"].items()
            if resource["Type"] == f"AWS::{type_}"
        }
        assert found, f"the template has no {type_}"
        return found

    def properties(self, type_: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.of_type(type_).values()]

    def one(self, type_: str, **wanted: Any) -> dict[str, Any]:
        found = [p for p in self.properties(type_) if wanted.items() <= p.items()]
        assert len(found) == 1, (type_, wanted, found)
        return found[0]

    def statements(self) -> Iterator[dict[str, Any]]:
        """Yield the statements of the roles' policies."""
        for policy in self.properties("IAM::Policy"):
            yield from policy["PolicyDocument"]["Statement"]

    def asset(self, function: str) -> Path:
        code = self.one("Lambda::Function", FunctionName=function)["Code"]
        return self.folder / f"asset.{code['S3Key']}"


def synthesize(config: Path, folder: Path) -> Template:
    app = App(outdir=str(folder), context=context_of(ROOT), analytics_reporting=False)
    TrailStack(app, "Trail", config=load_config(config), config_file=config)
    app.synth()
    body = json.loads((folder / "Trail.template.json").read_text())
    return Template(folder, "Trail", body)
