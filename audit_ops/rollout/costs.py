"""Estimates the monthly costs of a trail from its template, at AWS's list prices.

The prices are those of Ireland (eu-west-1), in US dollars, before any free tier; other Regions differ
by about ten per cent. Sources: https://aws.amazon.com/cloudwatch/pricing/,
https://aws.amazon.com/kms/pricing/, https://aws.amazon.com/lambda/pricing/
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["PER_GB_INGESTED", "PER_GB_MONTH_STORED", "Cost", "monthly_costs"]

PER_GB_INGESTED: Final = 0.57
PER_GB_MONTH_STORED: Final = 0.03
_PER_KEY: Final = 1.00
_PER_ALARM: Final = 0.10
_PER_METRIC: Final = 0.30
# Every minute: two functions (512 MB, arm64, a fifth of a second each), DescribeAlarms, and ten reads of the outbox.
_SWEEPS: Final = 365 * 24 * 60 / 12
_PER_SWEEP: Final = 2 * (0.2 * 0.5 * 0.0000133334 + 0.20 / 1e6) + 0.01 / 1e3 + 10 * 0.1415 / 1e6


@dataclass(frozen=True, slots=True)
class Cost:
    """An item of the estimate, and its monthly costs in US dollars."""

    item: str
    dollars: float


def monthly_costs(template: Mapping[str, Any]) -> Iterator[Cost]:
    """Yield the monthly costs of a template's keys, alarms, metrics and sweeps, without any audit records."""
    count = Counter(resource["Type"] for resource in template["Resources"].values())
    keys, alarms = count["AWS::KMS::Key"], count["AWS::CloudWatch::Alarm"]
    metrics = count["AWS::Logs::MetricFilter"]
    yield Cost(f"{keys} encryption key (up to three times that after two yearly rotations)", keys * _PER_KEY)  # fmt: skip
    yield Cost(f"{alarms} alarms", alarms * _PER_ALARM)
    yield Cost(f"{metrics} metrics, if each counts something all month", metrics * _PER_METRIC)
    yield Cost("functions: what runs every minute", _SWEEPS * _PER_SWEEP)
