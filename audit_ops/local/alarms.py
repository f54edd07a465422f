"""CloudWatch alarms: from metrics to states, and from a change of state to a message.

The evaluation follows the documented tables: among the periods of the evaluation range, which is
somewhat longer than asked for, the most recent data points decide; missing ones are filled in as the
alarm says only where there are too few.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import json
import logging
import operator
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from audit_ops.local.clock import Clock

__all__ = ["Alarms"]

_MINUTE: Final = 60
# CloudWatch looks at more periods than asked for; how many, it does not say. Its table has two.
_EXTRA_PERIODS: Final = 2
_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_Metric = tuple[str, str, str]

log = logging.getLogger(__name__)


class Alarms:
    """Counts per minute what metric filters find, and evaluates the alarms on sums of it."""

    def __init__(self, *, clock: Clock, publish: Callable[[str, str, str], None]) -> None:
        self._clock = clock
        self._publish = publish
        self._sums: dict[_Metric, dict[int, float]] = defaultdict(lambda: defaultdict(float))

    def count(self, region: str, namespace: str, name: str, value: float, at_ms: int) -> None:
        """Add a value to a metric, at its own time."""
        minute = at_ms // 1000 // _MINUTE * _MINUTE
        self._sums[region, namespace, name][minute] += value

    def tick(self) -> None:
        """Evaluate all alarms as of now."""
        now = self._clock.now()
        for region, backend in cloudwatch_backends[DEFAULT_ACCOUNT_ID].items():
            for alarm in list(backend.alarms.values()):
                state, reason = self._state(region, alarm, now)
                if state != alarm.state_value:
                    alarm.update_state(reason, "{}", state)

    def changed(self, alarm: Alarm, before: str) -> None:
        """Run the actions of an alarm's new state."""
        if alarm.state_value == before:
            return
        log.info("alarm %s: %s → %s", alarm.name, before, alarm.state_value)
        if not alarm.actions_enabled:
            return
        arns = {
            "OK": alarm.ok_actions,
            "ALARM": alarm.alarm_actions,
            "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
        }[alarm.state_value]
        message = json.dumps(self._message(alarm, before))
        subject = f'{alarm.state_value}: "{alarm.name}" in {alarm.region_name}'[:100]
        for arn in arns or []:
            self._publish(arn, subject, message)

    def _state(self, region: str, alarm: Alarm, now: float) -> tuple[str, str]:
        """Give the state that an alarm has by its data, and the reason."""
        compare = _COMPARISONS[alarm.comparison_operator]
        needed = alarm.evaluation_periods
        values = self._values(region, alarm, now)
        present = [value for value in values if value is not None]
        missing = max(needed - len(present), 0)
        treatment = alarm.treat_missing_data or "missing"
        breaching = sum(compare(value, alarm.threshold) for value in present[:needed])
        if missing and treatment == "breaching":
            breaching += missing
        elif missing and treatment == "ignore" and not present:
            return alarm.state_value, alarm.state_reason
        elif missing and treatment == "missing" and not present:
            return "INSUFFICIENT_DATA", "Insufficient Data: no datapoints were received"
        if breaching >= (alarm.datapoints_to_alarm or needed):
            found = ", ".join(f"{value}" for value in present[:needed]) or "no datapoints"
            return "ALARM", f"Threshold Crossed: [{found}] against {alarm.threshold}."
        return "OK", f"{len(present)} datapoints were not breaching {alarm.threshold}."

    def _values(self, region: str, alarm: Alarm, now: float) -> list[float | None]:
        """Give the sums of the evaluation range's periods, the latest first."""
        sums = self._sums.get((region, alarm.namespace, alarm.metric_name), {})
        period = max(int(alarm.period), _MINUTE)
        end = int(now) // _MINUTE * _MINUTE
        if alarm.comparison_operator.startswith("Greater"):
            end += _MINUTE  # a sum only grows: the current minute can only add
        values: list[float | None] = []
        for number in range(alarm.evaluation_periods + _EXTRA_PERIODS):
            last = end - number * period
            minutes = [sums[at] for at in range(last - period, last, _MINUTE) if at in sums]
            values.append(sum(minutes) if minutes else None)
        return values

    def _message(self, alarm: Alarm, before: str) -> dict[str, Any]:
        return {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": DEFAULT_ACCOUNT_ID,
            "AlarmConfigurationUpdatedTimestamp": _written(alarm.configuration_updated_timestamp),
            "NewStateValue": alarm.state_value,
            "NewStateReason": alarm.state_reason,
            "StateChangeTime": _written(datetime.fromtimestamp(self._clock.now(), UTC)),
            "Region": alarm.region_name,
            "AlarmArn": alarm.alarm_arn,
            "OldStateValue": before,
            "OKActions": alarm.ok_actions or [],
            "AlarmActions": alarm.alarm_actions or [],
            "InsufficientDataActions": alarm.insufficient_data_actions or [],
            "Trigger": {
                "MetricName": alarm.metric_name,
                "Namespace": alarm.namespace,
                "StatisticType": "Statistic",
                "Statistic": (alarm.statistic or "").upper(),
                "Unit": alarm.unit,
                "Dimensions": [{"name": d.name, "value": d.value} for d in alarm.dimensions],
                "Period": int(alarm.period),
                "EvaluationPeriods": alarm.evaluation_periods,
                "ComparisonOperator": alarm.comparison_operator,
                "Threshold": float(alarm.threshold),
                "TreatMissingData": alarm.treat_missing_data or "",
                "EvaluateLowSampleCountPercentile": "",
            },
        }


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}+0000"
