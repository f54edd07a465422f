"""Defines the `audit` command: parses the arguments and calls the other modules.

Each command imports what it needs, because importing moto takes a second.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from audit_ops.errors import AuditOpsError
from audit_rules import AuditRulesError, closest
from local_cloud.errors import LocalCloudError

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from audit_ops.telling.outbox import OutboxView
    from audit_rules import AuditConfig, Rule

__all__ = ["main"]

_DEFAULT_PORT = 4599
_WIDE = 1000  # for a file or another program, which needs whole lines

_port = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=_DEFAULT_PORT,
    show_default=True,
    envvar="AUDIT_LOCAL_PORT",
    show_envvar=True,
    help="The port of the embedded cloud on localhost.",
)
_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("audit.toml"),
    show_default=True,
    help="The configuration of the trail.",
)


class _Group(click.Group):
    """A click group that shows the message of an expected error without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            click.ClickException: the command raised an error of this project, or cannot write a file.
        """
        try:
            return super().invoke(ctx)
        except (AuditOpsError, AuditRulesError, LocalCloudError) as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:  # a file that a command writes; reading names its own errors
            if error.filename is None:
                raise
            raise click.ClickException(
                f"{error.filename}: {error.strerror}; check the path and its permissions"
            ) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="audit-lib")
def main() -> None:
    """Operate an audit trail."""


@main.command(short_help="Run the whole path on the embedded cloud.")
@click.option("--once", is_flag=True, help="Exit after the run instead of serving its page.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/demo"),
    show_default=True,
    help="The folder for the messages and summary.json.",
)
def demo(*, once: bool, output: Path) -> None:
    """Run the whole path on the embedded cloud, from a change in an application to its notification.

    The example application makes changes through its API; its log lines are processed by the template
    that `cdk deploy` deploys; Slack messages and e-mails arrive at servers on localhost.
    """
    from audit_ops.demo import run_demo, serve

    problems = run_demo(output)
    if problems:
        raise click.ClickException(
            "the run differs from audit_ops/demo/scenario.py; if that is intended, change that"
            " file:\n" + "\n".join(problems)
        )
    if not once:
        serve(output)


@main.command(
    context_settings={"ignore_unknown_options": True},
    short_help="Deploy the trail to your AWS account.",
)
@_config
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation, also in the CDK CLI.")
@click.option(
    "--plan",
    "plan_only",
    is_flag=True,
    help="Show what would be created and what it costs, and exit.",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[CDK_OPTIONS]...")
def deploy(*, config: Path, yes: bool, plan_only: bool, options: tuple[str, ...]) -> None:
    """Deploy the trail to the AWS account of your credentials, with the CDK CLI.

    First shows what will be created and roughly what it costs a month, and asks for confirmation. Bootstraps
    the account for the CDK if required. If an earlier stack left its audit log group, the group is imported
    with its key and all its records. CDK_OPTIONS are passed to `cdk deploy` unchanged.
    """
    import boto3

    from audit_ops.rollout import Cdk, Plan, synthesize
    from audit_rules import load_config

    loaded = load_config(config)
    assembly = synthesize(Path(), Path("build/deploy/cdk.out"), config=str(config.resolve()))
    # boto3 reads AWS_DEFAULT_REGION only, the CDK CLI AWS_REGION too.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    plan = Plan.read(loaded, assembly, session.client)  # type: ignore[arg-type]
    click.echo("\n".join(plan.lines()) + "\n")
    if plan_only:
        return
    if not yes:
        click.confirm("Continue?", abort=True)
    Cdk(Path.cwd()).roll_out(plan, assembly, ask=not yes, options=options)


@main.group(short_help="Check, test, explain and create rules, without AWS.")
def rules() -> None:
    """Check, test, explain and create the rules of audit.toml, without AWS."""


@rules.command("check", short_help="Find rules that never match, and unused channels.")
@_config
def rules_check(*, config: Path) -> None:
    """Find rules that never match, match the wrong records or lack examples, and unused channels.

    The exit status is 1 if there is an error; warnings do not change it.
    """
    from audit_ops.rules import findings_report
    from audit_rules import load_config, review

    loaded = load_config(config)
    findings = review(loaded)
    click.echo("\n".join(findings_report(loaded, findings)))
    if any(finding.level == "error" for finding in findings):
        raise SystemExit(1)


@rules.command("test", short_help="Test each rule on its examples, as CloudWatch would.")
@_config
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the results, including those of `check`, as JUnit XML.",
)
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="Replay the records of a file, gzipped or not: show how often each rule would have notified.",
)
def rules_test(*, config: Path, junit_file: Path | None, against: tuple[Path, ...]) -> None:
    """Test each rule on its examples, as CloudWatch would. The exit status is 1 if one fails.

    With --against: show how many records each rule would have matched, per day and on the busiest
    day, how often its alarm would have gone into ALARM, and the most frequent actors.
    """
    from audit_ops.rules import junit_report, trials_report
    from audit_rules import load_config, review, run_examples

    loaded = load_config(config)
    if against:
        if junit_file is not None:
            raise click.UsageError(
                "--junit writes the results of the examples, which --against does not run; omit"
                " one of them"
            )
        _replay(loaded, against)
        return
    results = run_examples(loaded)
    click.echo("\n".join(trials_report(results)))
    if junit_file is not None:
        junit_file.write_bytes(junit_report(results, review(loaded)))
    if not all(trial.passed for trial in results):
        raise SystemExit(1)


@rules.command("explain", short_help="Explain when a rule notifies, and whom.")
@_config
@click.argument("rule_id")
def rules_explain(*, config: Path, rule_id: str) -> None:
    """Explain when a rule notifies and which channels, and show a record that it matches."""
    from audit_ops.rules import explain
    from audit_rules import load_config

    loaded = load_config(config)
    click.echo("\n".join(explain(loaded, _rule(loaded, rule_id, config))))


@rules.command("preview", short_help="Show a rule's notifications as recipients see them.")
@_config
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/preview"),
    show_default=True,
    help="The folder for the page with the notifications.",
)
@click.argument("rule_id")
def rules_preview(*, config: Path, output: Path, rule_id: str) -> None:
    """Show a rule's notifications as recipients see them, for its first matching example.

    Prints the text for each channel, and writes an HTML page into the output folder.
    """
    from audit_ops.rules.preview import page_of, preview
    from audit_rules import load_config

    loaded = load_config(config)
    rule = _rule(loaded, rule_id, config)
    shown = preview(loaded, rule)
    output.mkdir(parents=True, exist_ok=True)
    page = output / f"{rule.id}.html"
    page.write_text(page_of(shown, rule.title), encoding="utf-8")
    for each in shown:
        click.echo(f"── {each.channel}\n{each.text.strip()}\n")
    click.echo(f"As recipients see them: {page}")


@rules.command("new", short_help="Create a rule from a record.")
@_config
@click.argument("record", type=click.File(encoding="utf-8"), default="-")
def rules_new(*, config: Path, record: TextIO) -> None:
    """Create a rule from a record that it should match, and print its TOML.

    RECORD is a file of lines that audit_lib wrote, by default standard input. The first record of an
    application is used. An action that audit.toml does not declare is added.
    """
    from audit_ops.rules import rule_skeleton
    from audit_rules import load_config

    click.echo(rule_skeleton(record, load_config(config)), nl=False)


@rules.command("compare", short_help="Compare our evaluation of patterns with AWS's.")
@click.option(
    "--region", help="The Region of the account; by default the one of your AWS configuration."
)
@click.argument("cases", type=click.Path(dir_okay=False, path_type=Path))
def rules_compare(*, region: str | None, cases: Path) -> None:
    """Compare our evaluation of filter patterns with AWS's, on a file of cases.

    CASES has one JSON object per line: {"pattern": "...", "messages": ["..."]}. The command calls
    TestMetricFilter with your AWS credentials, which creates nothing and is free. The exit status is 1
    if a result differs.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    from audit_ops.rules.comparison import compare, read_cases

    found = list(read_cases(cases))
    try:
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
        lines = list(compare(found, session.client("logs")))
    except BotoCoreError as error:
        raise click.ClickException(
            f"TestMetricFilter cannot be called: {str(error).rstrip('.')}; check your AWS"
            " credentials, --region and the network"
        ) from error
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
    from audit_ops.rules.replay_report import replay_report

    for path in paths:
        if not path.is_file():
            found = "is not a regular file" if path.exists() else "does not exist"
            raise ReplayError(f"{path}: {found}; pass a file of records, gzipped or not")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("records", total=sum(path.stat().st_size for path in paths))
        lines = (
            line for path in paths for line in lines_of(path, lambda n: progress.advance(task, n))
        )
        result = replay(lines, config)
    _console().print(replay_report(result, config))


