"""The `audit` command: parses and calls, nothing else.

Each command imports what it needs: moto alone takes a second.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from audit_ops.errors import AuditOpsError
from audit_rules import AuditRulesError
from local_cloud.errors import LocalCloudError

if TYPE_CHECKING:
    from audit_rules import AuditConfig, Rule

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
        except (AuditOpsError, AuditRulesError, LocalCloudError) as error:
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
def rules() -> None:
    """Check, test, explain and begin the rules of audit.toml, without AWS."""


@rules.command("check")
@_config
def rules_check(*, config: Path) -> None:
    """Find what would never ring, ring for the wrong records, or tell nobody.

    The exit status is 1 when there is an error; warnings may be meant so.
    """
    from audit_ops.rules import checked
    from audit_rules import load_config, review

    loaded = load_config(config)
    findings = review(loaded)
    click.echo("\n".join(checked(loaded, findings)))
    if any(finding.level == "error" for finding in findings):
        raise SystemExit(1)


@rules.command("test")
@_config
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results, those of `check` included, as JUnit's XML.",
)
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="Say what the rules would have told of the records of a file, gzipped or not.",
)
def rules_test(*, config: Path, junit_file: Path | None, against: tuple[Path, ...]) -> None:
    """Try each rule on its examples, as CloudWatch would. The exit status is 1 when one fails.

    With --against: how often each rule would have told and rung, a day and on the busiest one, and
    because of whom.
    """
    from audit_ops.rules import junit, tried
    from audit_rules import load_config, review, run_examples

    loaded = load_config(config)
    if against:
        _replay(loaded, against)
        return
    results = run_examples(loaded)
    click.echo("\n".join(tried(results)))
    if junit_file is not None:
        junit_file.write_bytes(junit(results, review(loaded)))
    if not all(trial.passed for trial in results):
        raise SystemExit(1)


@rules.command("explain")
@_config
@click.argument("rule_id")
def rules_explain(*, config: Path, rule_id: str) -> None:
    """Say in words when a rule tells, whom, and show a record that it matches."""
    from audit_ops.rules import explanation
    from audit_rules import load_config

    loaded = load_config(config)
    click.echo("\n".join(explanation(loaded, _rule(loaded, rule_id))))


@rules.command("preview")
@_config
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/preview"),
    show_default=True,
    help="Where the page with the notifications goes.",
)
@click.argument("rule_id")
def rules_preview(*, config: Path, output: Path, rule_id: str) -> None:
    """Show a rule's notifications as their readers will see them, from its first example."""
    from audit_ops.rules.preview import page_of, preview
    from audit_rules import load_config

    loaded = load_config(config)
    rule = _rule(loaded, rule_id)
    shown = preview(loaded, rule)
    output.mkdir(parents=True, exist_ok=True)
    page = output / f"{rule.id}.html"
    page.write_text(page_of(shown, rule.title), encoding="utf-8")
    for each in shown:
        click.echo(f"── {each.channel}\n{each.text.strip()}\n")
    click.echo(f"As their readers see them: {page}")


@rules.command("new")
@_config
@click.argument("record", type=click.File(encoding="utf-8"), default="-")
def rules_new(*, config: Path, record: TextIO) -> None:
    """Begin a rule with a record that somebody wants to hear of: print its TOML.

    RECORD is a file of audit_lib's lines, standard input when left out; the first record in it counts.
    """
    from audit_ops.rules import starter
    from audit_rules import load_config

    click.echo(starter(record, load_config(config)), nl=False)


@rules.command("compare")
@click.option("--region", help="The region of the account; boto3's default, when left out.")
@click.argument("cases", type=click.Path(dir_okay=False, path_type=Path))
def rules_compare(*, region: str | None, cases: Path) -> None:
    """Compare our reading of filter patterns with AWS's own, on a file of cases.

    CASES has a JSON object a line: {"pattern": "...", "messages": ["..."]}. It calls TestMetricFilter,
    which makes nothing and costs nothing, with your AWS credentials. The exit status is 1 when they differ.
    """
    import boto3

    from audit_ops.rules.comparing import compared, read_cases

    logs = boto3.Session(region_name=region or os.environ.get("AWS_REGION")).client("logs")
    lines = list(compared(read_cases(cases), logs))
    click.echo("\n".join(lines))
    if len(lines) > 1:
        raise SystemExit(1)


@rules.command("schema")
def rules_schema() -> None:
    """Print the JSON Schema of audit.toml, for editors."""
    import json

    from audit_rules import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _replay(config: "AuditConfig", paths: tuple[Path, ...]) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from audit_ops.rules.replay import ReplayError, lines_of, replay
    from audit_ops.rules.replayed import shown

    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise ReplayError(f"{missing[0]}: there is no such file")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("records", total=sum(path.stat().st_size for path in paths))
        lines = (
            line for path in paths for line in lines_of(path, lambda n: progress.advance(task, n))
        )
        result = replay(lines, config)
    Console().print(shown(result, config))


def _rule(config: "AuditConfig", rule_id: str) -> "Rule":
    from difflib import get_close_matches

    try:
        return config.rule(rule_id)
    except KeyError:
        ids = [rule.id for rule in config.rules]
        close = get_close_matches(rule_id, ids, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(ids)}"
        raise click.BadParameter(f"no rule {rule_id!r}; {hint}") from None


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
        from audit_ops.serve import up

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
