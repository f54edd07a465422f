"""Runs the demo: synthesizes and deploys the template, sends the requests, and checks the result."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from audit_ops.demo.report import (
    DemoNotification,
    DemoResult,
    files_of_earlier_run,
    write_report,
)
from audit_ops.demo.scenario import SCENARIO, DemoStep
from audit_ops.demo.shop import ROOT, Shop
from audit_ops.rollout.synthesis import synthesize
from audit_ops.world import World
from audit_rules import AUDIT_PATTERN, AuditConfig, load_config

__all__ = ["run_demo"]


def run_demo(output: Path) -> list[str]:
    """Run the demo, with progress on the terminal, and write its report into a folder.

    The cloud assembly is written to `cdk.out` beside the folder.

    Returns:
        The differences from the scenario, one sentence each; empty if there are none.

    Raises:
        AuditOpsError: the demo could not run.
    """
    files_of_earlier_run(output)  # an unsuitable folder is rejected before the run
    console = Console(highlight=False)
    shop = Shop()
    config = load_config(ROOT / "audit.toml")
    with _progress(console, "Synthesize the CDK app: the template that `cdk deploy` ships"):
        assembly = synthesize(ROOT, output.resolve().parent / "cdk.out")
    with World() as world, shop:
        with _progress(console, "Deploy it on the embedded cloud, in this process"):
            _deploy(world, config, assembly)
        result = _Run(config, world, shop).play(console)
    write_report(result, output, console)
    return _problems(result, config)


def _deploy(world: World, config: AuditConfig, assembly: Path) -> None:
    world.prepare(config)
    world.cloud.deploy(assembly)
    world.cloud.settle()


@dataclass(slots=True)
class _Run:
    config: AuditConfig
    world: World
    shop: Shop
    notifications: list[DemoNotification] = field(default_factory=list)

    def play(self, console: Console) -> DemoResult:
        """For each step, send the request, put the lines that it printed, and advance the clock."""
        lines = emitted = 0
        matched: Counter[str] = Counter()
        steps = []
        for step in SCENARIO:
            with _progress(console, step.title):
                self.world.cloud.advance(step.wait)
                printed = self.shop.send(step)
                self.world.put_lines(self.config.sources.log_groups[0], printed)
            records = [line for line in printed if AUDIT_PATTERN.matches(line)]
            for line in records:
                matched.update(rule.id for rule in self.config.rules if rule.matches(line))
            steps.append((step, len(printed), len(records), self._new()))
            lines += len(printed)
            emitted += len(records)
        with _progress(console, "Advance ten minutes: no record may be notified twice"):
            self.world.cloud.advance(600)
        steps.append(
            (DemoStep(title="Ten quiet minutes", method="", path="", records=0), 0, 0, self._new())
        )
        return DemoResult(
            steps=steps,
            lines=lines,
            emitted=emitted,
            audit_records=self._kept(),
            matched=dict(matched),
            notifications=self.notifications,
        )

    def _new(self) -> list[DemoNotification]:
        """Return the notifications that arrived since the last call."""
        new = [
            DemoNotification(name, message.channel, message.original)
            for name, message in self.world.received()[len(self.notifications) :]
        ]
        self.notifications += new
        return new

    def _kept(self) -> int:
        pages = self.world.cloud.client("logs").get_paginator("filter_log_events")
        group = self.config.names.log_group
        return sum(len(page["events"]) for page in pages.paginate(logGroupName=group))


def _problems(result: DemoResult, config: AuditConfig) -> list[str]:
    """Return the differences from the scenario in the records and the notifications of each step."""
    problems = [
        f"step {step.title!r}: found {records} audit records, expected {step.records}"
        for step, _, records, _ in result.steps
        if records != step.records
    ]
    if result.audit_records != result.emitted:
        problems.append(
            f"the log group {config.names.log_group} has {result.audit_records} audit records, the"
            f" application emitted {result.emitted}"
        )
    for step, _, _, notifications in result.steps:
        expected = (
            sorted((step.rule, channel) for channel in config.rule(step.rule).channels)
            if step.rule
            else []
        )
        found = sorted((each.rule, each.channel) for each in notifications)
        if expected != found:
            problems.append(
                f"step {step.title!r}: found the notifications {found}, expected {expected} (rule,"
                " channel)"
            )
    return problems


@contextmanager
def _progress(console: Console, title: str) -> Iterator[None]:
    start = time.monotonic()
    with console.status(title):
        yield
    console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - start:.1f} s[/]")
