"""Implements the `audit rules` commands, which check, test, explain, preview and create rules."""

from .explanation import explain
from .reports import findings_report, junit_report, trials_report
from .skeleton import rule_skeleton

__all__ = ["explain", "findings_report", "junit_report", "rule_skeleton", "trials_report"]
