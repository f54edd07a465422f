"""The `audit` command: parses and calls, nothing else."""

from pathlib import Path

import click

from audit_ops.demo import DemoError, run_demo, serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    try:
        problems = run_demo(output)
        if problems:
            raise click.ClickException("not as expected:\n" + "\n".join(problems))
        if not once:
            serve(output)
    except DemoError as error:
        raise click.ClickException(str(error)) from error