def _rule(config: "AuditConfig", rule_id: str, path: Path) -> "Rule":
    try:
        return config.rule(rule_id)
    except KeyError:
        ids = [rule.id for rule in config.rules]
        close = closest(rule_id, ids)
        hint = f"did you mean {close!r}?" if close else f"the rules are: {', '.join(ids)}"
        raise click.BadParameter(
            f"{path} has no rule {rule_id!r}; {hint}", param_hint="RULE_ID"
        ) from None


@main.group(short_help="Show and mend what people are told.")
def outbox() -> None:
    """Show and mend what people are told of: the outbox of a deployed trail.

    The credentials and the Region come from the environment, as for `audit deploy`.
    """


@outbox.command("list", short_help="Count the items by state, rule and channel.")
@_config
@click.option(
    "--keys", is_flag=True, help="List each item that waits or was not told, with its key."
)
def outbox_list(*, config: Path, keys: bool) -> None:
    """Count the items by state, rule and channel, and say why they wait."""
    from datetime import UTC, datetime

    from audit_ops.telling.report import groups_report, items_report

    view = _outbox(config)
    _console().print(
        items_report(view.items()) if keys else groups_report(view.groups(datetime.now(UTC)))
    )


@outbox.command("why", short_help="Show an item.")
@_config
@click.argument("key")
def outbox_why(*, config: Path, key: str) -> None:
    """Show an item: its state, since when and why, and its line if it was not told yet."""
    from audit_ops.telling.report import item_report

    _console().print(item_report(_outbox(config).item(key)))


