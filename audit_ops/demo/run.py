"""The run: the template is synthesized and deployed, the story told, its outcome compared."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from audit_ops.demo.report import Outcome, ShownMessage, write_report
from audit_ops.demo.shop import ROOT, Shop
from audit_ops.demo.story import STORY, Act
from audit_ops.rollout.synthesis import synthesize
from audit_ops.world import World
from audit_rules import AUDIT_PATTERN, AuditConfig, load_config

__all__ = ["run_demo"]


def run_demo(output: Path) -> list[str]:
    """Run it, with progress on the terminal; give what was not as expected.

    Raises:
        AuditOpsError: it could not run.
    """
    console = Console(highlight=False)
    shop = Shop()
    config = load_config(ROOT / "audit.toml")
    with _step(console, "Synthesize the CDK app: the template that `cdk deploy` ships"):
        assembly = synthesize(ROOT, output.resolve().parent / "cdk.out")
    with World() as world, shop:
        with _step(console, "Deploy it on the embedded cloud, in this process"):
            _deployed(world, config, assembly)
        outcome = _Stage(config, world, shop).perform(console)
    write_report(outcome, output, console)
    return _problems(outcome, config)


def _deployed(world: World, config: AuditConfig, assembly: Path) -> None:
    world.prepare(config)
    world.cloud.deploy(assembly)
    world.cloud.settle()


@dataclass(slots=True)
class _Stage:
    config: AuditConfig
    world: World
    shop: Shop
    told: list[ShownMessage] = field(default_factory=list)

    def perform(self, console: Console) -> Outcome:
        """Act by act: ask the application, ship its lines, let everything happen."""
        lines = emitted = 0
        fired: Counter[str] = Counter()
        acts = []
        for act in STORY:
            with _step(console, act.title):
                self.world.cloud.advance(act.wait)
                printed = self.shop.do(act)
                self.world.cloud.put_lines(self.config.sources.log_groups[0], printed)
                self.world.cloud.advance(act.then)
            records = [line for line in printed if AUDIT_PATTERN.matches(line)]
            for line in records:
                fired.update(rule.id for rule in self.config.rules if rule.matches(line))
            acts.append((act, len(printed), len(records), self._new()))
            lines += len(printed)
            emitted += len(records)
        with _step(console, "Let ten minutes pass: nothing may be told twice"):
            self.world.cloud.advance(600)
        acts.append(
            (Act(title="Ten quiet minutes", method="", path="", records=0), 0, 0, self._new())
        )
        return Outcome(
            acts=acts,
            lines=lines,
            emitted=emitted,
            audit_records=self._kept(),
            matched=dict(fired),
            told=self.told,
        )

    def _new(self) -> list[ShownMessage]:
        """Return the notifications that came since the last call."""
        new = [
            ShownMessage(name, message.channel, message.original)
            for name, message in self.world.received()[len(self.told) :]
        ]
        self.told += new
        return new

    def _kept(self) -> int:
        pages = self.world.cloud.client("logs").get_paginator("filter_log_events")
        group = self.config.names.log_group
        return sum(len(page["events"]) for page in pages.paginate(logGroupName=group))


def _problems(outcome: Outcome, config: AuditConfig) -> list[str]:
    """Compare with the story: each act makes its records, each rule tells its channels once."""
    problems = [
        f"{act.title}: {records} audit records, not {act.records}"
        for act, _, records, _ in outcome.acts
        if records != act.records
    ]
    if outcome.audit_records != outcome.emitted:
        problems.append(f"{outcome.audit_records} records were kept of {outcome.emitted} emitted")
    for act, _, _, told in outcome.acts:
        wanted = sorted(config.rule(act.tells).channels) if act.tells else []
        found = sorted(each.channel for each in told if each.rule == act.tells)
        if wanted != found or len(told) != len(found):
            rules = sorted((each.rule, each.channel) for each in told)
            problems.append(
                f"{act.title}: {rules} were told, not {act.tells or 'nobody'}: {wanted}"
            )
    return problems


@contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    start = time.monotonic()
    with console.status(title):
        yield
    console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - start:.1f} s[/]")
