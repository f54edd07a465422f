"""Patches moto's EventBridge: rejects rules and targets that are not evaluated here."""

from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend

from local_cloud.hooks._protocol import HookedCloud
from local_cloud.hooks.patches import Patches
from local_cloud.services.messaging import schedule_seconds

__all__ = ["install"]


def install(patches: Patches, cloud: HookedCloud) -> None:
    """Reject rules without a `rate(…)` schedule, and targets that are not functions."""
    del cloud

    def put_rule(backend: EventsBackend, name: str, **given: Any) -> Any:
        if given.get("event_pattern"):
            raise ValidationException(
                "the embedded cloud does not support EventPattern; use a ScheduleExpression"
            )
        if expression := given.get("scheduled_expression"):
            try:
                schedule_seconds(expression)
            except ValueError as error:
                raise ValidationException(f"EventBridge rule {name}: {error}") from error
        return original_rule(backend, name, **given)

    original_rule = patches.replace(
        EventsBackend,
        "put_rule",
        "self name description event_bus_arn event_pattern role_arn scheduled_expression state"
        " managed_by tags",
        put_rule,
    )

    def put_targets(
        backend: EventsBackend,
        name: str,
        event_bus_arn: str | None,
        targets: list[dict[str, Any]],
    ) -> None:
        for target in targets:
            if target["Arn"].startswith("arn:") and ":function:" not in target["Arn"]:
                raise ValidationException(
                    f"the embedded cloud does not support the target {target['Arn']}; use a function"
                )
        original_targets(backend, name, event_bus_arn, targets)

    original_targets = patches.replace(
        EventsBackend, "put_targets", "self name event_bus_arn targets", put_targets
    )
