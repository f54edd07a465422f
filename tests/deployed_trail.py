"""A trail on the embedded cloud, and the questions that tests ask of it."""

import json
import re
from typing import Any

from audit_ops.world import World


class DeployedTrail:
    """A cloud with the trail deployed, and the receivers of its channels."""

    def __init__(self, world: World) -> None:
        self.cloud = world.cloud
        self._kept_before = len(self._all_kept())
        self.slack, self.mail = world.receivers["slack"], world.receivers["email"]

    def put(self, *lines: str | dict[str, Any]) -> None:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        self.cloud.put_lines("/app/shop", texts)
        self.cloud.settle()

    def kept(self) -> list[str]:
        """Return the records that were kept since this was made."""
        return self._all_kept()[self._kept_before :]

    def _all_kept(self) -> list[str]:
        logs = self.cloud.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/audit/records")
        lines = [event["message"] for page in pages for event in page["events"]]
        return [line for line in lines if not is_own(line)]

    def state(self) -> str:
        """Return the state of the phone rule's alarm."""
        name = "audit-mfa-phone-changed"
        alarms = self.cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])
        return str(alarms["MetricAlarms"][0]["StateValue"])

    def notified(self) -> list[str]:
        """Return the ids of the records in Slack's messages, in order."""
        return [id_ for post in self.slack.originals for id_ in named(post)]

    def mailed(self) -> list[str]:
        bodies = [mail.get_body(("plain",)).get_content() for mail in self.mail.originals]
        return [id_ for body in bodies for id_ in re.findall(r"changed User (\S+)", body)]


def is_own(line: str) -> bool:
    """Return whether a line is of the trail itself, about what was told, or about its chain."""
    return '"audit_trail.audit"' in line or '"audit_lib.audit"' in line


def named(post: dict[str, Any]) -> list[str]:
    return re.findall(r"changed User (\w+)", json.dumps(post["blocks"]))


def phone_change(id_: str) -> dict[str, Any]:
    return {
        "@timestamp": "2026-11-24T10:00:05.123Z",
        "message": "User profile changed",
        "log": {"logger": "shop.audit"},
        "event": {"id": id_, "action": "user-updated", "outcome": "success"},
        "user": {"name": "Ana Souza"},
        "changes": {
            "record_type": "user",
            "record_id": id_,
            "before": {"mfa_phone": "+34600111222"},
            "after": {"mfa_phone": "+34600000000"},
            "fields": {"mfa_phone": "updated"},
        },
    }
