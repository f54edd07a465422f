"""Patches moto's CloudWatch alarms: runs their actions, and records their state changes."""

from typing import Any

from moto.cloudwatch.exceptions import ResourceNotFound, ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.alarms import described, not_evaluated

__all__ = ["install"]

_TRANSITIONED = "state_transitioned_timestamp"  # moto has no such attribute
_STATE = (
    "state_value", "state_reason", "state_reason_data", "state_updated_timestamp", _TRANSITIONED,
)  # fmt: skip


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Run the actions of state changes, and make moto's alarms behave as on AWS.

    A new alarm starts in `INSUFFICIENT_DATA`, `SetAlarmState` of an unknown alarm fails without a message,
    and `DescribeAlarmHistory`, which moto lacks, returns the state changes. An alarm that is not evaluated
    here, such as one with dimensions, is rejected; an update keeps the alarm's state.
    """

    def update_state(alarm: Alarm, reason: str, reason_data: str | None, state_value: str) -> None:
        before = cloud.alarms.condition(alarm)
        original_state(alarm, reason, reason_data, state_value)
        vars(alarm)[_TRANSITIONED] = alarm.state_updated_timestamp
        cloud.alarms.changed(alarm, before)

    original_state = patches.replace(
        Alarm, "update_state", "self reason reason_data state_value", update_state
    )

    def put_metric_alarm(backend: CloudWatchBackend, **given: Any) -> Any:
        if reason := not_evaluated(given):
            raise ValidationError(f"{reason} (the alarm {given['name']})")
        known = backend.alarms.get(given["name"])
        alarm = original_alarm(backend, **given)
        if known is not None:  # an update does not change the state, which moto resets to OK
            for name in _STATE:
                vars(alarm)[name] = vars(known)[name]
        if known is None:  # an alarm starts in INSUFFICIENT_DATA, not OK
            alarm.state_value = "INSUFFICIENT_DATA"
            alarm.state_reason_data = None
            vars(alarm)[_TRANSITIONED] = alarm.state_updated_timestamp
        alarm.metric_data_queries = alarm.metric_data_queries or None  # an empty list is omitted
        return alarm

    original_alarm = patches.replace(
        CloudWatchBackend,
        "put_metric_alarm",
        "self name namespace metric_name comparison_operator evaluation_periods period threshold"
        " statistic description dimensions alarm_actions metric_data_queries datapoints_to_alarm"
        " extended_statistic ok_actions insufficient_data_actions unit actions_enabled"
        " treat_missing_data evaluate_low_sample_count_percentile threshold_metric_id rule tags",
        put_metric_alarm,
    )

    _operations(patches, cloud)


def _operations(patches: Patches, cloud: HookedCloud) -> None:
    def set_alarm_state(
        backend: CloudWatchBackend,
        alarm_name: str,
        reason: str,
        reason_data: str | None,
        state_value: str,
    ) -> None:
        if alarm_name not in backend.alarms:
            raise ResourceNotFound("")  # AWS sends no message, moto does
        original_set(backend, alarm_name, reason, reason_data, state_value)

    original_set = patches.replace(
        CloudWatchBackend,
        "set_alarm_state",
        "self alarm_name reason reason_data state_value",
        set_alarm_state,
    )

    def describe_alarm_history(response: CloudWatchResponse) -> ActionResult:
        given = response._get_params()  # noqa: SLF001 - moto's own way
        found = cloud.alarms.history(given.get("AlarmName"), given.get("HistoryItemType"))
        return ActionResult({"AlarmHistoryItems": found})

    patches.add(CloudWatchResponse, "describe_alarm_history", describe_alarm_history)

    def describe_alarms(response: CloudWatchResponse) -> ActionResult:
        """Return the alarms that satisfy all given parameters, of which moto obeys the first alone."""
        backend = response.cloudwatch_backend
        return ActionResult(described(backend.alarms.values(), response._get_params()))  # noqa: SLF001

    patches.replace(CloudWatchResponse, "describe_alarms", "self", describe_alarms)
