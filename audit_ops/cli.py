"""The `audit` command: parses and calls, nothing else.

Each command imports what it needs: moto alone takes a second.
"""

import os
from pathlib import Path
from typing import Any

import click

from audit_ops.errors import AuditOpsError
from audit_rules import AuditRulesError

__all__ = ["main"]

_DEFAULT_PORT = 4599

_port = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=_DEFAULT_PORT,
    show_default=True,
    envvar="AUDIT_LOCAL_PORT",
    show_envvar=True,
    help="Where the embedded cloud listens, on localhost.",
)
_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("audit.toml"),
    show_default=True,
    help="The trail's configuration.",
)


class _Group(click.Group):
    """Shows an error that is made to be read as such, whichever command it comes from."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (AuditOpsError, AuditRulesError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="audit-lib")
def main() -> None:
    """Operate an audit trail."""


@main.command()
@click.option("--once", is_flag=True, help="End after the run instead of showing its page.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="Where messages, mails and summary.json go.",
)
def demo(*, once: bool, output: Path) -> None:
    """Run the whole path on the embedded cloud: from a change in an application to its notification.

    A real application makes changes through its API; its lines take the way that they take on AWS,
    in the template that `cdk deploy` ships; Slack messages and mails arrive at real receivers on
    localhost.
    """
    from audit_ops.demo import run_demo, serve

    problems = run_demo(output)
    if problems:
        raise click.ClickException("not as expected:\n" + "\n".join(problems))
    if not once:
        serve(output)


@main.command(context_settings={"ignore_unknown_options": True})
@_config
@click.option("--yes", "-y", is_flag=True, help="Ask nothing, the CDK CLI included.")
@click.option("--plan", "plan_only", is_flag=True, help="Say what it would make and cost, and end.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def deploy(*, config: Path, yes: bool, plan_only: bool, options: tuple[str, ...]) -> None:
    """Deploy the trail to the AWS account that your credentials name, with the CDK CLI.

    It first says what it makes and roughly what that costs a month. Where an earlier stack left its
    audit log group, that group is taken over, with all records. OPTIONS go to `cdk deploy` as they are.
    """
    import boto3

    from audit_ops.rollout import Cdk, Plan, synthesize
    from audit_rules import load_config

    loaded = load_config(config)
    assembly = synthesize(Path(), Path("build/deploy/cdk.out"), config=str(config.resolve()))
    # boto3 knows AWS_DEFAULT_REGION alone, the CDK CLI AWS_REGION too.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    plan = Plan.read(loaded, assembly, session.client)  # type: ignore[arg-type]
    click.echo("\n".join(plan.lines()) + "\n")
    if plan_only:
        return
    if not yes:
        click.confirm("Go on?", abort=True)
    Cdk(Path.cwd()).roll_out(plan, assembly, ask=not yes, options=options)


@main.group()
def local() -> None:
    """Have AWS on this machine: serve the embedded cloud, deploy to it with the CDK CLI, end it."""


@local.command("up")
@_port
@click.option("--region", default="eu-west-1", show_default=True, help="The cloud's only region.")
@click.option("--detach", "-d", is_flag=True, help="Run in the background; log to a file.")
@click.option("--verbose", "-v", is_flag=True, help="Show each call of an API.")
def local_up(*, port: int, region: str, detach: bool, verbose: bool) -> None:
    """Serve the embedded cloud. Its state lives as long as it runs."""
    from audit_ops.running import up_in_background

    if detach:
        output = Path("build/local/up.log")
        endpoint = up_in_background(port=port, region=region, verbose=verbose, output=output)
        click.echo(f"{endpoint}/_cloud  (log: {output})")
    else:
        from audit_ops.local.serve import up

        up(port=port, region=region, verbose=verbose)


@local.command("deploy", context_settings={"ignore_unknown_options": True})
@_port
@_config
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def local_deploy(*, port: int, config: Path, options: tuple[str, ...]) -> None:
    """Deploy to the embedded cloud, as `audit deploy` does to AWS, with the CDK CLI.

    OPTIONS go to `cdk deploy` as they are.
    """
    from audit_ops.rollout import Cdk, Plan, synthesize
    from audit_ops.running import embedded, settled
    from audit_rules import load_config

    loaded = load_config(config)
    client, environment = embedded(port, loaded)
    assembly = synthesize(Path(), Path("build/local/cdk.out"), config=str(config.resolve()))
    plan = Plan.read(loaded, assembly, client)
    Cdk(Path.cwd(), environment).roll_out(plan, assembly, ask=False, options=options)
    health = settled(port)
    for name, status in health["stacks"].items():
        click.echo(f"{name}: {status}")
    click.echo(f"What runs: {health['endpoint']}/_cloud")


@local.command("down")
@_port
def local_down(*, port: int) -> None:
    """End the embedded cloud; its state is gone."""
    from audit_ops.running import down

    down(port=port)
