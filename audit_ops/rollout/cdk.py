"""Runs the CDK CLI to deploy the trail: bootstrap, import, deploy."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit_ops.rollout.plan import Plan

from audit_ops.errors import AuditOpsError
from audit_ops.rollout.node import NODE_MISSING, node_variables

__all__ = ["Cdk", "CdkError"]


class CdkError(AuditOpsError):
    """The CDK CLI or Node.js is not installed, or the CLI failed after showing the reason."""


@dataclass(frozen=True, slots=True)
class Cdk:
    """The CDK CLI of a CDK app, run in the app's folder.

    Args:
        app: the folder of `cdk.json`; its `node_modules/.bin/cdk` has precedence over the one on `PATH`.
        environment: replaces all `AWS_…` variables of this process; None keeps them.
    """

    app: Path
    environment: Mapping[str, str] | None = None

    def roll_out(self, plan: "Plan", assembly: Path, *, ask: bool, options: Sequence[str]) -> None:
        """Bootstrap the account if required, import retained resources, and deploy all stacks.

        Args:
            plan: the state of the account: bootstrapped or not, and the resources to import.
            assembly: the cloud assembly to deploy.
            ask: whether the CLI asks for approval; False adds `--require-approval never`.
            options: passed to `cdk deploy` unchanged.

        Raises:
            CdkError: a step failed; the earlier steps are complete.
        """
        from_assembly = ("--app", str(assembly.resolve()))
        if not plan.bootstrapped:
            self.run("bootstrap", f"aws://{plan.account}/{plan.region}", "--app", "")
        if plan.kept:
            mapping = json.dumps(plan.kept)
            self.run("import", plan.stack_id, "--resource-mapping-inline", mapping, *from_assembly)
        approval = () if ask else ("--require-approval", "never")
        self.run("deploy", "--all", *approval, *from_assembly, *options)

    def run(self, *arguments: str) -> None:
        """Run the CLI, with this terminal as its input and output.

        Raises:
            CdkError: the CLI or Node.js is not installed, or the CLI failed.
        """
        own = self.app / "node_modules" / ".bin" / "cdk"
        command = str(own.resolve()) if own.is_file() else shutil.which("cdk")
        if command is None:
            raise CdkError(
                f"the CDK CLI is not found as {own} or as `cdk` on PATH; run `make setup` in a"
                " checkout of this project, elsewhere `npm install aws-cdk`"
            )
        environment = dict(os.environ)
        if self.environment is not None:
            kept = {name: v for name, v in os.environ.items() if not name.startswith("AWS_")}
            environment = {**kept, **self.environment}
        node = node_variables(environment)
        if not node:
            raise CdkError(NODE_MISSING)
        run = subprocess.run(  # noqa: S603 - the CDK CLI
            [command, *arguments], cwd=self.app, env=environment | node, check=False
        )
        if run.returncode:
            raise CdkError(
                f"`cdk {arguments[0]}` failed with exit status {run.returncode}; its output is"
                " above"
            )