@outbox.command("retry", short_help="Send refused and unsure items again.")
@_config
@click.argument("keys", nargs=-1, required=True)
def outbox_retry(*, config: Path, keys: tuple[str, ...]) -> None:
    """Let refused and unsure items wait again; they are sent within a minute."""
    _outbox(config).retry(keys, _now_ms())
    click.echo(f"{len(keys)} items wait again")


@outbox.command("drop", short_help="End items that wait, without telling anybody.")
@_config
@click.option("--reason", required=True, help="Why; stored in the items.")
@click.argument("keys", nargs=-1, required=True)
def outbox_drop(*, config: Path, reason: str, keys: tuple[str, ...]) -> None:
    """End items that wait as muted, without telling anybody."""
    _outbox(config).drop(keys, reason, _now_ms())
    click.echo(f"{len(keys)} items are muted")


@outbox.command("move", short_help="Move what waits for a channel to another one.")
@_config
@click.argument("source")
@click.argument("target")
def outbox_move(*, config: Path, source: str, target: str) -> None:
    """Move what waits for the channel SOURCE, which audit.toml may not have any more, to TARGET."""
    click.echo(f"{_outbox(config).move(source, target, _now_ms())} items moved")


@outbox.command("rebuild", short_help="Match the records of the log group again.")
@_config
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    required=True,
    help="The time of the first record, in UTC.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
def outbox_rebuild(*, config: Path, since: "datetime", yes: bool) -> None:
    """Match all records of the audit log group since a time, such as after the table was lost.

    People are told of those that the outbox does not have.
    """
    from datetime import UTC

    import boto3

    from audit_ops.telling.rebuild import rebuild
    from audit_rules import load_config

    names = load_config(config).names
    if not yes:
        click.confirm(
            f"Tell people of all records since {since} UTC that are not in the outbox?", abort=True
        )
    since_ms = int(since.replace(tzinfo=UTC).timestamp() * 1000)
    for state, count in rebuild(names, since_ms, boto3.client).items():  # type: ignore[arg-type] # boto3's overloads
        click.echo(f"{state}: {count:,}")


