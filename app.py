"""Synthesizes one CloudFormation template from `audit.toml`, without network or credentials."""

import sys
from pathlib import Path

from aws_cdk import App

from audit_infra.assets import AssetError
from audit_infra.stacks.trail import TrailStack
from audit_rules import AuditRulesError, approve, load_config

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Synthesize the template of `audit.toml`, or of the file in `-c config=PATH`, relative to app.py.

    Exits with status 1 and a message if the configuration cannot be deployed or a function cannot be packed.
    """
    app = App()
    path = HERE / (app.node.try_get_context("config") or "audit.toml")
    try:
        config = load_config(path)
        approve(config, path.name)
        TrailStack(app, "Trail", config=config, config_file=path)
    except (AuditRulesError, AssetError) as error:
        sys.exit(f"{error}\nNothing was synthesized.")
    app.synth()


if __name__ == "__main__":
    main()
