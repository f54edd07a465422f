"""Formats findings and example results for `audit rules check` and `audit rules test`."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree as ET

from audit_rules import AuditConfig, ExampleResult, ReviewFinding

__all__ = ["findings_report", "junit_report", "trials_report"]


def findings_report(config: AuditConfig, findings: Sequence[ReviewFinding]) -> Iterator[str]:
    """Yield a line for each finding, errors first, and the numbers of rules, examples and findings."""
    for level in ("error", "warning"):
        yield from (f"{level:<8}{each}" for each in findings if each.level == level)
    errors = sum(each.level == "error" for each in findings)
    examples = sum(len(rule.examples) for rule in config.rules)
    yield (
        f"{_number(len(config.rules), 'rule')}, {_number(examples, 'example')}:"
        f" {_number(errors, 'error')}, {_number(len(findings) - errors, 'warning')}"
    )


def trials_report(trials: Sequence[ExampleResult]) -> Iterator[str]:
    """Yield the results of examples, grouped by rule, and a line with their number and that of failures."""
    for rule, of_rule in groupby(trials, key=lambda trial: trial.rule.id):
        yield rule
        for number, trial in enumerate(of_rule, 1):
            does = "matches" if trial.matched else "does not match"
            wrong = "" if trial.passed else f"; it {trial.expected}: {trial.rule.pattern.text}"
            named = trial.example.name or f"example {number}"
            yield f"  {'ok    ' if trial.passed else 'FAILED'}  {named}: {does}{wrong}"
    failed = sum(not trial.passed for trial in trials)
    yield f"{_number(len(trials), 'example')}, {failed} failed"


def junit_report(trials: Iterable[ExampleResult], findings: Iterable[ReviewFinding]) -> bytes:
    """Return example results and findings as JUnit XML, for display in CI.

    Failed examples and errors are failures; warnings are passed tests.
    """
    suite = ET.Element("testsuite", name="audit rules")
    for number, trial in enumerate(trials, 1):
        named = trial.example.name or f"example {number}"
        case = ET.SubElement(suite, "testcase", classname=trial.rule.id, name=named)
        if not trial.passed:
            ET.SubElement(case, "failure", message=str(trial)).text = trial.example.line
    for finding in findings:
        case = ET.SubElement(suite, "testcase", classname=finding.place, name=finding.text)
        if finding.level == "error":
            ET.SubElement(case, "failure", message=str(finding))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("*/failure"))))
    xml: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return xml


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
