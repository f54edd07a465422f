"""Patches moto's SNS to invoke subscribed functions."""

import json
from typing import Any

from moto.sns.models import Subscription

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.messaging import DeadLetter, sns_event, sns_notification

__all__ = ["install"]


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Invoke functions with the messages of topics.

    A message that the function's policy does not allow goes to the subscription's dead-letter queue.
    Subscriptions of other protocols stay moto's.
    """

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
            dead_letter=DeadLetter(redrive.get("deadLetterTargetArn", ""), notification),
        )

    original_publish = patches.replace(
        Subscription,
        "publish",
        "self message message_id subject message_attributes group_id deduplication_id"
        " message_structure",
        publish,
    )
