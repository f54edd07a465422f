"""CloudWatch alarms, and the messages that follow: SNS, SES."""

import json
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.exceptions import ResourceNotFound
from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.ses.models import SESBackend
from moto.sns.models import Subscription

from local_cloud.hooks.patches import Patches
from local_cloud.services.messaging import Undelivered, sns_event, sns_notification

if TYPE_CHECKING:
    from local_cloud.cloud import LocalCloud

__all__ = ["install"]

_TRANSITIONED = "state_transitioned_timestamp"  # moto has none


def install(patches: Patches, cloud: "LocalCloud") -> None:
    """Let alarms and messages go on to what they are meant for."""
    _alarms(patches, cloud)
    _messages(patches, cloud)


def _alarms(patches: Patches, cloud: "LocalCloud") -> None:

    def update_state(alarm: Alarm, reason: str, reason_data: str | None, state_value: str) -> None:
        before = cloud.alarms.condition(alarm)
        original_state(alarm, reason, reason_data, state_value)
        vars(alarm)[_TRANSITIONED] = alarm.state_updated_timestamp
        cloud.alarms.changed(alarm, before)

    original_state = patches.replace(
        Alarm, "update_state", "self reason reason_data state_value", update_state
    )

    def put_metric_alarm(backend: CloudWatchBackend, **given: Any) -> Any:
        known = backend.alarms.get(given["name"])
        alarm = original_alarm(backend, **given)
        if known is None:  # an alarm begins without data, not as OK
            alarm.state_value = "INSUFFICIENT_DATA"
            alarm.state_reason_data = None
            vars(alarm)[_TRANSITIONED] = alarm.state_updated_timestamp
        alarm.metric_data_queries = alarm.metric_data_queries or None  # none is not told
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

    def set_alarm_state(
        backend: CloudWatchBackend,
        alarm_name: str,
        reason: str,
        reason_data: str | None,
        state_value: str,
    ) -> None:
        if alarm_name not in backend.alarms:
            raise ResourceNotFound("")  # AWS has no text for it, moto has one
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


def _messages(patches: Patches, cloud: "LocalCloud") -> None:
    def publish(  # noqa: PLR0913, PLR0917 - moto's own
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        if subscription.protocol != "lambda":
            original_publish(
                subscription, message, message_id, subject, message_attributes,
                group_id, deduplication_id, message_structure,
            )  # fmt: skip
            return
        notification = sns_notification(
            topic_arn=subscription.topic.arn,
            subscription_arn=subscription.arn,
            subject=subject,
            message=message,
            message_id=message_id,
            at=cloud.clock.now(),
        )
        redrive = json.loads(subscription.attributes.get("RedrivePolicy") or "{}")
        cloud.deliveries.deliver(
            "sns.amazonaws.com",
            subscription.topic.arn,
            subscription.endpoint,
            sns_event(subscription.arn, notification),
            undelivered=Undelivered(redrive.get("deadLetterTargetArn", ""), notification),
        )

    original_publish = patches.replace(
        Subscription,
        "publish",
        "self message message_id subject message_attributes group_id deduplication_id"
        " message_structure",
        publish,
    )

    def send_raw_email(
        backend: SESBackend, source: str, destinations: list[str], raw_data: str
    ) -> Any:
        sent = original_send(backend, source, list(destinations), raw_data)
        cloud.mails.send(source, destinations, raw_data)
        return sent

    original_send = patches.replace(
        SESBackend, "send_raw_email", "self source destinations raw_data", send_raw_email
    )
