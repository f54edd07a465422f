"""Evaluates CloudWatch alarms on the statistic `Sum`, publishes state changes, and keeps a history.

The evaluation range is two periods longer than `EvaluationPeriods`, as in AWS's documented examples. The
most recent data points in it decide; only if there are too few, missing data is treated as configured.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import json
import logging
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import botocore.session
from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from local_cloud.services.clock import Clock
from local_cloud.services.metrics import MINUTE, DataPoint, Metrics, minute_of

__all__ = ["Alarms", "described", "not_evaluated"]

# CloudWatch evaluates more periods than configured; how many is not documented. Its table has two.
_EXTRA_PERIODS: Final = 2
_COMPARISONS: Final[dict[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
# Arguments of moto's put_metric_alarm, and the parameters of PutMetricAlarm that they come from.
_NOT_EVALUATED: Final = {
    "dimensions": "Dimensions", "extended_statistic": "ExtendedStatistic",
    "metric_data_queries": "Metrics", "rule": "AlarmRule",
    "evaluate_low_sample_count_percentile": "EvaluateLowSampleCountPercentile",
    "threshold_metric_id": "ThresholdMetricId",
}  # fmt: skip
_MAX_ALARMS: Final = 100
_PAGE: Final = 50
_TREATMENTS: Final = {"breaching": "Breaching", "notBreaching": "NonBreaching", "ignore": "Ignore"}

log = logging.getLogger(__name__)


class Alarms:
    """Evaluates all alarms, publishes their state changes, and keeps the alarm history.

    Args:
        clock: the cloud's clock.
        metrics: the values of metric filters.
        publish: publishes a message; called with the action's ARN, subject and message.
    """

    def __init__(
        self, *, clock: Clock, metrics: Metrics, publish: Callable[[str, str, str], None]
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._publish = publish
        self._history: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def tick(self) -> None:
        """Evaluate all alarms at the clock's current time, and update their states."""
        now = self._clock.now()
        for region, backend in cloudwatch_backends[DEFAULT_ACCOUNT_ID].items():
            for alarm in list(backend.alarms.values()):
                self._evaluate(region, alarm, now)

    @staticmethod
    def condition(alarm: Alarm) -> dict[str, Any]:
        """Return an alarm's state, reason and reason data, in the form of `HistoryData`."""
        found = {"stateValue": alarm.state_value, "stateReason": alarm.state_reason}
        if alarm.state_reason_data:
            found["stateReasonData"] = json.loads(alarm.state_reason_data)
        return found

    def changed(self, alarm: Alarm, before: dict[str, Any]) -> None:
        """Record a state change of an alarm, and publish to the actions of the new state.

        Nothing happens if the state is the same. If the alarm's actions are disabled, the change is only
        recorded.

        Args:
            alarm: the alarm, in its new state.
            before: the previous state, as returned by `condition`.
        """
        previous = before["stateValue"]
        if alarm.state_value == previous:
            return
        log.info("alarm %s: %s → %s", alarm.name, previous, alarm.state_value)
        data = {"version": "1.0", "oldState": before, "newState": self.condition(alarm)}
        self._history[alarm.name].append(
            {
                "AlarmName": alarm.name,
                "AlarmType": "MetricAlarm",
                "Timestamp": datetime.fromtimestamp(self._clock.now(), UTC),
                "HistoryItemType": "StateUpdate",
                "HistorySummary": f"Alarm updated from {previous} to {alarm.state_value}",
                "HistoryData": json.dumps(data),
            }
        )
        if not alarm.actions_enabled:
            return
        arns = {
            "OK": alarm.ok_actions,
            "ALARM": alarm.alarm_actions,
            "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
        }[alarm.state_value]
        region = _region_name(alarm.region_name)
        message = json.dumps(self._message(alarm, previous))
        for arn in arns or []:
            self._publish(arn, f'{alarm.state_value}: "{alarm.name}" in {region}'[:100], message)

    def history(self, name: str | None, item_type: str | None) -> list[dict[str, Any]]:
        """Return the history of one alarm, or of all for None, latest first.

        Args:
            name: the alarm's name, or None.
            item_type: the `HistoryItemType`, or None for all; only `StateUpdate` exists.
        """
        items = [
            item
            for alarm, own in self._history.items()
            for item in own
            if name in {None, alarm} and item_type in {None, item["HistoryItemType"]}
        ]
        return sorted(items, key=lambda item: item["Timestamp"], reverse=True)

    def _evaluate(self, region: str, alarm: Alarm, now: float) -> None:
        """Set an alarm to the state that results from its data points."""
        state, points = self._state(region, alarm, now)
        if state != alarm.state_value:
            reason = _reason(alarm, state, points)
            alarm.update_state(reason, json.dumps(_reason_data(alarm, points, now)), state)

    def _state(self, region: str, alarm: Alarm, now: float) -> tuple[str, list[DataPoint]]:
        """Return the state that results from an alarm's data points, and these points, latest first."""
        compare, _ = _COMPARISONS[alarm.comparison_operator]
        needed = alarm.evaluation_periods
        points = self._points(region, alarm, now)[:needed]
        treatment = alarm.treat_missing_data or "missing"
        if not points and treatment == "ignore":
            return alarm.state_value, points
        if not points and treatment == "missing":
            return "INSUFFICIENT_DATA", points
        breaching = sum(compare(point.value, alarm.threshold) for point in points)
        if treatment == "breaching":
            breaching += needed - len(points)
        return "ALARM" if breaching >= (alarm.datapoints_to_alarm or needed) else "OK", points

    def _points(self, region: str, alarm: Alarm, now: float) -> list[DataPoint]:
        """Return the sums of the periods in the evaluation range that have data, latest first."""
        metric = (region, alarm.namespace, alarm.metric_name)
        period = max(int(alarm.period), MINUTE)
        end = minute_of(int(now))
        if alarm.comparison_operator.startswith("Greater"):
            end += MINUTE  # a sum only grows, so the current minute can count
        found = (
            self._metrics.point(metric, end - (number + 1) * period, period)
            for number in range(alarm.evaluation_periods + _EXTRA_PERIODS)
        )
        return [point for point in found if point is not None]

    def _message(self, alarm: Alarm, before: str) -> dict[str, Any]:
        return {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": DEFAULT_ACCOUNT_ID,
            "AlarmConfigurationUpdatedTimestamp": _written(alarm.configuration_updated_timestamp),
            "NewStateValue": alarm.state_value,
            "NewStateReason": alarm.state_reason,
            "StateChangeTime": _written(datetime.fromtimestamp(self._clock.now(), UTC)),
            "ActionExecutedAfterMuteWindow": False,
            "Region": _region_name(alarm.region_name),
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


def not_evaluated(given: Mapping[str, Any]) -> str | None:
    """Return why an alarm is not supported, or None if it is evaluated.

    Args:
        given: the arguments of moto's `put_metric_alarm`.
    """
    return next(_problems(given), None)


def _problems(given: Mapping[str, Any]) -> Iterator[str]:
    no = "the embedded cloud does not support"
    instead = "use Sum of a metric without dimensions"
    for name, shown in _NOT_EVALUATED.items():
        if given.get(name):
            yield f"{no} alarms with {shown}; {instead}"
    if given.get("statistic") != "Sum":
        yield f"{no} alarms on the statistic {given.get('statistic') or 'none'}; {instead}"
    period, unit = int(given.get("period") or 0), given.get("unit")
    if period < MINUTE or period % MINUTE:
        yield f"{no} a Period of {period}; use a multiple of 60"
    if unit not in {None, "None"}:
        yield f"{no} alarms with the Unit {unit}; remove it"
    if (comparison := given.get("comparison_operator")) not in _COMPARISONS:
        yield f"{no} the ComparisonOperator {comparison}; use one of {', '.join(_COMPARISONS)}"
    if (treatment := given.get("treat_missing_data")) not in {None, "missing", *_TREATMENTS}:
        yield f"{no} {treatment} as TreatMissingData; use missing, {', '.join(_TREATMENTS)}"


def described(alarms: Iterable[Alarm], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of `DescribeAlarms`: the alarms that satisfy all parameters, a page of them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html

    Args:
        alarms: all alarms, of which only metric alarms exist.
        given: the call's parameters; without `AlarmTypes`, metric alarms are returned.

    Raises:
        ValidationError: names are combined with a prefix, or `MaxRecords` is not 1 to 100.
    """
    names, prefix = given.get("AlarmNames"), given.get("AlarmNamePrefix", "")
    if names and prefix:
        raise ValidationError("AlarmNamePrefix and AlarmNames are mutually exclusive")
    most = int(given.get("MaxRecords", _PAGE))
    if not 1 <= most <= _MAX_ALARMS or len(names or ()) > _MAX_ALARMS:
        raise ValidationError(f"MaxRecords and the number of AlarmNames are 1 to {_MAX_ALARMS}")
    state, action = given.get("StateValue"), given.get("ActionPrefix", "")
    found = [
        alarm
        for alarm in sorted(alarms, key=lambda alarm: str(alarm.name))
        if "MetricAlarm" in (given.get("AlarmTypes") or ["MetricAlarm"])
        and (not names or alarm.name in names)
        and alarm.name.startswith(prefix)
        and state in {None, alarm.state_value}
        and (not action or any(each.startswith(action) for each in _actions(alarm)))
    ]
    begin = int(given.get("NextToken") or 0)
    page: dict[str, Any] = {"MetricAlarms": found[begin : begin + most], "CompositeAlarms": []}
    if begin + most < len(found):
        page["NextToken"] = str(begin + most)
    return page


def _actions(alarm: Alarm) -> list[str]:
    return [
        *(alarm.alarm_actions or []),
        *(alarm.ok_actions or []),
        *(alarm.insufficient_data_actions or []),
    ]


def _reason(alarm: Alarm, state: str, points: list[DataPoint]) -> str:
    """Return the `StateReason` of a state, in AWS's words."""
    missing = alarm.evaluation_periods - len(points)
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_counted(missing, 'datapoint')} unknown."
    treated = ""
    if missing and alarm.treat_missing_data in _TREATMENTS:
        verb = "treated as [" + _TREATMENTS[alarm.treat_missing_data] + "]"
        treated = f" and {_counted(missing, 'missing datapoint')} {verb}"
    if not points:
        periods = "1 period" if missing == 1 else f"{missing} periods"
        return f"Threshold Crossed: no datapoints were received for {periods}{treated}."
    values = ", ".join(f"{p.value} ({_day(p.at)})" for p in points)
    phrase = _COMPARISONS[alarm.comparison_operator][1]
    count = "1 datapoint" if len(points) == 1 else f"{len(points)} datapoints"
    verb = "was" if len(points) == 1 else "were"
    negation = "" if state == "ALARM" else " not"
    threshold = float(alarm.threshold)
    return (
        f"Threshold Crossed: {count} [{values}] {verb}{negation} {phrase} the threshold"
        f" ({threshold}){treated}."
    )


def _reason_data(alarm: Alarm, points: list[DataPoint], now: float) -> dict[str, Any]:
    period = int(alarm.period)
    data: dict[str, Any] = {"version": "1.0", "queryDate": _at(now)}
    if points:
        data["startDate"] = _at(points[-1].at)
        evaluated = [
            {"timestamp": _at(p.at), "sampleCount": float(p.samples), "value": p.value}
            for p in points
        ]
    else:
        last = minute_of(int(now))
        evaluated = [
            {"timestamp": _at(last - number * period)} for number in range(alarm.evaluation_periods)
        ]
    return data | {
        "statistic": alarm.statistic,
        "period": period,
        "recentDatapoints": [point.value for point in reversed(points)],
        "threshold": float(alarm.threshold),
        "evaluatedDatapoints": evaluated,
    }


@cache
def _region_name(code: str) -> str:
    """Return a Region's name as in CloudWatch's messages, such as `EU (Ireland)`; else its code."""
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    description = partitions[0]["regions"].get(code, {}).get("description", code)
    return str(description).replace("Europe (", "EU (")


def _counted(number: int, what: str) -> str:
    return f"1 {what} was" if number == 1 else f"{number} {what}s were"


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%d/%m/%y %H:%M:%S}"


def _at(seconds: float) -> str:
    return _written(datetime.fromtimestamp(seconds, UTC))


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}+0000"