@main.command(short_help="Send dead letters to their functions again.")
@_config
def redrive(*, config: Path) -> None:
    """Invoke the functions of the trail with their dead letters again, and delete those that succeed."""
    import boto3

    from audit_ops.telling.redrive import redrive as run
    from audit_ops.telling.stack import deployed_stack
    from audit_rules import load_config

    names = load_config(config).names
    stack = deployed_stack(names.trail, boto3.client)  # type: ignore[arg-type] # boto3's overloads
    failed = 0
    for letter in run(names, stack.queues, boto3.client):  # type: ignore[arg-type] # the same
        failed += bool(letter.error)
        click.echo(f"{letter.function}: {letter.error or 'succeeded'}")
    if failed:
        raise click.ClickException(f"{failed} letters failed again, and stay in their queues")


def _outbox(path: Path) -> "OutboxView":
    import boto3

    from audit_ops.telling.outbox import OutboxView
    from audit_ops.telling.stack import deployed_stack
    from audit_rules import load_config

    config = load_config(path)
    stack = deployed_stack(config.name, boto3.client)  # type: ignore[arg-type] # boto3's overloads
    dynamodb = boto3.client("dynamodb")
    return OutboxView(config=config, dynamodb=dynamodb, table=stack.outbox_table)


def _now_ms() -> int:
    import time

    return int(time.time() * 1000)


def _console() -> "Console":
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)


@main.group(short_help="Run AWS on this machine: the embedded cloud.")
def local() -> None:
    """Start, deploy to and stop the embedded cloud, which emulates AWS on this machine."""


@local.command("up")
@_port
@click.option("--region", default="eu-west-1", show_default=True, help="The cloud's only Region.")
@click.option("--detach", "-d", is_flag=True, help="Run in the background; log to a file.")
@click.option("--verbose", "-v", is_flag=True, help="Log each API call.")
def local_up(*, port: int, region: str, detach: bool, verbose: bool) -> None:
    """Start the embedded cloud on localhost. Its state is lost when it stops."""
    from audit_ops.running import up_in_background

    if detach:
        output = Path("build/local/up.log")
        endpoint = up_in_background(port=port, region=region, verbose=verbose, output=output)
        click.echo(f"{endpoint}/_cloud  (log: {output})")
    else:
        from audit_ops.serve import up

        up(port=port, region=region, verbose=verbose)


@local.command(
    "deploy",
    context_settings={"ignore_unknown_options": True},
    short_help="Deploy to the embedded cloud, as `audit deploy` to AWS.",
)
@_port
@_config
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[CDK_OPTIONS]...")
def local_deploy(*, port: int, config: Path, options: tuple[str, ...]) -> None:
    """Deploy to the embedded cloud with the CDK CLI, in the same steps as `audit deploy`.

    First creates the source log groups, and the secrets and senders of the channels. Shows no plan and does
    not ask for confirmation: `cdk deploy` runs with `--require-approval never`. CDK_OPTIONS are passed to
    `cdk deploy` unchanged.
    """
    from audit_ops.rollout import Cdk, Plan, synthesize
    from audit_ops.running import connect, settle
    from audit_rules import load_config

    loaded = load_config(config)
    client, environment = connect(port, loaded)
    assembly = synthesize(Path(), Path("build/local/cdk.out"), config=str(config.resolve()))
    plan = Plan.read(loaded, assembly, client)
    Cdk(Path.cwd(), environment).roll_out(plan, assembly, ask=False, options=options)
    health = settle(port)
    for name, status in health["stacks"].items():
        click.echo(f"{name}: {status}")
    click.echo(f"State of the cloud: {health['endpoint']}/_cloud")


@local.command("down")
@_port
def local_down(*, port: int) -> None:
    """Stop the embedded cloud, and wait for its end. Its state is lost."""
    from audit_ops.running import down

    down(port=port)
