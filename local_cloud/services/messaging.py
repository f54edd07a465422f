"""Formats SNS messages for functions, sends SES messages by SMTP, and runs EventBridge schedules."""

import re
import smtplib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends

from local_cloud.services.clock import Clock

__all__ = [
    "DeadLetter",
    "Mails",
    "Schedules",
    "schedule_seconds",
    "sns_event",
    "sns_notification",
]

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: the ARN of the dead-letter queue, empty for none, and the body in JSON types."""

    queue_arn: str
    body: Any


def sns_notification(  # noqa: PLR0913 - the members of a notification
    *,
    topic_arn: str,
    subscription_arn: str,
    subject: str | None,
    message: str,
    message_id: str,
    at: float,
) -> dict[str, Any]:
    """Return the JSON object of an SNS notification, with a placeholder as its signature.

    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    region = topic_arn.split(":")[3]
    host = f"https://sns.{region}.amazonaws.com"
    return {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": topic_arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": _instant(at),
        "SignatureVersion": "1",
        "Signature": "embedded",
        "SigningCertURL": f"{host}/SimpleNotificationService-embedded.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription_arn}",
        "MessageAttributes": {},
    }


def sns_event(subscription_arn: str, notification: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Lambda event of an SNS notification, in which two URL members have other names.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    renamed = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription_arn,
                "Sns": {renamed.get(name, name): value for name, value in notification.items()},
            }
        ]
    }


class Mails:
    """Sends the messages that SES accepted to a mail server by SMTP; without a server, does nothing.

    Attributes:
        production_access: whether the account has left the sandbox.
        suppressed: the reasons of the addresses on the account's suppression list, by address.
    """

    def __init__(self, smtp: tuple[str, int] | None) -> None:
        self._smtp = smtp
        self.production_access = False
        self.suppressed: dict[str, str] = {}

    def send(self, source: str, destinations: list[str], data: str) -> None:
        """Send a message, its line ends written as CR LF, once to each destination.

        Raises:
            OSError: the server cannot be reached within 10 seconds, or it rejects the message
                (`smtplib.SMTPException`).
        """
        if self._smtp is not None and destinations:
            message = re.sub(r"\r\n|\r|\n", "\r\n", data).encode()
            with smtplib.SMTP(*self._smtp, timeout=10) as server:
                server.sendmail(source, list(dict.fromkeys(destinations)), message)


class Schedules:
    """Invokes the targets of enabled EventBridge rules with a `rate(…)` expression; `PutRule` rejects others.

    Args:
        clock: the cloud's clock.
        deliver: delivers a scheduled event; called with the rule's ARN, the target and the event.
    """

    def __init__(
        self, *, clock: Clock, deliver: Callable[[str, Mapping[str, Any], dict[str, Any]], None]
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._due: dict[str, float] = {}

    def tick(self) -> None:
        """Invoke the targets of the rules that are due; the first time one period after a rule is seen."""
        now = self._clock.now()
        for region, backend in events_backends[DEFAULT_ACCOUNT_ID].items():
            for bus in backend.event_buses.values():
                for rule in bus.rules.values():
                    if rule.scheduled_expression and rule.state == "ENABLED":
                        self._run(region, rule, now)

    def _run(self, region: str, rule: Any, now: float) -> None:
        seconds = schedule_seconds(rule.scheduled_expression)
        due = self._due.setdefault(rule.arn, now + seconds)
        if due > now:
            return
        self._due[rule.arn] = now + seconds
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": DEFAULT_ACCOUNT_ID,
            "time": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "region": region,
            "resources": [rule.arn],
            "detail": {},
        }
        for target in rule.targets:
            self._deliver(rule.arn, target, event)


def schedule_seconds(expression: str) -> int:
    """Return the period of a schedule expression in seconds.

    Raises:
        ValueError: the expression is not `rate(…)` with a positive number and its unit, which is singular
            for 1 and plural for all others.
    """
    found = _RATE.fullmatch(expression)
    if found is None or int(found[1]) < 1 or (int(found[1]) == 1) == bool(found[3]):
        raise ValueError(
            f"the schedule {expression!r} is not supported; use rate(1 minute), rate(n minutes),"
            " and hour or day likewise"
        )
    return int(found[1]) * _SECONDS[found[2]]


def _instant(at: float) -> str:
    instant = datetime.fromtimestamp(at, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"
